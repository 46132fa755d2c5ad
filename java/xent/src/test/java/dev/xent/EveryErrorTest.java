// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.xent.errors.XentException;
import dev.xent.layers.CrossEntropyLayer;
import dev.xent.layers.Layer;
import dev.xent.layers.LinearCrossEntropyLayer;
import dev.xent.layers.SoftmaxLayer;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.EmptyMean;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Smoothing;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/**
 * Every kind of bad input that the API rejects, with its words: those of {@code errors-api.txt},
 * one line each, on both backends, with nothing written. The table that was seen is left in {@code
 * target/errors-api.txt}.
 */
class EveryErrorTest {
  /** The last part of a message says what to do. */
  private static final Pattern FIX =
      Pattern.compile(
          ".+[:;]"
              + " (expected|pass|request|use|build|choose|name|keep|leave|reshape|align|set|create|call|copy|end|merge|make|sizes"
              + " are|sizes and strides must|strides are|axes go|indices go|a size is) .+|.+ needs"
              + " the shape of its inputs, such as .+");

  /** The message for a number that is wrong by itself. */
  private static final Pattern ONE_NUMBER =
      Pattern.compile("(\\w+) is ([-+.E\\d]+|NaN|Infinity); expected (.+)");

  /** What was seen. */
  private static final Map<String, String> TABLE = new LinkedHashMap<>();

  private interface Call {
    void of(Bad bad);
  }

  /** The tensors of one call that throws. */
  private static final class Bad {
    final Backend backend;
    final Arena arena = Arena.ofConfined();
    final float[] values = Samples.logits(12, 2, 9);
    final float[] written = new float[24];
    final Tensor logits = Tensor.of(values, 3, 4);
    final Tensor out = Tensor.of(written, 24).slice(0, 0, 12).reshape(3, 4);
    final Tensor rows = Tensor.of(written, 24).slice(0, 12, 15);
    final Tensor labels = Tensor.of(new int[] {0, 1, 2});
    final Tensor weights = Tensor.of(Samples.logits(20, 1, 3), 5, 4);
    final Tensor soft = Tensor.of(Samples.probabilities(3, 4, 1), 3, 4);

    Bad(Backend backend) {
      this.backend = backend;
    }

    CrossEntropy.Builder loss() {
      return CrossEntropy.builder().execution(Execution.defaults().withBackend(backend));
    }

    CrossEntropy mean() {
      return loss().build();
    }

    Softmax softmax() {
      return Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    }

    LogSumExp logSumExp() {
      return LogSumExp.builder().execution(Execution.defaults().withBackend(backend)).build();
    }

    LinearCrossEntropy.Builder linear() {
      return LinearCrossEntropy.builder().execution(Execution.defaults().withBackend(backend));
    }

    /** Passes the logits as hidden states of four features, with weights of five classes. */
    void linear(Inputs inputs, LinearGradients gradients) {
      linear().build().on(logits, weights, labels, gradients).inputs(inputs).run();
    }

    BinaryCrossEntropy.Builder binary() {
      return BinaryCrossEntropy.builder().execution(Execution.defaults().withBackend(backend));
    }

    Divergence.Builder kl() {
      return Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
          .execution(Execution.defaults().withBackend(backend));
    }

    Sampler.Builder sampler() {
      return Sampler.builder().execution(Execution.defaults().withBackend(backend));
    }

    void sample(SamplerInputs inputs, SamplerOutputs outputs) {
      sampler().build().on(logits, labels).inputs(inputs).outputs(outputs).run(0);
    }

    /** Samples one row of logits as a request with this sampler. */
    void request(Sampler.Builder ofRow) {
      SamplerRequests requests = SamplerRequests.create().add(ofRow.build(), 0, 0);
      sampler().build().on(logits.slice(0, 0, 1), labels.slice(0, 0, 1)).run(requests);
    }

    SamplerCursor cursor() {
      return sampler().build().start();
    }

    void next(SamplerInputs inputs) {
      cursor().next(logits.select(0, 0), inputs);
    }

    SelectedLogProbabilities select() {
      return SelectedLogProbabilities.builder()
          .execution(Execution.defaults().withBackend(backend))
          .build();
    }

    NllLoss nll() {
      return NllLoss.builder().execution(Execution.defaults().withBackend(backend)).build();
    }

    Inputs none() {
      return Inputs.none();
    }

    LossOutputs outputs() {
      return LossOutputs.create();
    }

    void forward(Tensor x) {
      softmax().forward(x, out);
    }

    void loss(Tensor targets) {
      mean().forwardBackward(logits, targets, out);
    }

    void loss(Inputs inputs) {
      mean().on(logits, labels, out).inputs(inputs).run();
    }

    void loss(LossOutputs outputs) {
      mean().on(logits, labels, out).outputs(outputs).run();
    }
  }

  private static Tensor zeros(DType type, long... shape) {
    long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return Tensor.of(MemorySegment.ofArray(new long[(int) elements]), type, shape);
  }

  private static Map<String, Call> kinds() {
    Map<String, Call> kinds = new LinkedHashMap<>();
    tensors(kinds);
    views(kinds);
    shapes(kinds);
    types(kinds);
    memory(kinds);
    labels(kinds);
    options(kinds);
    sampling(kinds);
    cursors(kinds);
    selected(kinds);
    inputs(kinds);
    ragged(kinds);
    outputs(kinds);
    shards(kinds);
    layers(kinds);
    otherOperations(kinds);
    return kinds;
  }

