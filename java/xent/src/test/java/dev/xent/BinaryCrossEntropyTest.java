// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.DTypeException;
import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.EmptyMean;
import dev.xent.options.Isa;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Binary cross-entropy of elements against plain double arithmetic, and its implementations. */
class BinaryCrossEntropyTest {
  private static final int ROWS = 7;
  private static final int CLASSES = 5;
  private static final int SIZE = ROWS * CLASSES;

  private final float[] logits = Samples.logits(SIZE, 4, 1);
  private final byte[] labels = labels();
  private final Tensor x = Tensor.of(logits, ROWS, CLASSES);
  private final Tensor t = Tensor.of(labels, ROWS, CLASSES);

  private static byte[] labels() {
    byte[] labels = new byte[SIZE];
    for (int i = 0; i < SIZE; i++) {
      labels[i] = (byte) (i * 7 % 3 == 0 ? 1 : 0);
    }
    return labels;
  }

  private static double softplus(double v) {
    return Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
  }

  private static double sigmoid(double v) {
    return v < 0 ? Math.exp(v) / (1 + Math.exp(v)) : 1 / (1 + Math.exp(-v));
  }

  private static double loss(double x, double t) {
    return t * softplus(-x) + (1 - t) * softplus(x);
  }

  private static Tensor zeros() {
    return Tensor.of(new float[SIZE], ROWS, CLASSES);
  }

  private static LossOutputs outputs() {
    return LossOutputs.create();
  }

  private static BinaryCrossEntropy.Builder on(Backend backend) {
    return BinaryCrossEntropy.builder().execution(Execution.defaults().withBackend(backend));
  }

  /** The kernel that checks labels has no gradient, which the linker would not take. */
  @OnEveryBackend
  void repeatedCallsOfSharedMemoryTakeGradientsInJavaArrays(Backend backend) {
    int size = 200; // not brief, so that only a call with Java arrays is critical
    BinaryCrossEntropy operation = on(backend).build();
    try (Arena arena = Arena.ofShared()) {
      Tensor logitsOfAll = Tensor.allocate(arena, DType.F32, size);
      Tensor labelsOfAll = Tensor.allocate(arena, DType.I32, size);
      Tensor gradient = Tensor.of(new float[size]);
      double first = operation.forwardBackward(logitsOfAll, labelsOfAll, gradient);
      for (int i = 0; i < 3; i++) {
        assertThat(operation.forwardBackward(logitsOfAll, labelsOfAll, gradient)).isEqualTo(first);
      }
    }
  }

  @OnEveryBackend
  void lossAndGradientOfTheMean(Backend backend) {
    Tensor dx = zeros();
    Tensor losses = zeros();
    LossOutputs out = outputs().losses(losses);
    double mean = on(backend).build().on(x, t, dx).outputs(out).run();
    double sum = 0;
    for (int i = 0; i < SIZE; i++) {
      double loss = loss(logits[i], labels[i]);
      sum += loss;
      assertThat(losses.getDouble(i / CLASSES, i % CLASSES)).isCloseTo(loss, within(4e-7 * loss));
      double slope = labels[i] == 1 ? -sigmoid(-logits[i]) : sigmoid(logits[i]);
      assertThat(dx.getDouble(i / CLASSES, i % CLASSES))
          .isCloseTo(slope / SIZE, within(4.5e-7 * Math.abs(slope) / SIZE));
    }
    assertThat(mean).isCloseTo(sum / SIZE, within(4e-7 * mean));
    assertThat(out.rows()).isEqualTo(SIZE);
    assertThat(out.validRows()).isEqualTo(SIZE);
    assertThat(out.denominator()).isEqualTo(SIZE);
    assertThat(on(backend).build().forward(x, t)).isEqualTo(mean);
    assertThat(on(backend).reduction(Reduction.SUM).build().forward(x, t)).isEqualTo(out.sum());
    assertThat(on(backend).build().withDenominator(70).forward(x, t)).isEqualTo(out.sum() / 70);
    on(backend).build().forwardBackward(x, t, x);
    assertThat(Samples.bits(x)).isEqualTo(Samples.bits(dx));
  }

