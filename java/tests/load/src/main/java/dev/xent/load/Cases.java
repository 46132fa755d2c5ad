// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.CrossEntropyHvp;
import dev.xent.DType;
import dev.xent.Divergence;
import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LogSumExp;
import dev.xent.LossOutputs;
import dev.xent.NllLoss;
import dev.xent.SelectedLogProbabilities;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.layers.CrossEntropyLayer;
import dev.xent.layers.Layer;
import dev.xent.layers.LogSoftmaxLayer;
import dev.xent.layers.LossLayer;
import dev.xent.layers.NllLossLayer;
import dev.xent.layers.SoftmaxLayer;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** The calls of the load: operations and layers on shapes of four sizes. */
final class Cases {
  private static final long IGNORED = -100;

  /** The number of calls of each size in a thousand, from small to huge. */
  private static final int[] OF_THOUSAND = {640, 300, 58, 2};

  private static final long[][] SMALL = {{1, 10}, {64, 10}, {33, 100}, {2, 10, 5, 7}};
  private static final long[][] MEDIUM = {{64, 1000}, {3, 17001}, {2, 1000, 12}};
  private static final long[][] LARGE = {{5, 32000}, {2, 128256}};
  private static final long[] HUGE = {40, 128256};

  private final List<List<Case>> bySize = new ArrayList<>();
  private final Content content;
  private final Arena arena;
  private final Helpers helpers;

  private Cases(Arena arena, Helpers helpers) {
    this.content = new Content(arena);
    this.arena = arena;
    this.helpers = helpers;
  }

  /**
   * All cases.
   *
   * @param arena for operands and expected results
   */
  static Cases all(Arena arena, Helpers helpers) {
    Cases cases = new Cases(arena, helpers);
    for (long[][] shapes : List.of(SMALL, MEDIUM, LARGE)) {
      cases.bySize.add(new ArrayList<>());
      for (long[] shape : shapes) {
        for (DType type : List.of(DType.F32, DType.BF16, DType.F64)) {
          cases.softmaxes(shape, type);
          cases.losses(shape, type);
          cases.others(shape, type);
        }
        cases.layers(shape);
      }
    }
    cases.bySize.add(new ArrayList<>());
    cases.plain(HUGE, DType.F32);
    cases.plain(HUGE, DType.BF16);
    return cases;
  }

  /** The cases with the longest rows and the largest calls: for calls on Java arrays. */
  static Cases huge(Arena arena, Helpers helpers) {
    Cases cases = new Cases(arena, helpers);
    cases.bySize.add(new ArrayList<>());
    cases.plain(HUGE, DType.F32);
    cases.plain(HUGE, DType.BF16);
    cases.plain(new long[] {2, 128256}, DType.F64);
    return cases;
  }

  List<Case> list() {
    return bySize.stream().flatMap(List::stream).toList();
  }

  /** A random case; small ones are more frequent. */
  Case any(SplittableRandom random) {
    int size = 0;
    if (bySize.size() > 1) {
      int left = random.nextInt(1000);
      while (left >= OF_THOUSAND[size]) {
        left -= OF_THOUSAND[size++];
      }
    }
    List<Case> cases = bySize.get(size);
    return cases.get(random.nextInt(cases.size()));
  }

  private void add(String what, DType type, long[] shape, List<Operand> operands, Step.Maker step) {
    StringBuilder name = new StringBuilder(what).append(' ').append(type).append(' ');
    for (int i = 0; i < shape.length; i++) {
      name.append(i == 0 ? "" : "x").append(shape[i]);
    }
    bySize.getLast().add(new Case(name.toString(), operands, step, helpers, arena));
  }

  /** The shape of an array with one number per row. */
  private static long[] rows(long[] shape) {
    long[] rows = new long[shape.length - 1];
    rows[0] = shape[0];
    System.arraycopy(shape, 2, rows, 1, rows.length - 1);
    return rows;
  }

