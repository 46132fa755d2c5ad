// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import java.util.function.Function;

/**
 * A call of an operation, for tests of what holds for every call: the short forms, and calls that
 * are bound once, with inputs and outputs of every kind.
 *
 * @param name for messages of a test
 * @param arguments its tensors
 * @param maker makes it of these tensors; it returns the loss, or NaN
 */
record EveryCall(String name, List<Argument> arguments, Function<Tensor[], DoubleSupplier> maker) {

  /**
   * A tensor of a call.
   *
   * @param name in messages of the library
   */
  record Argument(String name, Form form, boolean written) {}

  /** The shapes and contents of tensors. */
  enum Form {
    /** Floats per row and class. */
    MATRIX,
    /** Floats per row and class that are probabilities. */
    PROBABILITIES,
    /** A float per row, 1. */
    ROWS,
    /** A float. */
    ONE,
    /** A class per row. */
    LABELS,
    /** A flag per row. */
    FLAGS,
    /** Three classes per row. */
    TOP,
    /** Three floats per row. */
    VALUES,
    /** A bit per class. */
    BITS,
    /** The weights of a linear layer: floats per class of its own and per class. */
    WEIGHTS,
    /** A class of the linear layer per row. */
    LAYER_LABELS
  }

  /** Makes the tensors of a call in some kind of memory. */
  interface Memory {
    Tensor floats(float[] values, long... shape);

    Tensor integers(int[] values, long... shape);

    /** A float per row and class. */
    default Tensor matrix(float[] values, int rows, int classes) {
      return floats(values, rows, classes);
    }

    default Tensor flags(int rows) {
      return Tensor.of(ByteBuffer.allocateDirect(rows), DType.U8);
    }
  }

  /** The memory of Java arrays. */
  static final Memory ARRAYS =
      new Memory() {
        @Override
        public Tensor floats(float[] values, long... shape) {
          return Tensor.of(values, shape);
        }

        @Override
        public Tensor integers(int[] values, long... shape) {
          return Tensor.of(values, shape);
        }
      };

  /** The number of classes of a linear layer. */
  private static final int OF_LAYER = 9;

  @Override
  public String toString() {
    return name;
  }

  /** Makes tensors for the call. */
  Tensor[] tensors(Memory memory, int rows, int classes, long seed) {
    Tensor[] tensors = new Tensor[arguments.size()];
    for (int i = 0; i < tensors.length; i++) {
      tensors[i] = tensor(arguments.get(i).form, memory, rows, classes, seed + i);
    }
    return tensors;
  }

  /** Makes a tensor of a form. */
  static Tensor tensor(Form form, Memory memory, int rows, int classes, long seed) {
    return switch (form) {
      case MATRIX -> memory.matrix(Samples.logits(rows * classes, 2, seed), rows, classes);
      case PROBABILITIES ->
          memory.matrix(Samples.probabilities(rows, classes, seed), rows, classes);
      case ROWS -> memory.floats(ones(rows), rows);
      case ONE -> memory.floats(ones(1), 1);
      case LABELS -> memory.integers(Samples.labels(rows, classes, seed), rows);
      case FLAGS -> memory.flags(rows);
      case TOP -> memory.integers(Samples.labels(3 * rows, classes, seed), rows, 3);
      case VALUES -> memory.floats(Samples.logits(3 * rows, 2, seed), rows, 3);
      case BITS -> memory.integers(allButTheFirst(classes), (classes + 31) / 32);
      case WEIGHTS -> memory.floats(Samples.logits(OF_LAYER * classes, 1, seed), OF_LAYER, classes);
      case LAYER_LABELS -> memory.integers(Samples.labels(rows, OF_LAYER, seed), rows);
    };
  }

  private static int[] allButTheFirst(int classes) {
    int[] words = new int[(classes + 31) / 32];
    for (int k = 1; k < classes; k++) {
      words[k / 32] |= 1 << k % 32;
    }
    return words;
  }