  @OnEveryBackend
  void whatIsSureAndRightKeepsItsDigits(Backend backend) {
    Tensor sure = Tensor.of(new float[] {40, 80, -80, 87}, 4);
    Tensor right = Tensor.of(new byte[] {1, 1, 0, 1}, 4);
    Tensor losses = Tensor.of(new float[4], 4);
    Tensor dx = Tensor.of(new float[4], 4);
    on(backend)
        .reduction(Reduction.SUM)
        .build()
        .on(sure, right, dx)
        .outputs(outputs().losses(losses))
        .run();
    for (int i = 0; i < 4; i++) {
      double expected = Math.exp(-Math.abs(sure.getDouble(i)));
      assertThat(losses.getDouble(i)).isCloseTo(expected, within(4e-7 * expected));
      assertThat(Math.abs(dx.getDouble(i))).isCloseTo(expected, within(4.5e-7 * expected));
    }
  }

  @OnEveryBackend
  void focalLossOfElements(Backend backend) {
    double gamma = 2;
    double alpha = 0.25;
    Tensor losses = zeros();
    Tensor dx = zeros();
    on(backend)
        .focalGamma(gamma)
        .focalAlpha(alpha)
        .reduction(Reduction.SUM)
        .build()
        .on(x, t, dx)
        .outputs(outputs().losses(losses))
        .run();
    for (int i = 0; i < SIZE; i++) {
      double side = labels[i] == 1 ? -1 : 1;
      double wrong = sigmoid(side * logits[i]);
      double weight = labels[i] == 1 ? alpha : 1 - alpha;
      double loss = weight * Math.pow(wrong, gamma) * softplus(side * logits[i]);
      assertThat(losses.getDouble(i / CLASSES, i % CLASSES)).isCloseTo(loss, within(1e-7 * loss));
      double h = 1e-6;
      double above = sigmoid(side * (logits[i] + h));
      double below = sigmoid(side * (logits[i] - h));
      double slope =
          weight
              * (Math.pow(above, gamma) * softplus(side * (logits[i] + h))
                  - Math.pow(below, gamma) * softplus(side * (logits[i] - h)))
              / (2 * h);
      assertThat(dx.getDouble(i / CLASSES, i % CLASSES))
          .isCloseTo(slope, within(1e-6 * Math.abs(slope) + 1e-9));
    }
  }