  private static void tensors(Map<String, Call> kinds) {
    float[] six = new float[6];
    MemorySegment heap = MemorySegment.ofArray(new float[8]);
    long[] shape = {2, 3};
    kinds.put("an array and a shape that differ", b -> Tensor.of(six, 2, 4));
    kinds.put("an array and a size that cannot be inferred", b -> Tensor.of(six, -1, 4));
    kinds.put("rows of two lengths", b -> Tensor.copyOf(new float[][] {{1, 2}, {3}}));
    kinds.put("a negative size", b -> Tensor.of(six, -2, -3));
    kinds.put("no size", b -> Tensor.of(heap, DType.F32));
    kinds.put("more than memory can be", b -> Tensor.of(heap, DType.F32, 1L << 40, 1L << 40));
    kinds.put(
        "an allocation beyond memory", b -> Tensor.allocate(b.arena, DType.F64, (1L << 61) - 1, 1));
    kinds.put("a number of strides", b -> Tensor.strided(heap, DType.F32, shape, new long[] {1}));
    kinds.put("a negative stride", b -> Tensor.strided(heap, DType.F32, shape, new long[] {3, -1}));
    kinds.put("memory that is too small", b -> Tensor.of(heap, DType.F32, 3, 3));
    kinds.put(
        "strides that lead outside",
        b -> Tensor.strided(heap, DType.F32, shape, new long[] {6, 1}));
    kinds.put(
        "floats over bytes", b -> Tensor.of(MemorySegment.ofArray(new byte[16]), DType.F32, 4));
    kinds.put("address 0", b -> Tensor.ofAddress(0, 64, null, DType.F32, 4));
    kinds.put("an address between", b -> Tensor.ofAddress(0x1001, 64, null, DType.F32, 4));
    kinds.put("a negative length", b -> Tensor.ofAddress(0x1000, -1, null, DType.F32, 4));
    kinds.put(
        "a big-endian buffer",
        b -> Tensor.of(ByteBuffer.allocateDirect(16).order(ByteOrder.BIG_ENDIAN).asFloatBuffer()));
    kinds.put(
        "a buffer at its end", b -> Tensor.of(FloatBuffer.allocate(6).put(new float[6]), 2, 3));
    kinds.put(
        "a buffer with half a number",
        b -> Tensor.of(ByteBuffer.allocateDirect(6).order(ByteOrder.nativeOrder()), DType.F32));
    kinds.put(
        "an arena that is closed, for new memory",
        b -> {
          b.arena.close();
          Tensor.allocate(b.arena, DType.F32, 3);
        });
  }

  private static void views(Map<String, Call> kinds) {
    kinds.put("reshape to another number", b -> b.logits.reshape(5, 2));
    kinds.put("reshape with a size that cannot be inferred", b -> b.logits.reshape(-1, 5));
    kinds.put("reshape with two sizes left open", b -> b.logits.reshape(-1, -1, 2));
    kinds.put("reshape with any size", b -> b.logits.reshape(-1, 0));
    kinds.put("reshape of what has gaps", b -> b.logits.slice(1, 0, 2).reshape(6));
    kinds.put("an axis twice", b -> b.logits.permute(1, 1));
    kinds.put("an axis too many", b -> b.logits.permute(0, 1, 2));
    kinds.put("an axis beyond the rank", b -> b.logits.dim(2));
    kinds.put("a slice beyond the end", b -> b.logits.slice(1, 2, 5));
    kinds.put("a slice that ends before it begins", b -> b.logits.slice(0, 2, 1));
    kinds.put("a slice that begins before the first", b -> b.logits.slice(0, -1, 2));
    kinds.put("a slice that begins beyond the end", b -> b.logits.slice(-1, 5, 6));
    kinds.put("select of the only dimension", b -> b.labels.select(0, 1));
    kinds.put("select of the only dimension of floats", b -> b.rows.select(0, 1));
    kinds.put("an index beyond the end", b -> b.logits.getFloat(3, 0));
    kinds.put("an index of another rank", b -> b.logits.getFloat(1));
    kinds.put("a float of integers", b -> b.labels.getFloat(0));
    kinds.put("a double of integers", b -> b.labels.getDouble(0));
    kinds.put("an integer of floats", b -> b.logits.getLong(0, 0));
    kinds.put("a float of doubles", b -> Tensor.of(new double[3]).getFloat(0));
    kinds.put("an array of floats of integers", b -> b.labels.toFloatArray());
    kinds.put("an array of floats of doubles", b -> Tensor.of(new double[3]).toFloatArray());
    kinds.put("an array of doubles of integers", b -> b.labels.toDoubleArray());
    kinds.put(
        "an array of ints of what none holds", b -> Tensor.of(new long[] {1L << 31}).toIntArray());
    kinds.put("an array of integers of floats", b -> b.logits.toLongArray());
    kinds.put("an array of integers of doubles", b -> Tensor.of(new double[3]).toLongArray());
    kinds.put("a float into integers", b -> b.labels.setFloat(1, 0));
    kinds.put("a float into doubles", b -> Tensor.of(new double[3]).setFloat(1, 0));
    kinds.put("a double into integers", b -> b.labels.setDouble(1, 0));
    kinds.put("half a number into all integers", b -> b.labels.fill(0.5));
    kinds.put("all integers of what they do not hold", b -> Tensor.of(new byte[2]).fill(128));
    kinds.put("shorts as floats", b -> Tensor.of(new short[2], DType.F32));
    kinds.put("an integer into floats", b -> b.out.setLong(1, 0, 0));
    kinds.put("a copy of another shape", b -> b.out.copyFrom(b.soft.slice(0, 0, 2)));
    kinds.put("a copy of another type", b -> b.rows.copyFrom(b.labels));
    kinds.put(
        "a copy of memory that it overlaps",
        b -> b.out.slice(1, 0, 3).permute(1, 0).copyFrom(b.out.slice(1, 0, 3)));
    kinds.put("a copy into read-only memory", b -> b.out.asReadOnly().copyFrom(b.soft));
    kinds.put("a number into read-only memory", b -> b.out.asReadOnly().setFloat(1, 0, 0));
  }

  private static void shapes(Map<String, Call> kinds) {
    kinds.put("an output of another shape", b -> b.softmax().forward(b.logits, b.rows));
    kinds.put("an upstream of another shape", b -> b.softmax().backward(b.soft, b.rows, b.out));
    kinds.put("log-sum-exp of another shape", b -> b.logSumExp().forward(b.logits, b.out));
    kinds.put("labels of another number", b -> b.loss(Tensor.of(new int[4])));
    kinds.put(
        "labels along another axis",
        b -> b.mean().forward(Tensor.of(new float[24], 2, 3, 4), Tensor.of(new int[8], 2, 4)));
    kinds.put("labels in the shape of the logits", b -> b.loss(Tensor.of(new int[12], 3, 4)));
    kinds.put(
        "labels of logits in a line",
        b -> b.mean().forward(b.logits.reshape(12), Tensor.of(new int[3])));
    kinds.put("probability rows of another shape", b -> b.loss(b.soft.slice(0, 0, 2)));
    kinds.put("a teacher of another shape", b -> b.kl().build().forward(b.logits, b.rows));
    kinds.put("losses of another shape", b -> b.loss(b.outputs().losses(b.out)));
    kinds.put("no class", b -> b.forward(Tensor.of(new float[0], 3, 0)));
    kinds.put("no class and no row", b -> b.forward(Tensor.copyOf(new float[0][])));
    kinds.put(
        "the largest of no class and no row",
        b -> TopK.of(1).probabilities(Tensor.copyOf(new float[0][])));
    kinds.put(
        "logits in a line under PyTorch's rules",
        b ->
            CrossEntropy.pytorchRules()
                .build()
                .forward(Tensor.of(new float[2]), Tensor.of(new int[1])));
    kinds.put(
        "labels along the other axis of a matrix",
        b -> b.loss().axis(0).build().forward(b.logits, b.labels));
    kinds.put(
        "a class axis that is not there",
        b -> b.loss().axis(2).build().forward(b.logits, b.labels));
  }