  /** The type of weights and losses. */
  private static DType wide(DType type) {
    return type == DType.F64 ? DType.F64 : DType.F32;
  }

  // ---- operations ------------------------------------------------------------------------------

  private void softmaxes(long[] shape, DType type) {
    Tensor x = content.logits(type, shape);
    Tensor dy = content.logits(type, shape);
    Operand out = Operand.out(type, shape);
    add(
        "softmax",
        type,
        shape,
        List.of(Operand.in(x), out),
        execution -> {
          Softmax softmax = Softmax.builder().axis(1).execution(execution).build();
          return (t, own) -> {
            softmax.forward(t[0], t[1]);
            return 0;
          };
        });
    add(
        "log-softmax in place",
        type,
        shape,
        List.of(Operand.inPlace(x)),
        execution -> {
          LogSoftmax log = LogSoftmax.builder().axis(1).execution(execution).build();
          return (t, own) -> {
            log.forward(t[0], t[0]);
            return 0;
          };
        });
    add(
        "softmax backward",
        type,
        shape,
        List.of(Operand.in(content.probabilities(type, shape)), Operand.inPlace(dy)),
        execution -> {
          Softmax softmax = Softmax.builder().axis(1).execution(execution).build();
          return (t, own) -> {
            softmax.backward(t[0], t[1], t[1]);
            return 0;
          };
        });
    add(
        "log-softmax backward",
        type,
        shape,
        List.of(Operand.in(x), Operand.in(dy), out),
        execution -> {
          LogSoftmax log = LogSoftmax.builder().axis(1).execution(execution).build();
          return (t, own) -> {
            log.backward(t[0], t[1], t[2]);
            return 0;
          };
        });
    add(
        "log-sum-exp",
        type,
        shape,
        List.of(Operand.in(x), Operand.out(wide(type), rows(shape))),
        execution -> {
          LogSumExp logSumExp = LogSumExp.builder().axis(1).execution(execution).build();
          return (t, own) -> {
            logSumExp.forward(t[0], t[1]);
            return 0;
          };
        });
  }