  @OnEveryBackend
  void weightsOfEveryShape(Backend backend) {
    float[] perClass = {1, 2, 0, 0.5f, 3};
    Tensor vector = Tensor.of(perClass, CLASSES);
    Tensor row = Tensor.of(perClass, 1, CLASSES);
    float[] full = new float[SIZE];
    for (int i = 0; i < SIZE; i++) {
      full[i] = perClass[i % CLASSES];
    }
    LossOutputs out = outputs();
    BinaryCrossEntropy sum = on(backend).reduction(Reduction.SUM).build();
    double expected =
        sum.on(x, t).inputs(weighted(Tensor.of(full, ROWS, CLASSES))).outputs(out).run();
    assertThat(out.validRows()).isEqualTo(SIZE - ROWS);
    assertThat(sum.on(x, t).inputs(weighted(vector)).outputs(out).run()).isEqualTo(expected);
    assertThat(sum.on(x, t).inputs(weighted(row)).outputs(out).run()).isEqualTo(expected);
    assertThat(sum.on(x, t).inputs(weighted(Tensor.of(new float[] {2}, 1))).outputs(out).run())
        .isEqualTo(2 * sum.forward(x, t));
    Tensor mask = Tensor.of(new byte[] {1, 0, 1, 1, 0, 1, 1}, ROWS, 1);
    sum.on(x, t).inputs(weighted(mask)).outputs(out).run();
    assertThat(out.validRows()).isEqualTo(5 * CLASSES);

    double positive = 0;
    for (int i = 0; i < SIZE; i++) {
      double r = labels[i] == 1 ? perClass[i % CLASSES] : 1;
      positive += r * loss(logits[i], labels[i]);
    }
    assertThat(sum.on(x, t).inputs(Inputs.none().withPositiveWeights(vector)).run())
        .isCloseTo(positive, within(1e-6 * positive));
    BinaryCrossEntropy along = on(backend).reduction(Reduction.SUM).axis(0).build();
    Inputs perRow =
        Inputs.none().withPositiveWeights(Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7}, ROWS));
    positive = 0;
    for (int i = 0; i < SIZE; i++) {
      double r = labels[i] == 1 ? 1 + i / CLASSES : 1;
      positive += r * loss(logits[i], labels[i]);
    }
    assertThat(along.on(x, t).inputs(perRow).run()).isCloseTo(positive, within(1e-6 * positive));
  }

  @OnEveryBackend
  void ignoredElementsChangeNothing(Backend backend) {
    Tensor wild = Tensor.of(new float[] {1, Float.NaN, 2, Float.POSITIVE_INFINITY}, 2, 2);
    Tensor marked = Tensor.of(new int[] {1, -100, 0, -100}, 2, 2);
    Tensor dx = Tensor.of(new float[] {9, 9, 9, 9}, 2, 2);
    LossOutputs out = outputs().losses(Tensor.of(new float[4], 2, 2));
    double mean = on(backend).ignoreIndex(-100).build().on(wild, marked, dx).outputs(out).run();
    assertThat(mean).isCloseTo((softplus(-1) + softplus(2)) / 2, within(1e-6));
    assertThat(out.validRows()).isEqualTo(2);
    assertThat(Float.floatToRawIntBits(dx.getFloat(0, 1))).isZero();
    assertThat(Float.floatToRawIntBits(dx.getFloat(1, 1))).isZero();

    Tensor none = Tensor.of(new int[] {-100, -100, -100, -100}, 2, 2);
    assertThat(on(backend).ignoreIndex(-100).build().forwardBackward(wild, none, dx)).isNaN();
    assertThat(dx.toFloatArray()).containsOnly(0);
    assertThatThrownBy(
            () ->
                on(backend)
                    .ignoreIndex(-100)
                    .emptyMean(EmptyMean.ERROR)
                    .build()
                    .forward(wild, none))
        .isInstanceOf(EmptyMeanException.class);
  }

  @OnEveryBackend
  void edges(Backend backend) {
    float inf = Float.POSITIVE_INFINITY;
    Tensor wild = Tensor.of(new float[] {inf, inf, -inf, -inf, Float.NaN}, 5);
    Tensor of = Tensor.of(new float[] {1, 0, 1, 0, 1}, 5);
    Tensor losses = Tensor.of(new float[5], 5);
    Tensor dx = Tensor.of(new float[5], 5);
    for (double gamma : new double[] {0, 2}) {
      on(backend)
          .reduction(Reduction.SUM)
          .focalGamma(gamma)
          .build()
          .on(wild, of, dx)
          .outputs(outputs().losses(losses))
          .run();
      assertThat(losses.toFloatArray()).containsExactly(0, inf, inf, 0, Float.NaN);
      assertThat(dx.toFloatArray()[0]).isZero();
      assertThat(dx.toFloatArray()[1]).isEqualTo(1);
      assertThat(dx.toFloatArray()[2]).isEqualTo(-1);
      assertThat(dx.toFloatArray()[3]).isZero();
      assertThat(dx.toFloatArray()[4]).isNaN();
    }
  }

  @OnEveryBackend
  void zeroElements(Backend backend) {
    Tensor none = Tensor.of(new float[0], 0, 3);
    assertThat(on(backend).build().forward(none, none)).isNaN();
    assertThat(on(backend).reduction(Reduction.SUM).build().forward(none, none)).isZero();
  }

  @Test
  void aTallyHasTheSumOverCalls() {
    LossSum lossSum = LossSum.create();
    BinaryCrossEntropy mean = BinaryCrossEntropy.mean();
    LossOutputs out = outputs().lossSum(lossSum);
    mean.on(x, t).outputs(out).run();
    mean.on(x, t).outputs(out).run();
    assertThat(lossSum.sum()).isEqualTo(2 * out.sum());
    assertThat(lossSum.mean()).isEqualTo(out.loss());
  }

  // ---- the same bits ---------------------------------------------------------------------------

  private record Computer(Backend backend, Isa isa) {}

  private static List<Computer> computers() {
    List<Computer> all = new ArrayList<>();
    all.add(new Computer(Backend.REFERENCE, Isa.BEST));
    for (Isa isa : XentRuntime.get().availableIsas()) {
      all.add(new Computer(Backend.NATIVE, isa));
    }
    return all;
  }

  private static double number(SplittableRandom random, int kind) {
    return switch (kind) {
      case 0 -> 4 * random.nextGaussian();
      case 1 -> 60 * random.nextGaussian();
      case 2 -> Float.intBitsToFloat(random.nextInt());
      default -> 1000 * random.nextGaussian();
    };
  }

  /** A view of memory with gaps, in any order of axes. */
  private static Tensor anyView(SplittableRandom random, DType type, long[] shape) {
    int[] order = random.nextBoolean() ? new int[] {0, 1, 2} : new int[] {2, 0, 1};
    long[] strides = new long[3];
    long next = 1 + random.nextInt(2);
    for (int k = 2; k >= 0; k--) {
      strides[order[k]] = next;
      next = next * shape[order[k]] + random.nextInt(3);
    }
    byte[] bytes = new byte[Math.toIntExact((next + 8) * 8)];
    MemorySegment memory = MemorySegment.ofArray(new long[bytes.length / 8 + 1]);
    return Tensor.strided(memory, type, shape, strides);
  }

  private static void fill(Tensor tensor, SplittableRandom random, int what) {
    for (long i = 0; i < tensor.dim(0); i++) {
      for (long j = 0; j < tensor.dim(1); j++) {
        for (long k = 0; k < tensor.dim(2); k++) {
          if (tensor.type().isInteger()) {
            tensor.setLong(random.nextInt(2), i, j, k);
          } else {
            double value =
                what == 0
                    ? number(random, random.nextInt(4))
                    : random.nextInt(3) == 0 ? random.nextInt(2) : random.nextDouble();
            tensor.setDouble(value, i, j, k);
          }
        }
      }
    }
  }

  @Test
  void everyImplementationGivesTheSameBits() {
    SplittableRandom random = new SplittableRandom(5);
    DType[] narrow = {DType.F32, DType.F32, DType.F16, DType.BF16};
    List<DType> integers = Arrays.stream(DType.values()).filter(DType::isInteger).toList();
    for (int round = 0; round < 150; round++) {
      boolean wide = random.nextInt(3) == 0;
      long[] shape = {1 + random.nextInt(9), 1 + random.nextInt(30), 1 + random.nextInt(4)};
      DType other = wide ? DType.F64 : narrow[random.nextInt(4)];
      Tensor in = anyView(random, wide ? DType.F64 : narrow[random.nextInt(4)], shape);
      boolean isLabel = random.nextInt(3) == 0;
      Tensor of =
          anyView(random, isLabel ? integers.get(random.nextInt(integers.size())) : other, shape);
      Tensor weights = random.nextBoolean() ? anyView(random, other, shape) : null;
      Tensor positive = anyView(random, other, new long[] {1, shape[1], 1});
      fill(in, random, 0);
      fill(of, random, 1);
      fill(positive, random, 1);
      if (weights != null) {
        fill(weights, random, 1);
      }
      double gamma = random.nextInt(3) == 0 ? 3 * random.nextDouble() : 0;
      boolean withAlpha = random.nextBoolean();
      Tensor dx = anyView(random, other, shape);
      Tensor losses = anyView(random, other, shape);
      long[] expected = null;
      for (Computer computer : computers()) {
        BinaryCrossEntropy.Builder builder =
            BinaryCrossEntropy.builder()
                .execution(Execution.defaults().withBackend(computer.backend).withIsa(computer.isa))
                .focalGamma(gamma)
                .reduction(Reduction.SUM)
                .gradientScale(0.75);
        Inputs inputs = weights == null ? Inputs.none() : weighted(weights);
        if (round % 2 == 0) {
          inputs = inputs.withPositiveWeights(positive);
        }
        if (withAlpha) {
          builder.focalAlpha(0.3);
        }
        LossOutputs out = outputs().losses(losses);
        double sum = builder.build().on(in, of, dx).inputs(inputs).outputs(out).run();
        long[] bits = new long[3];
        bits[0] = Double.doubleToLongBits(sum);
        bits[1] = Arrays.hashCode(dx.segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        bits[2] =
            Arrays.hashCode(losses.segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        if (expected == null) {
          expected = bits;
        }
        assertThat(bits).as("round %d, %s", round, computer).isEqualTo(expected);
      }
    }
  }

  @Test
  void threadsGiveTheSameBits() {
    int size = 1 << 19;
    Tensor many = Tensor.of(Samples.logits(size, 5, 3), size / 4, 4);
    byte[] ofMany = new byte[size];
    for (int i = 0; i < size; i += 3) {
      ofMany[i] = 1;
    }
    Tensor targets = Tensor.of(ofMany, size / 4, 4);
    Tensor one = Tensor.of(new float[size], size / 4, 4);
    Tensor two = Tensor.of(new float[size], size / 4, 4);
    double alone =
        BinaryCrossEntropy.builder()
            .execution(Execution.sequential())
            .build()
            .forwardBackward(many, targets, one);
    double shared =
        BinaryCrossEntropy.builder()
            .execution(Execution.defaults().withThreads(3))
            .build()
            .forwardBackward(many, targets, two);
    assertThat(shared).isEqualTo(alone);
    assertThat(Samples.bits(two)).isEqualTo(Samples.bits(one));
  }

  // ---- errors ----------------------------------------------------------------------------------

  @OnEveryBackend
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten(Backend backend) {
    BinaryCrossEntropy mean = on(backend).build();
    Tensor dx = zeros();
    refused(ShapeException.class, () -> mean.forward(x, Tensor.of(new byte[4], 2, 2)))
        .hasMessageContainingAll("targets is I8 [2, 2]", "logits is F32 [7, 5]");
    refused(DTypeException.class, () -> mean.forward(x, Tensor.of(new double[SIZE], ROWS, CLASSES)))
        .hasMessageContaining("expected labels 0 and 1");
    refused(DTypeException.class, () -> mean.forward(t, t)).hasMessageContaining("logits is I8");
    labels[SIZE - 1] = 2;
    refused(LabelException.class, () -> mean.forwardBackward(x, t, dx))
        .hasMessage("element 34 has label 2; expected 0 or 1");
    labels[SIZE - 1] = -100;
    refused(LabelException.class, () -> mean.forwardBackward(x, t, dx))
        .hasMessageContaining("ignoreIndex(-100)");
    labels[SIZE - 1] = 0;
    assertThat(dx.toFloatArray()).containsOnly(0);
    refused(OptionException.class, () -> on(backend).ignoreIndex(-1).build().forward(x, x))
        .hasMessageContaining("ignoreIndex is -1, targets are numbers");
    Tensor wrong = Tensor.of(new float[4], 4);
    refused(
            ShapeException.class,
            () -> mean.on(x, t).inputs(weighted(wrong)).outputs(outputs()).run())
        .hasMessageContainingAll("elementWeights is F32 [4]", "the shape [5] of its axis 1");
    Tensor integers = Tensor.of(new int[CLASSES], CLASSES);
    refused(
            DTypeException.class,
            () -> mean.on(x, t).inputs(weighted(integers)).outputs(outputs()).run())
        .hasMessageContaining("elementWeights is I32");
    refused(
            ShapeException.class,
            () -> mean.on(x, t).inputs(Inputs.none().withPositiveWeights(wrong)).run())
        .hasMessageContaining("positiveWeights is F32 [4]");
    refused(MemoryException.class, () -> mean.on(x, t).outputs(outputs().losses(x)).run())
        .hasMessageContainingAll("losses", "logits");
  }

  @Test
  void optionsOutOfRangeAreRefused() {
    BinaryCrossEntropy.Builder builder = BinaryCrossEntropy.builder();
    refused(OptionException.class, () -> builder.focalGamma(-1))
        .hasMessage("focalGamma is -1.0; expected a number from 0 to 2^32");
    refused(OptionException.class, () -> builder.focalGamma(Double.NaN));
    refused(OptionException.class, () -> builder.focalAlpha(0))
        .hasMessage("focalAlpha is 0.0; expected a number above 0, at most 1");
    refused(OptionException.class, () -> builder.focalAlpha(1.5));
    assertThat(builder.focalGamma(2).focalAlpha(0.25).build())
        .hasToString("BinaryCrossEntropy[focalGamma=2.0, focalAlpha=0.25]");
  }

  private static org.assertj.core.api.AbstractThrowableAssert<?, ?> refused(
      Class<? extends Throwable> type, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    return assertThatThrownBy(call).isInstanceOf(type);
  }

  private static Inputs weighted(Tensor weights) {
    return Inputs.none().withElementWeights(weights);
  }
}