  private static void types(Map<String, Call> kinds) {
    kinds.put("logits of integers", b -> b.forward(zeros(DType.I32, 3, 4)));
    kinds.put("doubles from floats", b -> b.softmax().forward(b.logits, zeros(DType.F64, 3, 4)));
    kinds.put(
        "16 bits from doubles",
        b -> b.softmax().forward(zeros(DType.F64, 3, 4), zeros(DType.F16, 3, 4)));
    kinds.put("labels of floats", b -> b.loss(zeros(DType.F32, 3)));
    kinds.put("probabilities of doubles and logits of floats", b -> b.loss(zeros(DType.F64, 3, 4)));
    kinds.put("correct rows of integers", b -> b.loss(b.outputs().correct(zeros(DType.I32, 3))));
    kinds.put("argmax of bytes", b -> b.loss(b.outputs().argmax(zeros(DType.I8, 3))));
    kinds.put(
        "argmax of more classes than an int counts",
        b -> Argmax.along(1).forward(manyClasses(), zeros(DType.I32, 1)));
    kinds.put("a mask of floats", b -> b.loss(b.none().withClassMask(zeros(DType.F32, 4))));
    kinds.put("a sink of integers", b -> b.loss(b.none().withSink(zeros(DType.I64, 3))));
    kinds.put(
        "offsets of floats",
        b ->
            b.softmax()
                .on(b.logits, b.out)
                .inputs(b.none().withRowOffsets(zeros(DType.F32, 3)))
                .run());
  }

  /** Logits that are one number, 2^31 + 1 times. */
  private static Tensor manyClasses() {
    MemorySegment one = MemorySegment.ofArray(new float[1]);
    return Tensor.strided(one, DType.F32, new long[] {1, (1L << 31) + 1}, new long[] {0, 0});
  }

  private static void memory(Map<String, Call> kinds) {
    kinds.put("a read-only output", b -> b.softmax().forward(b.logits, b.out.asReadOnly()));
    kinds.put(
        "a read-only gradient",
        b -> b.mean().forwardBackward(b.logits, b.labels, b.out.asReadOnly()));
    kinds.put(
        "read-only outputs", b -> b.loss(b.outputs().argmax(zeros(DType.I32, 3).asReadOnly())));
    kinds.put(
        "an output that overlaps",
        b -> {
          Tensor memory = Tensor.of(b.written, 24);
          b.softmax().forward(memory.slice(0, 2, 14).reshape(3, 4), b.out);
        });
    kinds.put("a gradient on the targets", b -> b.mean().forwardBackward(b.logits, b.out, b.out));
    kinds.put(
        "two results in one place", b -> b.loss(b.outputs().losses(b.rows).entropies(b.rows)));
    kinds.put(
        "an output whose rows are one",
        b ->
            b.softmax()
                .forward(
                    b.logits,
                    Tensor.strided(
                        b.out.segment(), DType.F32, new long[] {3, 4}, new long[] {0, 1})));
    kinds.put(
        "an output of more than three dimensions that interleave",
        b ->
            b.softmax()
                .forward(
                    zeros(DType.F32, 2, 2, 2, 2),
                    Tensor.strided(
                        MemorySegment.ofArray(new float[27]),
                        DType.F32,
                        new long[] {2, 2, 2, 2},
                        new long[] {5, 6, 7, 8})));
    kinds.put(
        "an arena that is closed",
        b -> {
          Tensor gone = Tensor.allocate(b.arena, DType.F32, 3, 4);
          b.arena.close();
          b.forward(gone);
        });
    kinds.put(
        "memory that its owner has taken back",
        b ->
            b.forward(
                b.logits.withGuard(
                    () -> "the buffer is released; keep it retained during the call")));
    kinds.put(
        "an arena of another thread",
        b -> {
          Tensor confined = Tensor.allocate(b.arena, DType.F32, 3, 4);
          onAnotherThread(() -> b.forward(confined));
        });
  }