  private static float[] ones(int count) {
    float[] ones = new float[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** The bits of the elements of a tensor, to be compared. */
  static Object contents(Tensor tensor) {
    return tensor.type().isInteger()
        ? LongBuffer.wrap(tensor.toLongArray())
        : IntBuffer.wrap(Samples.bits(tensor));
  }

  /** Makes the call. */
  DoubleSupplier on(Tensor... tensors) {
    return maker.apply(tensors);
  }

  // ---- the list --------------------------------------------------------------------------------

  private static Argument in(String name, Form form) {
    return new Argument(name, form, false);
  }

  private static Argument out(String name, Form form) {
    return new Argument(name, form, true);
  }

  /** A call without a loss. */
  private interface Maker {
    Runnable of(Tensor[] t);
  }

  private static final class Calls extends ArrayList<EveryCall> {
    private static final long serialVersionUID = 1;

    void add(String name, Maker maker, Argument... arguments) {
      add(
          new EveryCall(
              name,
              List.of(arguments),
              t -> {
                Runnable call = maker.of(t);
                return () -> {
                  call.run();
                  return Double.NaN;
                };
              }));
    }

    void loss(String name, Function<Tensor[], DoubleSupplier> maker, Argument... arguments) {
      add(new EveryCall(name, List.of(arguments), maker));
    }
  }

  /** The calls of all operations. */
  static List<EveryCall> all(Execution execution, int classes) {
    Calls calls = new Calls();
    onLogits(calls, execution);
    losses(calls, execution, classes);
    otherLosses(calls, execution);
    sampling(calls, execution);
    return calls;
  }

  private static void onLogits(Calls calls, Execution execution) {
    Argument logits = in("logits", Form.MATRIX);
    Argument output = out("output", Form.MATRIX);
    Argument known = in("output", Form.MATRIX);
    Argument upstream = in("upstream", Form.MATRIX);
    Argument gradient = out("gradient", Form.MATRIX);
    Softmax softmax = Softmax.builder().execution(execution).build();
    Softmax columns = Softmax.builder().execution(execution).axis(0).build();
    LogSoftmax log = LogSoftmax.builder().execution(execution).build();
    calls.add("softmax", t -> () -> softmax.forward(t[0], t[1]), logits, output);
    calls.add("bound softmax", t -> softmax.on(t[0], t[1])::run, logits, output);
    calls.add(
        "softmax with a sink",
        t -> softmax.on(t[0], t[1]).inputs(Inputs.none().withSink(t[2]))::run,
        logits,
        output,
        in("sink", Form.ROWS));
    calls.add("softmax of columns", t -> () -> columns.forward(t[0], t[1]), logits, output);
    calls.add("bound softmax of columns", t -> columns.on(t[0], t[1])::run, logits, output);
    calls.add(
        "softmax backward",
        t -> () -> softmax.backward(t[0], t[1], t[2]),
        known,
        upstream,
        gradient);
    calls.add("log-softmax", t -> () -> log.forward(t[0], t[1]), logits, output);
    calls.add("bound log-softmax", t -> log.on(t[0], t[1])::run, logits, output);
    calls.add(
        "log-softmax backward",
        t -> () -> log.backward(t[0], t[1], t[2]),
        known,
        upstream,
        gradient);
    LogSumExp sum = LogSumExp.builder().execution(execution).build();
    calls.add(
        "log-sum-exp", t -> () -> sum.forward(t[0], t[1]), logits, out("logSumExp", Form.ROWS));
    Argmax argmax = Argmax.builder().execution(execution).build();
    calls.add("argmax", t -> () -> argmax.forward(t[0], t[1]), logits, out("argmax", Form.LABELS));
    Entropy entropy = Entropy.builder().execution(execution).build();
    calls.add(
        "entropy", t -> () -> entropy.forward(t[0], t[1]), logits, out("entropies", Form.ROWS));
    TopK topK = TopK.builder(3).execution(execution).build();
    calls.add(
        "top-k",
        t -> () -> topK.probabilities(t[0], t[1], t[2]),
        logits,
        out("topClasses", Form.TOP),
        out("topProbabilities", Form.VALUES));
    calls.add(
        "top-k, logarithms",
        t -> () -> topK.logProbabilities(t[0], t[1], t[2]),
        logits,
        out("topClasses", Form.TOP),
        out("topLogProbabilities", Form.VALUES));
    CrossEntropyHvp hvp = CrossEntropyHvp.builder().execution(execution).build();
    calls.add("hvp", t -> () -> hvp.product(t[0], t[1], t[2]), logits, upstream, output);
    SelectedLogProbabilities selected =
        SelectedLogProbabilities.builder().execution(execution).build();
    Argument targets = in("targets", Form.LABELS);
    Argument perRow = out("logProbabilities", Form.ROWS);
    calls.add("selected", t -> () -> selected.forward(t[0], t[1], t[2]), logits, targets, perRow);
    calls.add(
        "bound selected with gradient",
        t -> selected.on(t[0], t[1], t[2], null, t[3])::run,
        logits,
        targets,
        perRow,
        gradient);
  }

  private static void losses(Calls calls, Execution execution, int classes) {
    Argument logits = in("logits", Form.MATRIX);
    Argument targets = in("targets", Form.LABELS);
    Argument rows = in("targets", Form.PROBABILITIES);
    Argument gradient = out("gradient", Form.MATRIX);
    Argument losses = out("losses", Form.ROWS);
    CrossEntropy mean = CrossEntropy.builder().execution(execution).build();
    CrossEntropy sum =
        CrossEntropy.builder()
            .execution(execution)
            .reduction(Reduction.SUM)
            .gradientScale(3)
            .build();
    CrossEntropy ignoring = CrossEntropy.builder().execution(execution).ignoreIndex(1).build();
    CrossEntropy smooth =
        CrossEntropy.builder().execution(execution).labelSmoothing(0.1).ignoreIndex(-1).build();
    CrossEntropy focal = CrossEntropy.builder().execution(execution).focalGamma(2).build();
    calls.loss("loss", t -> () -> mean.forward(t[0], t[1]), logits, targets);
    calls.loss("bound loss", t -> mean.on(t[0], t[1])::run, logits, targets);
    for (CrossEntropy loss : new CrossEntropy[] {mean, sum, ignoring, smooth, focal}) {
      calls.loss(
          loss + " with gradient",
          t -> () -> loss.forwardBackward(t[0], t[1], t[2]),
          logits,
          targets,
          gradient);
      calls.loss(
          "bound " + loss + " with gradient",
          t -> loss.on(t[0], t[1], t[2])::run,
          logits,
          targets,
          gradient);
    }
    calls.loss(
        "loss of probability rows",
        t -> () -> sum.forwardBackward(t[0], t[1], t[2]),
        logits,
        rows,
        gradient);
    calls.loss(
        "bound loss of probability rows",
        t -> mean.on(t[0], t[1], t[2])::run,
        logits,
        rows,
        gradient);
    calls.loss(
        "loss with losses",
        t -> {
          LossOutputs outputs = LossOutputs.create().losses(t[2]).countCorrect(true);
          return mean.on(t[0], t[1]).outputs(outputs)::run;
        },
        logits,
        targets,
        losses);
    calls.loss(
        "loss with outputs",
        t -> {
          LossOutputs outputs =
              LossOutputs.create().losses(t[3]).correct(t[4]).saveStatistics(Arena.ofAuto());
          return mean.on(t[0], t[1], t[2]).outputs(outputs)::run;
        },
        logits,
        targets,
        gradient,
        losses,
        out("correct", Form.FLAGS));
    calls.loss(
        "loss that counts correct rows",
        t -> mean.on(t[0], t[1]).outputs(LossOutputs.create().countCorrect(true))::run,
        logits,
        targets);
    CrossEntropy weighted =
        CrossEntropy.builder()
            .execution(execution)
            .classWeights(Tensor.of(Samples.probabilities(1, classes, 6)))
            .build();
    calls.loss(
        "loss with inputs",
        t -> {
          LossOutputs outputs = LossOutputs.create().argmax(t[5]).saveStatistics(Arena.ofAuto());
          Inputs inputs = Inputs.none().withRowWeights(t[3]).withSink(t[4]);
          return weighted.on(t[0], t[1], t[2]).inputs(inputs).outputs(outputs)::run;
        },
        logits,
        targets,
        gradient,
        in("rowWeights", Form.ROWS),
        in("sink", Form.ONE),
        out("argmax", Form.LABELS));
  }

  private static void otherLosses(Calls calls, Execution execution) {
    Argument logits = in("logits", Form.MATRIX);
    Argument labels = in("targets", Form.LABELS);
    Argument rows = in("targets", Form.PROBABILITIES);
    Argument gradient = out("gradient", Form.MATRIX);
    NllLoss nll = NllLoss.builder().execution(execution).build();
    Argument logs = in("logProbabilities", Form.MATRIX);
    calls.loss("nll", t -> () -> nll.forward(t[0], t[1]), logs, labels);
    calls.loss(
        "nll with gradient",
        t -> () -> nll.forwardBackward(t[0], t[1], t[2]),
        logs,
        labels,
        gradient);
    BinaryCrossEntropy binary = BinaryCrossEntropy.builder().execution(execution).build();
    BinaryCrossEntropy focal =
        BinaryCrossEntropy.builder().execution(execution).focalGamma(2).focalAlpha(0.25).build();
    calls.loss("binary", t -> () -> binary.forward(t[0], t[1]), logits, rows);
    calls.loss(
        "focal binary with gradient",
        t -> () -> focal.forwardBackward(t[0], t[1], t[2]),
        logits,
        rows,
        gradient);
    Argument teacher = in("teacher", Form.MATRIX);
    for (DivergenceKind kind : DivergenceKind.values()) {
      Divergence divergence = Divergence.builder(kind).execution(execution).build();
      calls.loss(kind.name(), t -> () -> divergence.forward(t[0], t[1]), logits, teacher);
      calls.loss(
          kind + " with gradient",
          t -> () -> divergence.forwardBackward(t[0], t[1], t[2]),
          logits,
          teacher,
          gradient);
    }
    LinearCrossEntropy linear = LinearCrossEntropy.builder().execution(execution).build();
    Argument hidden = in("hidden", Form.MATRIX);
    Argument weights = in("weights", Form.WEIGHTS);
    Argument losses = out("losses", Form.ROWS);
    Argument few = in("targets", Form.LAYER_LABELS);
    calls.loss("linear layer", t -> () -> linear.forward(t[0], t[1], t[2]), hidden, weights, few);
    calls.loss(
        "linear layer with losses",
        t -> linear.on(t[0], t[1], t[2]).outputs(LossOutputs.create().losses(t[3]))::run,
        hidden,
        weights,
        few,
        losses);
    calls.loss(
        "gradients of a linear layer",
        t -> {
          LinearGradients gradients = LinearGradients.create().hidden(t[3]).weights(t[4]);
          return linear.on(t[0], t[1], t[2], gradients).outputs(LossOutputs.create().losses(t[5]))
              ::run;
        },
        hidden,
        weights,
        few,
        out("hiddenGradient", Form.MATRIX),
        out("weightsGradient", Form.WEIGHTS),
        losses);
  }

  private static void sampling(Calls calls, Execution execution) {
    Argument logits = in("logits", Form.MATRIX);
    Argument tokens = out("tokens", Form.LABELS);
    Sampler sampler = Sampler.builder().execution(execution).topK(5).topP(0.9).build();
    Sampler hot = Sampler.builder().execution(execution).temperature(4).seed(1).build();
    calls.add("sample", t -> () -> sampler.sample(t[0], 7, t[1]), logits, tokens);
    calls.add("sample of all classes", t -> () -> hot.sample(t[0], 3, t[1]), logits, tokens);
    Sampler penalized =
        Sampler.builder().execution(execution).topK(5).topP(0.9).repetitionPenalty(1.1).build();
    Argument[] ofInputs = {
      logits,
      tokens,
      in("outputTokens", Form.TOP),
      in("classMask", Form.BITS),
      in("biasTokens", Form.TOP),
      in("biasValues", Form.VALUES),
      out("logProbabilities", Form.ROWS),
      out("processedLogProbabilities", Form.ROWS)
    };
    calls.add(
        "sample with inputs",
        t -> {
          SamplerCall call = withInputs(penalized, t);
          return () -> call.run(7);
        },
        ofInputs);
    calls.add(
        "sample requests",
        t -> {
          SamplerCall call = withInputs(penalized, t);
          SamplerRequests requests = SamplerRequests.create();
          for (int row = 0; row < t[0].dim(0); row++) {
            requests.add(penalized, row, 0);
          }
          return () -> {
            requests.step(0, 9);
            call.run(requests);
          };
        },
        ofInputs);
    calls.add(
        "sample with a bias",
        t -> {
          SamplerCall call = sampler.on(t[0], t[1]).inputs(SamplerInputs.none().withBias(t[2]));
          return () -> call.run(0);
        },
        logits,
        tokens,
        in("bias", Form.MATRIX));
  }

  private static SamplerCall withInputs(Sampler sampler, Tensor[] t) {
    SamplerInputs inputs =
        SamplerInputs.none().withOutputTokens(t[2]).withClassMask(t[3]).withBias(t[4], t[5]);
    SamplerOutputs outputs =
        SamplerOutputs.create().logProbabilities(t[6]).processedLogProbabilities(t[7]);
    return sampler.on(t[0], t[1]).inputs(inputs).outputs(outputs);
  }
}