  private void losses(long[] shape, DType type) {
    Tensor x = content.logits(type, shape);
    long[] rows = rows(shape);
    Operand gradient = Operand.out(type, shape);
    Operand labels = Operand.in(content.labels(DType.I64, shape[1], IGNORED, rows));
    Operand sure = Operand.in(content.labels(DType.I32, shape[1], 3, rows));
    plain(shape, type);
    Tensor weights = content.weights(wide(type), shape[1]);
    add(
        "weighted cross-entropy with smoothing, everything reported",
        type,
        shape,
        List.of(
            Operand.in(x),
            labels,
            gradient,
            Operand.out(wide(type), rows),
            Operand.out(wide(type), rows),
            Operand.out(DType.U8, rows),
            Operand.out(DType.I32, rows)),
        execution -> {
          CrossEntropy loss =
              CrossEntropy.builder()
                  .axis(1)
                  .ignoreIndex(IGNORED)
                  .labelSmoothing(0.1)
                  .classWeights(weights)
                  .reduction(Reduction.SUM)
                  .execution(execution)
                  .build();
          return (t, own) ->
              loss.on(t[0], t[1], t[2])
                  .outputs(
                      LossOutputs.create().losses(t[3]).logSumExp(t[4]).correct(t[5]).argmax(t[6]))
                  .run();
        });
    add(
        "cross-entropy with temperature, softcap and z-loss",
        type,
        shape,
        List.of(Operand.in(x), sure, gradient),
        execution -> {
          CrossEntropy loss =
              CrossEntropy.builder()
                  .axis(1)
                  .temperature(1.5)
                  .softcap(30)
                  .zLoss(1e-4)
                  .execution(execution)
                  .build();
          return (t, own) -> loss.forwardBackward(t[0], t[1], t[2]);
        });
    add(
        "cross-entropy of probability rows",
        type,
        shape,
        List.of(Operand.in(x), Operand.in(content.probabilities(type, shape)), gradient),
        execution -> {
          CrossEntropy loss = CrossEntropy.builder().axis(1).execution(execution).build();
          return (t, own) -> loss.forwardBackward(t[0], t[1], t[2]);
        });
    add(
        "cross-entropy forward, then backward by its statistics",
        type,
        shape,
        List.of(
            Operand.in(x), labels, Operand.in(content.weights(wide(type), count(rows))), gradient),
        execution -> {
          CrossEntropy loss = CrossEntropy.pytorchRules().execution(execution).build();
          return (t, own) -> {
            LossOutputs outputs = LossOutputs.create().saveStatistics(own);
            double value = loss.on(t[0], t[1]).outputs(outputs).run();
            loss.onBackward(t[0], t[1], outputs, t[2].reshape(rows), t[3]).run();
            return value;
          };
        });
    add(
        "KL divergence with row weights",
        type,
        shape,
        List.of(
            Operand.in(x),
            Operand.in(content.logits(type, shape)),
            Operand.in(content.weights(wide(type), count(rows))),
            gradient),
        execution -> {
          Divergence divergence =
              Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
                  .axis(1)
                  .temperature(2)
                  .execution(execution)
                  .build();
          return (t, own) ->
              divergence
                  .on(t[0], t[1], t[3])
                  .inputs(Inputs.none().withRowWeights(t[2].reshape(rows)))
                  .run();
        });
    add(
        "binary cross-entropy",
        type,
        shape,
        List.of(Operand.in(x), Operand.in(content.probabilities(type, shape)), gradient),
        execution -> {
          BinaryCrossEntropy loss = BinaryCrossEntropy.builder().execution(execution).build();
          return (t, own) -> loss.forwardBackward(t[0], t[1], t[2]);
        });
    add(
        "NLL loss",
        type,
        shape,
        List.of(Operand.in(x), sure, gradient),
        execution -> {
          NllLoss loss = NllLoss.builder().axis(1).execution(execution).build();
          return (t, own) -> loss.forwardBackward(t[0], t[1], t[2]);
        });
  }

  private void others(long[] shape, DType type) {
    Tensor x = content.logits(type, shape);
    Tensor other = content.logits(type, shape);
    long[] rows = rows(shape);
    Operand gradient = Operand.out(type, shape);
    Operand perRow = Operand.out(wide(type), rows);
    add(
        "Jensen-Shannon divergence",
        type,
        shape,
        List.of(Operand.in(x), Operand.in(other), gradient),
        execution -> {
          Divergence divergence =
              Divergence.builder(DivergenceKind.JENSEN_SHANNON)
                  .axis(1)
                  .execution(execution)
                  .build();
          return (t, own) -> divergence.forwardBackward(t[0], t[1], t[2]);
        });
    add(
        "selected log-probabilities",
        type,
        shape,
        List.of(
            Operand.in(x),
            Operand.in(content.labels(DType.I32, shape[1], IGNORED, rows)),
            perRow,
            gradient),
        execution -> {
          SelectedLogProbabilities selected =
              SelectedLogProbabilities.builder()
                  .axis(1)
                  .ignoreIndex(IGNORED)
                  .execution(execution)
                  .build();
          return (t, own) -> {
            selected.on(t[0], t[1], t[2], null, t[3]).run();
            return 0;
          };
        });
    add(
        "Hessian-vector product",
        type,
        shape,
        List.of(Operand.in(x), Operand.in(other), Operand.out(wide(type), shape)),
        execution -> {
          CrossEntropyHvp hvp = CrossEntropyHvp.builder().axis(1).execution(execution).build();
          return (t, own) -> {
            hvp.product(t[0], t[1], t[2]);
            return 0;
          };
        });
    if (type == DType.F64) {
      return; // sampling does not support doubles
    }
    add(
        "sampling",
        type,
        shape,
        List.of(Operand.in(x), Operand.out(DType.I32, rows), perRow),
        execution -> {
          dev.xent.Sampler sampler =
              dev.xent.Sampler.builder()
                  .axis(1)
                  .seed(1)
                  .topK(50)
                  .topP(0.9)
                  .temperature(0.8)
                  .execution(execution)
                  .build();
          return (t, own) -> {
            dev.xent.SamplerOutputs outputs =
                dev.xent.SamplerOutputs.create().logProbabilities(t[2]);
            sampler.on(t[0], t[1]).outputs(outputs).run(5);
            return outputs.sampled();
          };
        });
  }