  private static void onAnotherThread(Runnable call) {
    IllegalArgumentException[] thrown = new IllegalArgumentException[1];
    Thread other =
        new Thread(
            () -> {
              try {
                call.run();
              } catch (IllegalArgumentException e) {
                thrown[0] = e;
              }
            },
            "worker-7");
    other.start();
    try {
      other.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    throw thrown[0];
  }

  private static Tensor u64(long... values) {
    return Tensor.of(MemorySegment.ofArray(values), DType.U64, values.length);
  }

  private static void labels(Map<String, Call> kinds) {
    kinds.put("a label beyond the classes", b -> b.loss(Tensor.of(new int[] {0, 4, 1})));
    kinds.put("a negative label", b -> b.loss(Tensor.of(new byte[] {0, 1, -1})));
    kinds.put(
        "an unsigned byte as a label",
        b ->
            b.mean()
                .forward(Tensor.of(new float[512], 2, 256), Tensor.of(new byte[] {(byte) 200, 1})));
    kinds.put("a label that no long holds", b -> b.loss(u64(0, 1, -1)));
    kinds.put("padding that was not declared", b -> b.loss(Tensor.of(new long[] {-100, 1, 2})));
    kinds.put(
        "a label of a masked class",
        b -> b.loss(b.none().withClassMask(Tensor.of(new byte[] {1, 1, 0, 1}))));
    kinds.put(
        "a label of log-probabilities",
        b -> b.nll().forwardBackward(b.logits, Tensor.of(new int[] {7, 0, 0}), b.out));
    kinds.put(
        "a class of sparse targets",
        b ->
            b.mean()
                .on(b.logits, Tensor.of(new int[] {0, 1, 2, 3, 9, 0}, 3, 2), b.out)
                .inputs(b.none().withTargetWeights(Tensor.of(new float[6], 3, 2)))
                .run());
    kinds.put(
        "no row that counts",
        b ->
            b.loss()
                .ignoreIndex(1)
                .emptyMean(EmptyMean.ERROR)
                .build()
                .forwardBackward(b.logits, Tensor.of(new int[] {1, 1, 1}), b.out));
  }

  private static void sampling(Map<String, Call> kinds) {
    kinds.put("a negative temperature of sampling", b -> b.sampler().temperature(-1));
    kinds.put("a temperature of sampling near 0", b -> b.sampler().temperature(1e-300));
    kinds.put("a top-k below 0", b -> b.sampler().topK(-1));
    kinds.put("a top-p of 0", b -> b.sampler().topP(0));
    kinds.put("a min-p above 1", b -> b.sampler().minP(1.5));
    kinds.put("a typical-p that is NaN", b -> b.sampler().typicalP(Double.NaN));
    kinds.put("a scale of 0", b -> b.sampler().scale(0));
    kinds.put("a range of dynatemp below 0", b -> b.sampler().dynatempRange(-1));
    kinds.put("an exponent of dynatemp of 0", b -> b.sampler().dynatempExponent(0));
    kinds.put("a top-n-sigma below 0", b -> b.sampler().topNSigma(-1));
    kinds.put("a chance of XTC above 1", b -> b.sampler().xtcProbability(1.1));
    kinds.put("a threshold of XTC of 0", b -> b.sampler().xtcThreshold(0));
    kinds.put(
        "a filter that an order lacks",
        b -> b.sampler().topK(3).order(SamplingFilter.TOP_P).build());
    kinds.put(
        "a filter twice in an order",
        b -> b.sampler().order(SamplingFilter.TOP_P, SamplingFilter.TOP_P).build());
    kinds.put("no class to keep", b -> b.sampler().minKeep(0));
    kinds.put("a repetition penalty of 0", b -> b.sampler().repetitionPenalty(0));
    kinds.put("a repetition penalty near 0", b -> b.sampler().repetitionPenalty(1e-40));
    kinds.put("a frequency penalty that no float holds", b -> b.sampler().frequencyPenalty(1e39));
    kinds.put("a draw beyond 32 bits", b -> b.sampler().draw(1L << 32));
    kinds.put(
        "a filter that rules lack",
        b -> b.sampler().rules(SamplingRules.ONNXRUNTIME_GENAI).minP(0.1).build());
    kinds.put(
        "a penalty without earlier tokens",
        b -> b.sampler().repetitionPenalty(2).build().token(b.logits.select(0, 0), 0));
    kinds.put(
        "one token of a NaN",
        b -> b.sampler().build().token(Tensor.of(new float[] {0, Float.NaN}), 0));
    kinds.put("one token of several rows", b -> b.sampler().build().token(b.logits, 0));
    kinds.put("a step below 0", b -> b.sampler().build().sample(b.logits, -1, b.labels));
    kinds.put(
        "sampling of doubles",
        b -> b.sampler().build().sample(zeros(DType.F64, 3, 4), 0, b.labels));
    kinds.put("tokens of floats", b -> b.sampler().build().sample(b.logits, 0, b.rows));
    kinds.put(
        "tokens of another shape",
        b -> b.sampler().build().sample(b.logits, 0, Tensor.of(new int[2])));
    kinds.put(
        "a number of requests that is not that of rows",
        b -> {
          SamplerRequests one = SamplerRequests.create().add(Sampler.greedy(), 0, 0);
          b.sampler().build().on(b.logits, b.labels).run(one);
        });
    kinds.put("a request of another softcap", b -> b.request(b.sampler().softcap(0.5)));
    kinds.put("a request of another axis", b -> b.request(b.sampler().axis(0)));
    kinds.put(
        "a prompt token beyond the classes",
        b ->
            b.sample(
                SamplerInputs.none().withPromptTokens(Tensor.of(new int[] {0, 1, 4}, 3, 1)),
                SamplerOutputs.create()));
    kinds.put(
        "a biased token beyond the classes",
        b ->
            b.sample(
                SamplerInputs.none()
                    .withBias(Tensor.of(new int[] {0, 1, -2}, 3, 1), Tensor.of(new float[3], 3, 1)),
                SamplerOutputs.create()));
    kinds.put(
        "bias values of another shape",
        b ->
            b.sample(
                SamplerInputs.none()
                    .withBias(Tensor.of(new int[6], 3, 2), Tensor.of(new float[3], 3, 1)),
                SamplerOutputs.create()));
    kinds.put(
        "a draft beyond the classes",
        b ->
            b.sample(
                SamplerInputs.none()
                    .withDrafts(Tensor.of(new int[] {0, 4, 0}), Tensor.of(new float[12], 3, 4)),
                SamplerOutputs.create()));
    kinds.put(
        "a draft probability of 0",
        b ->
            b.sample(
                SamplerInputs.none()
                    .withDrafts(Tensor.of(new int[] {-1, 2, 0}), Tensor.of(new float[12], 3, 4)),
                SamplerOutputs.create()));
    kinds.put(
        "draft probabilities of another shape",
        b ->
            b.sample(
                SamplerInputs.none()
                    .withDrafts(Tensor.of(new int[3]), Tensor.of(new float[4], 1, 4)),
                SamplerOutputs.create()));
    kinds.put(
        "a mask of bits of another size",
        b ->
            b.sample(
                SamplerInputs.none().withClassMask(Tensor.of(new int[2])),
                SamplerOutputs.create()));
    kinds.put(
        "a mask of longs",
        b ->
            b.sample(
                SamplerInputs.none().withClassMask(Tensor.of(new long[1])),
                SamplerOutputs.create()));
    kinds.put(
        "a bias of another size",
        b ->
            b.sample(
                SamplerInputs.none().withBias(Tensor.of(new float[3])), SamplerOutputs.create()));
    kinds.put(
        "a kept mask of floats",
        b -> b.sample(SamplerInputs.none(), SamplerOutputs.create().keptMask(b.out)));
  }

  private static void cursors(Map<String, Call> kinds) {
    Tensor noClass = Tensor.of(new byte[4]);
    Tensor forbidding = Tensor.of(new float[4]);
    for (int i = 0; i < 4; i++) {
      forbidding.setFloat(Float.NEGATIVE_INFINITY, i);
    }
    kinds.put("a mask without a class", b -> b.next(SamplerInputs.none().withClassMask(noClass)));
    kinds.put(
        "a bias that forbids all classes", b -> b.next(SamplerInputs.none().withBias(forbidding)));
    kinds.put(
        "banned tokens that leave no class",
        b -> {
          SamplerCursor cursor = b.sampler().noRepeatNgram(1).build().start();
          cursor.promptTokens(0, 1, 2, 3).next(b.logits.select(0, 0));
        });
    kinds.put(
        "a prompt token of a cursor beyond the classes",
        b -> b.cursor().promptTokens(1, 7).next(b.logits.select(0, 0)));
    kinds.put("a negative prompt token of a cursor", b -> b.cursor().promptTokens(1, -7));
    kinds.put(
        "an accepted token beyond the classes",
        b -> b.cursor().accept(4).next(b.logits.select(0, 0)));
    kinds.put("a negative accepted token", b -> b.cursor().accept(-1));
    kinds.put(
        "a row of another length in one text",
        b -> {
          SamplerCursor cursor = b.cursor();
          cursor.next(b.logits.select(0, 0));
          cursor.next(b.logits.select(0, 1).slice(0, 0, 3));
        });
    kinds.put(
        "a draft of a cursor beyond the classes",
        b -> b.cursor().verify(b.logits, new int[] {0, 4}, new int[3]));
    kinds.put(
        "a log-probability of a draft of a cursor",
        b ->
            b.cursor()
                .verify(
                    b.logits,
                    new int[] {0, 1},
                    Tensor.of(new float[] {1, 0, 0, 0, 0, -3.5f, 0, 0}, 2, 4),
                    new int[3]));
    kinds.put(
        "a negative draft of a cursor",
        b -> b.cursor().verify(b.logits, new int[] {-1, 0}, new int[3]));
  }

  private static void selected(Map<String, Call> kinds) {
    kinds.put(
        "more than 256 selected classes",
        b -> b.select().forward(b.logits, zeros(DType.I32, 3, 257), zeros(DType.F32, 3, 257)));
    kinds.put(
        "selected log-probabilities of another shape",
        b -> b.select().forward(b.logits, b.labels, Tensor.of(new float[2])));
    kinds.put(
        "a selected class beyond the classes",
        b -> b.select().forward(b.logits, Tensor.of(new int[] {0, 4, 0}), b.rows));
    kinds.put(
        "offsets of sequences that count elements",
        b ->
            b.select().sumSequences(b.soft, Tensor.of(new int[] {0, 4}), Tensor.of(new double[1])));
    kinds.put(
        "offsets of sequences that fall",
        b ->
            b.select()
                .sumSequences(b.rows, Tensor.of(new int[] {0, 2, 1}), Tensor.of(new double[2])));
    kinds.put(
        "sums of another number of sequences",
        b ->
            b.select().sumSequences(b.rows, Tensor.of(new int[] {0, 3}), Tensor.of(new double[2])));
  }

  private static void options(Map<String, Call> kinds) {
    kinds.put("smoothing above 1", b -> b.loss().labelSmoothing(1.5));
    kinds.put("smoothing that is NaN", b -> b.loss().labelSmoothing(Double.NaN));
    kinds.put("a negative denominator", b -> b.loss().denominator(-2));
    kinds.put("an infinite gradient scale", b -> b.loss().gradientScale(Double.POSITIVE_INFINITY));
    kinds.put(
        "a scale that overflows",
        b ->
            b.loss()
                .gradientScale(1e300)
                .denominator(1e-300)
                .build()
                .forwardBackward(b.logits, b.labels, b.out));
    kinds.put("a temperature of 0", b -> Softmax.builder().temperature(0));
    kinds.put("a temperature that is too small", b -> b.loss().temperature(1e-200));
    kinds.put("a negative softcap", b -> LogSoftmax.builder().softcap(-30));
    kinds.put("a negative z-loss", b -> b.loss().zLoss(-1e-4));
    kinds.put("a clamp above a half", b -> b.loss().probabilityClamp(0.75));
    kinds.put(
        "a clamp and smoothing", b -> b.loss().probabilityClamp(0.1).labelSmoothing(0.1).build());
    kinds.put("a negative focal gamma", b -> b.loss().focalGamma(-1));
    kinds.put("a focal alpha of 0", b -> BinaryCrossEntropy.builder().focalAlpha(0));
    kinds.put(
        "a focal loss and smoothing", b -> b.loss().focalGamma(2).labelSmoothing(0.1).build());
    kinds.put("a focal loss and z-loss", b -> b.loss().focalGamma(2).zLoss(1).build());
    kinds.put(
        "a focal loss and a clamp", b -> b.loss().focalGamma(2).probabilityClamp(0.1).build());
    kinds.put(
        "a focal loss with probability rows",
        b -> b.loss().focalGamma(2).build().forwardBackward(b.logits, b.soft, b.out));
    kinds.put("a focal loss of log-probabilities", b -> NllLoss.of(b.loss().focalGamma(2).build()));
    kinds.put("labels of rows for elements", b -> b.binary().build().forward(b.logits, b.labels));
    kinds.put(
        "doubles for elements of floats",
        b -> b.binary().build().forward(b.logits, Tensor.of(new double[8], 2, 4)));
    kinds.put(
        "a label that is neither 0 nor 1",
        b ->
            b.binary()
                .build()
                .forward(
                    b.logits, Tensor.of(new byte[] {0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 3, 4)));
    kinds.put(
        "an ignore index with numbers of elements",
        b -> b.binary().ignoreIndex(-1).build().forward(b.logits, b.soft));
    kinds.put(
        "positive weights of another shape",
        b ->
            b.binary()
                .build()
                .on(b.logits, b.soft)
                .inputs(b.none().withPositiveWeights(Tensor.of(new float[3])))
                .run());
    kinds.put("a workspace of no bytes", b -> b.linear().workspace(0));
    kinds.put(
        "a workspace that is too small",
        b ->
            b.linear()
                .execution(Execution.defaults().withBackend(Backend.REFERENCE))
                .workspace(1)
                .build()
                .forward(b.logits, b.weights, b.labels));
    kinds.put(
        "hidden states of doubles",
        b -> b.linear().build().forward(Tensor.of(new double[12], 3, 4), b.weights, b.labels));
    kinds.put(
        "weights of integers",
        b -> b.linear().build().forward(b.logits, Tensor.of(new int[20], 5, 4), b.labels));
    kinds.put(
        "weights of other features",
        b -> b.linear().build().forward(b.logits, Tensor.of(new float[15], 5, 3), b.labels));
    kinds.put(
        "no features",
        b ->
            b.linear()
                .build()
                .forward(Tensor.of(new float[0], 3, 0), Tensor.of(new float[0], 5, 0), b.labels));
    kinds.put(
        "probability rows of features",
        b -> b.linear().build().forward(b.logits, b.weights, b.soft));
    kinds.put(
        "a label beyond the classes of the weights",
        b -> b.linear().build().forward(b.logits, b.weights, Tensor.of(new int[] {0, 5, 2})));
    kinds.put(
        "a bias of another number",
        b -> b.linear(b.none().withBias(Tensor.of(new float[4])), LinearGradients.create()));
    kinds.put("a bias of logits", b -> b.loss(b.none().withBias(Tensor.of(new float[4]))));
    kinds.put(
        "ragged rows of a linear layer",
        b ->
            b.linear(
                b.none().withRowOffsets(Tensor.of(new int[] {0, 1, 2, 3})),
                LinearGradients.create()));
    kinds.put(
        "a gradient of hidden states of another shape",
        b -> b.linear(b.none(), LinearGradients.create().hidden(b.out.reshape(4, 3))));
    kinds.put(
        "a gradient of weights that overlaps them",
        b -> b.linear(b.none(), LinearGradients.create().weights(b.weights)));
    kinds.put(
        "a gradient of weights that is read-only",
        b ->
            b.linear(
                b.none(),
                LinearGradients.create().weights(Tensor.of(new float[20], 5, 4).asReadOnly())));
    kinds.put(
        "a gradient of a bias of another number",
        b -> b.linear(b.none(), LinearGradients.create().bias(b.rows)));
    kinds.put("no thread", b -> Softmax.builder().execution(Execution.defaults().withThreads(0)));
    kinds.put(
        "an ignore index with probability rows",
        b -> b.loss().ignoreIndex(-7).build().forwardBackward(b.logits, b.soft, b.out));
    kinds.put(
        "smoothing of others with probability rows",
        b -> b.loss().smoothing(Smoothing.OTHERS).build().forwardBackward(b.logits, b.soft, b.out));
    kinds.put(
        "a clamp of probability rows in parts",
        b ->
            b.loss()
                .probabilityClamp(0.1)
                .build()
                .shard(0, 4)
                .partialStates(b.logits, b.soft, Inputs.none()));
    kinds.put("z-loss of log-probabilities", b -> NllLoss.of(b.loss().zLoss(1).build()));
    kinds.put(
        "the backward of a softcap",
        b ->
            Softmax.builder()
                .execution(Execution.defaults().withBackend(b.backend))
                .softcap(30)
                .build()
                .backward(b.soft, b.logits, b.out));
    kinds.put(
        "class weights of another number",
        b ->
            b.loss()
                .classWeights(Tensor.of(new float[3]))
                .build()
                .forwardBackward(b.logits, b.labels, b.out));
    kinds.put(
        "a negative class weight",
        b ->
            b.loss()
                .classWeights(Tensor.of(new float[] {1, 1, -1, 1}))
                .build()
                .forwardBackward(b.logits, b.labels, b.out));
  }

  private static void inputs(Map<String, Call> kinds) {
    kinds.put(
        "row weights in a softmax",
        b ->
            b.softmax()
                .on(b.logits, b.out)
                .inputs(b.none().withRowWeights(Tensor.of(new float[3])))
                .run());
    kinds.put(
        "a sink in a backward",
        b ->
            b.softmax()
                .onBackward(b.soft, b.logits, b.out)
                .inputs(b.none().withSink(Tensor.of(new float[3])))
                .run());
    kinds.put(
        "a mask of another size", b -> b.loss(b.none().withClassMask(Tensor.of(new byte[3]))));
    kinds.put(
        "row weights of another size", b -> b.loss(b.none().withRowWeights(zeros(DType.U8, 4))));
    kinds.put("a sink of another size", b -> b.loss(b.none().withSink(Tensor.of(new float[2]))));
    kinds.put(
        "a row weight that is NaN",
        b -> b.loss(b.none().withRowWeights(Tensor.of(new float[] {1, Float.NaN, 1}))));
    kinds.put(
        "sparse targets of floats",
        b ->
            b.mean()
                .on(b.logits, b.soft, b.out)
                .inputs(b.none().withTargetWeights(Tensor.of(new float[12], 3, 4)))
                .run());
    kinds.put(
        "target weights of another shape",
        b ->
            b.mean()
                .on(b.logits, Tensor.of(new int[6], 3, 2), b.out)
                .inputs(b.none().withTargetWeights(Tensor.of(new float[3], 3, 1)))
                .run());
    kinds.put(
        "sparse targets of no class",
        b ->
            b.mean()
                .on(b.logits, Tensor.of(new int[0], 3, 0), b.out)
                .inputs(b.none().withTargetWeights(Tensor.of(new float[0], 3, 0)))
                .run());
  }

  private static void ragged(Map<String, Call> kinds) {
    Tensor values = Tensor.of(new float[12]);
    kinds.put("offsets with a matrix", b -> ragged(b, b.logits, 0, 4, 12));
    kinds.put("offsets that fall", b -> ragged(b, values, 0, 4, 3, 12));
    kinds.put("offsets beyond the end", b -> ragged(b, values, 0, 4, 13));
    kinds.put("offsets below 0", b -> ragged(b, values, -1, 4));
    kinds.put("no offset", b -> ragged(b, values));
    kinds.put(
        "offsets without the end",
        b ->
            b.mean()
                .on(values, Tensor.of(new int[] {0, 1}))
                .inputs(b.none().withRowOffsets(Tensor.of(new int[] {0, 8})))
                .run());
    kinds.put(
        "a label past the end of its row",
        b ->
            b.mean()
                .on(values, Tensor.of(new int[] {0, 7}), Tensor.of(b.written, 24).slice(0, 0, 12))
                .inputs(b.none().withRowOffsets(Tensor.of(new int[] {0, 8, 12})))
                .run());
  }

  private static void ragged(Bad b, Tensor values, long... offsets) {
    Tensor out = values.rank() == 1 ? Tensor.of(b.written, 24).slice(0, 0, 12) : b.out;
    b.softmax().on(values, out).inputs(b.none().withRowOffsets(Tensor.of(offsets))).run();
  }

  private static void outputs(Map<String, Call> kinds) {
    kinds.put(
        "ranks of probability rows",
        b ->
            b.mean()
                .on(b.logits, b.soft, b.out)
                .outputs(b.outputs().ranks(Tensor.of(new int[3])))
                .run());
    kinds.put(
        "correct rows of probability rows",
        b -> b.mean().on(b.logits, b.soft).outputs(b.outputs().countCorrect(true)).run());
    kinds.put(
        "a gradient of labels",
        b -> b.mean().on(b.logits, b.labels).outputs(b.outputs().targetGradient(b.out)).run());
    kinds.put(
        "a gradient of targets of another shape",
        b -> b.mean().on(b.logits, b.soft).outputs(b.outputs().targetGradient(b.rows)).run());
    kinds.put(
        "more largest classes than there are",
        b -> b.loss(b.outputs().topClasses(Tensor.of(new int[15], 3, 5))));
    kinds.put(
        "more probabilities than largest classes",
        b -> TopK.of(2).probabilities(b.logits, zeros(DType.I32, 3, 2), zeros(DType.F32, 3, 3)));
    kinds.put("no largest class", b -> TopK.of(0));
    kinds.put(
        "more of the largest classes than there are", b -> TopK.of(5).probabilities(b.logits));
    kinds.put(
        "tensors of more of the largest classes than asked for",
        b -> TopK.of(2).probabilities(b.logits, zeros(DType.I32, 3, 3), zeros(DType.F32, 3, 3)));
    kinds.put(
        "a backward without a forward",
        b -> b.mean().onBackward(b.logits, b.labels, b.outputs(), null, b.out).run());
    kinds.put(
        "losses of selected classes",
        b -> {
          b.select().on(b.logits, b.labels, b.rows, b.outputs().losses(b.rows)).run();
        });
    kinds.put(
        "a backward of other targets",
        b -> {
          LossOutputs saved = b.outputs().saveStatistics(b.arena);
          b.mean().on(b.logits, b.labels).outputs(saved).run();
          b.mean().onBackward(b.logits, b.soft, saved, null, b.out).run();
        });
    kinds.put(
        "a backward of other options",
        b -> {
          LossOutputs saved = b.outputs().saveStatistics(b.arena);
          b.mean().on(b.logits, b.labels).outputs(saved).run();
          b.loss().temperature(2).build().onBackward(b.logits, b.labels, saved, null, b.out).run();
        });
    kinds.put(
        "an argmax of log-probabilities",
        b ->
            NllLoss.mean()
                .on(b.logits, b.labels, b.out)
                .outputs(b.outputs().argmax(Tensor.of(new int[3])))
                .run());
    kinds.put(
        "correct rows of elements",
        b ->
            b.binary()
                .build()
                .on(b.logits, b.soft, b.out)
                .outputs(b.outputs().countCorrect(true))
                .run());
    kinds.put(
        "statistics of a divergence",
        b ->
            Divergence.mean(DivergenceKind.KULLBACK_LEIBLER)
                .on(b.logits, b.logits, b.out)
                .outputs(b.outputs().saveStatistics(b.arena))
                .run());
    kinds.put("bytes of something else than a loss sum", b -> LossSum.ofBytes(new byte[40]));
    kinds.put(
        "more rows than a loss sum can have",
        b -> {
          LossSum sum = LossSum.create();
          CrossEntropy.mean()
              .on(Tensor.of(new float[2], 1, 2), Tensor.of(new int[1]))
              .outputs(LossOutputs.create().lossSum(sum))
              .run();
          for (int doubled = 0; doubled < 40; doubled++) {
            sum.add(sum);
          }
        });
  }

  private static void shards(Map<String, Call> kinds) {
    kinds.put(
        "a shard within a chunk",
        b -> b.mean().shard(100, 10_000).partialStates(b.logits, b.labels, b.none()));
    kinds.put(
        "a shard that ends within a chunk",
        b -> b.mean().shard(0, 10_000).partialStates(b.logits, b.labels, b.none()));
    kinds.put(
        "a part that is there twice",
        b -> {
          PartialStates part = b.mean().shard(0, 4).partialStates(b.logits, b.labels, b.none());
          PartialStates.merge(List.of(part, part));
        });
    kinds.put(
        "results of whole rows of a shard",
        b ->
            b.mean()
                .shard(0, 4)
                .exchange(
                    b.logits,
                    b.labels,
                    b.none(),
                    b.outputs().entropies(Tensor.of(new float[3])),
                    List::of));
    kinds.put("correct rows that were not counted", b -> b.outputs().correctRows());
    kinds.put("no part", b -> PartialStates.merge(List.of()));
    kinds.put(
        "parts of a softmax and a loss",
        b ->
            PartialStates.merge(
                List.of(
                    b.mean().shard(0, 4).partialStates(b.logits, b.labels, b.none()),
                    b.softmax().shard(0, 4).partialStates(b.logits, b.none()))));
    kinds.put(
        "states of a softmax for a loss",
        b ->
            b.mean()
                .shard(0, 4)
                .finish(
                    b.softmax().shard(0, 4).partialStates(b.logits, b.none()),
                    b.labels,
                    b.none(),
                    LossOutputs.create()));
    kinds.put("bytes of something else than states", b -> PartialStates.ofBytes(new byte[100]));
    kinds.put(
        "bytes that are cut off",
        b -> {
          byte[] bytes = b.softmax().shard(0, 4).partialStates(b.logits, b.none()).toBytes();
          PartialStates.ofBytes(Arrays.copyOf(bytes, bytes.length - 1));
        });
  }

  private static void layers(Map<String, Call> kinds) {
    kinds.put("a layer without sizes", b -> new SoftmaxLayer());
    kinds.put("a layer of a size below 0", b -> new SoftmaxLayer(3, -2));
    kinds.put(
        "a layer along an axis that its shape lacks", b -> SoftmaxLayer.along(2, Layer.ANY, 4));
    kinds.put(
        "a layer whose weights have other features",
        b -> new LinearCrossEntropyLayer(Tensor.of(new float[20], 5, 4), Layer.ANY, 2));
    kinds.put(
        "an input that a layer was not made for", b -> new SoftmaxLayer(3, 5).forward(b.logits));
    kinds.put("an input with more axes than a layer's", b -> new SoftmaxLayer(4).forward(b.logits));
    kinds.put("an upstream gradient of another shape", b -> afterLoss(b, Tensor.of(new float[1])));
    kinds.put("an upstream gradient of integers", b -> afterLoss(b, Tensor.of(new int[3])));
    kinds.put(
        "a backward of a layer without a forward",
        b -> new SoftmaxLayer(Layer.ANY, 4).backward(b.logits));
    kinds.put(
        "an input with fewer axes than a layer's",
        b -> new CrossEntropyLayer(Layer.ANY, 4).forward(b.logits.select(0, 0), b.labels));
    kinds.put(
        "a layer of one axis under PyTorch's rules",
        b -> CrossEntropyLayer.of(CrossEntropy.pytorchRules().build(), 4));
    kinds.put(
        "a layer that is closed",
        b -> {
          SoftmaxLayer layer = new SoftmaxLayer(3, 4);
          layer.close();
          layer.forward(b.logits);
        });
  }

  /** What is listed above too, of other operations and targets. */
  private static void otherOperations(Map<String, Call> kinds) {
    Tensor sparse = Tensor.of(new int[3], 3, 1);
    Inputs entries = Inputs.none().withTargetWeights(Tensor.of(new float[3], 3, 1));
    Inputs twoRows = Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 12, 12}));
    kinds.put(
        "the backward of a softcap of log-softmax",
        b -> LogSoftmax.builder().softcap(30).build().backward(b.logits, b.logits, b.out));
    kinds.put(
        "a clamp of log-probabilities",
        b -> b.loss().probabilityClamp(0.25).build().onLogProbabilities());
    kinds.put(
        "smoothing of others with sparse targets",
        b ->
            b.loss()
                .smoothing(Smoothing.OTHERS)
                .build()
                .on(b.logits, sparse, b.out)
                .inputs(entries)
                .run());
    kinds.put(
        "a clamp of sparse targets in parts",
        b ->
            b.loss()
                .probabilityClamp(0.25)
                .build()
                .shard(0, 4)
                .partialStates(b.logits, sparse, entries));
    kinds.put(
        "sparse targets of another number of rows",
        b ->
            b.mean()
                .on(b.logits, Tensor.of(new int[8], 4, 2), b.out)
                .inputs(b.none().withTargetWeights(Tensor.of(new float[8], 4, 2)))
                .run());
    kinds.put(
        "row weights of doubles", b -> b.loss(b.none().withRowWeights(Tensor.of(new double[3]))));
    kinds.put(
        "row weights of one of two row axes",
        b ->
            b.mean()
                .on(Tensor.of(new float[24], 2, 3, 4), Tensor.of(new int[6], 2, 3))
                .inputs(b.none().withRowWeights(Tensor.of(new float[2])))
                .run());
    kinds.put(
        "labels of ragged rows of another number",
        b -> b.mean().on(b.logits.reshape(12), b.labels, b.out.reshape(12)).inputs(twoRows).run());
    kinds.put(
        "a label of a row without classes",
        b ->
            b.mean()
                .on(b.logits.reshape(12), Tensor.of(new int[2]), b.out.reshape(12))
                .inputs(twoRows)
                .run());
    kinds.put(
        "a backward with another mask",
        b -> {
          LossOutputs saved = b.outputs().saveStatistics(b.arena);
          b.mean().on(b.logits, b.labels).outputs(saved).run();
          b.mean()
              .onBackward(b.logits, b.labels, saved, null, b.out)
              .inputs(b.none().withClassMask(zeros(DType.U8, 4)))
              .run();
        });
    kinds.put(
        "row weights in log-sum-exp",
        b ->
            b.logSumExp()
                .on(b.logits, b.rows)
                .inputs(b.none().withRowWeights(Tensor.of(new float[3])))
                .run());
    kinds.put(
        "target weights in argmax",
        b -> Argmax.along(1).on(b.logits, b.labels).inputs(entries).run());
    kinds.put(
        "target weights in an entropy",
        b -> Entropy.along(1).on(b.logits, b.rows).inputs(entries).run());
    kinds.put(
        "target weights in top-k",
        b -> TopK.of(2).onLogProbabilities(b.logits, b.labels, b.rows).inputs(entries).run());
    kinds.put(
        "row weights in a loss of elements",
        b ->
            b.binary()
                .build()
                .on(b.logits, b.soft)
                .inputs(b.none().withRowWeights(Tensor.of(new float[3])))
                .run());
    kinds.put(
        "labels of one row of a linear layer",
        b ->
            b.linear()
                .build()
                .forward(
                    b.logits.select(0, 0), Tensor.of(new float[48], 12, 4), Tensor.of(new int[6])));
  }

  private static void afterLoss(Bad b, Tensor upstream) {
    try (CrossEntropyLayer layer = CrossEntropyLayer.along(-1, Layer.ANY, 4)) {
      layer.forward(b.logits, b.labels);
      layer.backward(upstream);
    }
  }

  private static String refusal(String name, Call call, Backend backend) {
    Bad bad = new Bad(backend);
    float[] before = bad.values.clone();
    Throwable thrown = catchThrowable(() -> call.of(bad));
    assertThat(thrown).as(name).isInstanceOfAny(XentException.class, IllegalStateException.class);
    Matcher number = ONE_NUMBER.matcher(thrown.getMessage());
    if (thrown instanceof XentException e && number.matches()) {
      assertThat(List.of(e.argument() + "", e.value() + "", e.expected() + ""))
          .as(name)
          .containsExactly(number.group(1), number.group(2), number.group(3));
    }
    assertThat(bad.values).as(name).isEqualTo(before);
    assertThat(bad.written).as(name).containsOnly(0);
    for (float value : before) { // of tensors; only some labels and probabilities are in messages
      assertThat(thrown.getMessage()).as(name).doesNotContain(Float.toString(value));
    }
    assertThat(thrown.getMessage()).as(name).doesNotContain("\n", "] [");
    if (bad.arena.scope().isAlive()) {
      bad.arena.close();
    }
    return thrown.getClass().getSimpleName() + " | " + thrown.getMessage();
  }

  @OnEveryBackend
  void everyKindIsRefusedInItsWords(Backend backend) throws IOException {
    List<String> got = new ArrayList<>();
    kinds()
        .forEach(
            (name, call) -> {
              String refusal = refusal(name, call, backend);
              got.add(name + " | " + refusal);
              TABLE.put(name, refusal);
            });
    assertThat(got).containsExactlyElementsOf(expected());
  }

  private static List<String> expected() throws IOException {
    try (var in = EveryErrorTest.class.getResourceAsStream("/errors-api.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .toList();
    }
  }

  @Test
  void everyMessageIsOneLineThatSaysWhatToDo() throws IOException {
    assertThat(expected()).hasSizeGreaterThan(100);
    assertThat(expected()).allSatisfy(line -> assertThat(line.split(" \\| ", 3)[2]).matches(FIX));
  }

  @AfterAll
  static void print() throws IOException {
    System.out.printf(
        "%d kinds of bad input of the API, each refused on both backends%n", TABLE.size());
    List<String> lines = new ArrayList<>();
    TABLE.forEach((name, refusal) -> lines.add(name + " | " + refusal));
    Files.write(Path.of(System.getProperty("basedir"), "target", "errors-api.txt"), lines);
  }
}