  /** Plain loss and gradient, in place; and softmax. */
  private void plain(long[] shape, DType type) {
    Tensor x = content.logits(type, shape);
    Tensor labels = content.labels(DType.I32, shape[1], 0, rows(shape));
    add(
        "cross-entropy in place",
        type,
        shape,
        List.of(Operand.inPlace(x), Operand.in(labels)),
        execution -> {
          CrossEntropy loss = CrossEntropy.builder().axis(1).execution(execution).build();
          return (t, own) -> loss.forwardBackward(t[0], t[1], t[0]);
        });
    add(
        "softmax in place",
        type,
        shape,
        List.of(Operand.inPlace(x)),
        execution -> {
          Softmax softmax = Softmax.builder().axis(1).execution(execution).build();
          return (t, own) -> {
            softmax.forward(t[0], t[0]);
            return 0;
          };
        });
  }

  private static long count(long[] shape) {
    long count = 1;
    for (long size : shape) {
      count *= size;
    }
    return count;
  }

  // ---- layers ----------------------------------------------------------------------------------

  /**
   * Adds layers. A layer owns its outputs, so the call copies them to compare them; each call
   * creates a layer and closes it.
   */
  private void layers(long[] shape) {
    Tensor x = content.logits(DType.F32, shape);
    Tensor dy = content.logits(DType.F32, shape);
    Operand labels = Operand.in(content.labels(DType.I64, shape[1], 1, rows(shape)));
    Operand out = Operand.out(DType.F32, shape);
    add(
        "softmax layer",
        DType.F32,
        shape,
        List.of(Operand.in(x), Operand.in(dy), out, out),
        execution -> {
          Softmax softmax = Softmax.builder().axis(1).execution(execution).build();
          return (t, own) -> there(SoftmaxLayer.of(softmax, shape), t);
        });
    add(
        "log-softmax layer",
        DType.F32,
        shape,
        List.of(Operand.in(x), Operand.in(dy), out, out),
        execution -> {
          LogSoftmax softmax = LogSoftmax.builder().axis(1).execution(execution).build();
          return (t, own) -> there(LogSoftmaxLayer.of(softmax, shape), t);
        });
    Operand losses = Operand.out(DType.F32, rows(shape));
    add(
        "cross-entropy layer",
        DType.F32,
        shape,
        List.of(Operand.in(x), labels, losses, out),
        execution -> {
          CrossEntropy loss =
              CrossEntropy.builder().axis(1).labelSmoothing(0.2).execution(execution).build();
          return (t, own) -> lost(CrossEntropyLayer.of(loss, shape), t);
        });
    add(
        "NLL loss layer",
        DType.F32,
        shape,
        List.of(Operand.in(x), labels, losses, out),
        execution -> {
          NllLoss loss = NllLoss.builder().axis(1).execution(execution).build();
          return (t, own) -> lost(NllLossLayer.of(loss, shape), t);
        });
  }

  private static double there(Layer layer, Tensor[] t) {
    try (layer) {
      Bytes.copy(layer.forward(t[0]).segment(), t[2].segment());
      Bytes.copy(layer.backward(t[1]).segment(), t[3].segment());
      return 0;
    }
  }

  private static double lost(LossLayer layer, Tensor[] t) {
    try (layer) {
      Bytes.copy(layer.forward(t[0], t[1]).segment(), t[2].segment());
      Bytes.copy(layer.backward().segment(), t[3].segment());
      return layer.loss();
    }
  }
}
