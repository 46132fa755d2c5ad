// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.DTypeException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The divergence of a student from its teacher against plain double arithmetic. */
class DivergenceTest {
  private static final int ROWS = 5;
  private static final int CLASSES = 37;

  private final float[] student = Samples.logits(ROWS * CLASSES, 3, 1);
  private final float[] teacher = Samples.logits(ROWS * CLASSES, 3, 2);
  private final Tensor x = Tensor.of(student, ROWS, CLASSES);
  private final Tensor a = Tensor.of(teacher, ROWS, CLASSES);

  private static float[] divided(float[] row, double by) {
    float[] divided = row.clone();
    for (int k = 0; k < row.length; k++) {
      divided[k] = (float) (row[k] / by);
    }
    return divided;
  }

  private double loss(int row, double temperature) {
    double[] q = Samples.softmax(divided(Samples.row(teacher, row, CLASSES), temperature));
    double[] p = Samples.softmax(divided(Samples.row(student, row, CLASSES), temperature));
    double loss = 0;
    for (int k = 0; k < CLASSES; k++) {
      loss += q[k] * Math.log(q[k] / p[k]);
    }
    return loss;
  }

  private double[] gradient(int row, double temperature) {
    double[] q = Samples.softmax(divided(Samples.row(teacher, row, CLASSES), temperature));
    double[] p = Samples.softmax(divided(Samples.row(student, row, CLASSES), temperature));
    for (int k = 0; k < CLASSES; k++) {
      p[k] = (p[k] - q[k]) / temperature;
    }
    return p;
  }

  @OnEveryBackend
  void lossAndGradientOfTheMean(Backend backend) {
    double temperature = 2;
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .temperature(temperature)
            .build();
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    double mean = kl.forwardBackward(x, a, dx);
    double sum = 0;
    for (int r = 0; r < ROWS; r++) {
      sum += loss(r, temperature);
      double[] expected = gradient(r, temperature);
      for (int k = 0; k < CLASSES; k++) {
        assertThat(dx.getDouble(r, k)).isCloseTo(expected[k] / ROWS, within(1e-7));
      }
    }
    assertThat(mean).isCloseTo(sum / ROWS, within(1e-6));
    assertThat(kl.forward(x, a)).isEqualTo(mean);
    assertThat(kl.withDenominator(2 * ROWS).forward(x, a)).isEqualTo(mean / 2);
    kl.forwardBackward(x, a, x);
    assertThat(Samples.bits(x)).isEqualTo(Samples.bits(dx));
  }

  @OnEveryBackend
  void aStudentLikeItsTeacherHasNoLoss(Backend backend) {
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    assertThat(kl.forwardBackward(x, x, dx)).isZero();
    assertThat(dx.toFloatArray()).containsOnly(0);
  }

  /** Both symmetric and bounded; their gradients are the slopes of the losses. */
  @OnEveryBackend
  void theOthersAreSymmetricAndBounded(Backend backend) {
    for (DivergenceKind kind :
        new DivergenceKind[] {DivergenceKind.JENSEN_SHANNON, DivergenceKind.TOTAL_VARIATION}) {
      Divergence divergence =
          Divergence.builder(kind)
              .execution(Execution.defaults().withBackend(backend))
              .temperature(1.5)
              .reduction(Reduction.SUM)
              .build();
      double[] values = new double[ROWS * CLASSES];
      for (int i = 0; i < values.length; i++) {
        values[i] = student[i];
      }
      Tensor in = Tensor.of(values, ROWS, CLASSES);
      Tensor dx = Tensor.of(new double[ROWS * CLASSES], ROWS, CLASSES);
      double loss = divergence.forwardBackward(in, a, dx);
      assertThat(loss).isCloseTo(plain(kind), within(1e-6));
      assertThat(divergence.forward(a, in)).isEqualTo(loss);
      assertThat(divergence.forward(in, in)).isZero();
      double h = 1e-6;
      for (int i = 0; i < values.length; i += 5) {
        double own = values[i];
        values[i] = own + h;
        double above = divergence.forward(in, a);
        values[i] = own - h;
        double below = divergence.forward(in, a);
        values[i] = own;
        assertThat(dx.getDouble(i / CLASSES, i % CLASSES))
            .isCloseTo((above - below) / (2 * h), within(1e-8));
      }
    }
    Tensor one = Tensor.of(new double[] {0, -1 / 0.0}, 1, 2);
    Tensor other = Tensor.of(new double[] {-1 / 0.0, 0}, 1, 2);
    assertThat(on(backend, DivergenceKind.JENSEN_SHANNON).forward(one, other))
        .isEqualTo(Math.log(2));
    assertThat(on(backend, DivergenceKind.TOTAL_VARIATION).forward(one, other)).isEqualTo(1);
    assertThat(on(backend, DivergenceKind.KULLBACK_LEIBLER).forward(one, other)).isInfinite();
  }

  /**
   * Rows that have no class in common have the bound itself, and none has more, nor less than 0.
   */
  @OnEveryBackend
  void theirBoundsHoldToTheLastBit(Backend backend) {
    Divergence shannon = on(backend, DivergenceKind.JENSEN_SHANNON);
    Divergence variation = on(backend, DivergenceKind.TOTAL_VARIATION);
    Random random = new Random(1);
    for (int i = 0; i < 2000; i++) {
      int classes = 2 + random.nextInt(50);
      double[] p = new double[classes];
      double[] q = new double[classes];
      for (int k = 0; k < classes; k++) {
        boolean one = k < classes / 2;
        p[k] = one ? Double.NEGATIVE_INFINITY : random.nextGaussian();
        q[k] = one ? random.nextGaussian() : Double.NEGATIVE_INFINITY;
      }
      Tensor of = Tensor.of(p, 1, classes);
      Tensor from = Tensor.of(q, 1, classes);
      assertThat(shannon.forward(of, from)).isBetween(0.6931471805599445, Math.log(2));
      assertThat(variation.forward(of, from)).isBetween(1 - 1e-15, 1.0);
      assertThat(shannon.forward(from, of)).isEqualTo(shannon.forward(of, from));
      assertThat(variation.forward(from, of)).isEqualTo(variation.forward(of, from));
    }
  }

  private static Divergence on(Backend backend, DivergenceKind kind) {
    return Divergence.builder(kind).execution(Execution.defaults().withBackend(backend)).build();
  }

  /** The sum over the rows, from the definition. */
  private double plain(DivergenceKind kind) {
    double loss = 0;
    for (int row = 0; row < ROWS; row++) {
      double[] q = Samples.softmax(divided(Samples.row(teacher, row, CLASSES), 1.5));
      double[] p = Samples.softmax(divided(Samples.row(student, row, CLASSES), 1.5));
      for (int k = 0; k < CLASSES; k++) {
        double m = (p[k] + q[k]) / 2;
        loss +=
            kind == DivergenceKind.TOTAL_VARIATION
                ? Math.abs(p[k] - q[k]) / 2
                : (q[k] * Math.log(q[k] / m) + p[k] * Math.log(p[k] / m)) / 2;
      }
    }
    return loss;
  }

  @OnEveryBackend
  void rowsOfWeightZeroAreIgnored(Backend backend) {
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor losses = Tensor.of(new double[ROWS]);
    LossOutputs outcome = LossOutputs.create().losses(losses);
    Inputs weights = Inputs.none().withRowWeights(Tensor.of(new float[] {1, 0, 2, 0.5f, 0}));
    double mean = kl.on(x, a).inputs(weights).outputs(outcome).run();
    assertThat(outcome.validRows()).isEqualTo(3);
    assertThat(outcome.denominator()).isEqualTo(3.5);
    assertThat(losses.getDouble(1)).isZero();
    assertThat(losses.getDouble(2)).isCloseTo(2 * loss(2, 1), within(1e-6));
    assertThat(mean)
        .isCloseTo((loss(0, 1) + 2 * loss(2, 1) + 0.5 * loss(3, 1)) / 3.5, within(1e-6));
  }

  @OnEveryBackend
  void everyTypeGoesWithEveryOther(Backend backend) {
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .build();
    for (DType one : DType.values()) {
      for (DType other : DType.values()) {
        if (one.isFloat() && other.isFloat()) {
          Tensor in = Tensor.of(MemorySegment.ofArray(new long[8]), one, 2, 4);
          Tensor from = Tensor.of(MemorySegment.ofArray(new long[8]), other, 2, 4);
          Tensor out = Tensor.of(MemorySegment.ofArray(new long[8]), other, 2, 4);
          in.setDouble(1, 0, 0);
          from.setDouble(1, 1, 3);
          double e = Math.E;
          // Each side has one row of (e, 1, 1, 1) and one of ones.
          double certain =
              Math.log(4 * e / (e + 3)) * e / (e + 3) + Math.log(4 / (e + 3)) * 3 / (e + 3);
          double even = (Math.log((e + 3) / (4 * e)) + 3 * Math.log((e + 3) / 4)) / 4;
          assertThat(kl.forwardBackward(in, from, out)).isCloseTo(certain + even, within(1e-12));
          assertThat(out.getDouble(0, 0)).isCloseTo(e / (e + 3) - 0.25, within(2e-3));
        }
      }
    }
  }

  @OnEveryBackend
  void maskedClassesAreOfNoSide(Backend backend) {
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    byte[] flags = new byte[CLASSES];
    flags[3] = 1;
    flags[7] = 1;
    Tensor mask = Tensor.of(MemorySegment.ofArray(flags), DType.U8, CLASSES);
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    double mean = kl.on(x, a, dx).inputs(Inputs.none().withClassMask(mask)).run();
    double sum = 0;
    for (int r = 0; r < ROWS; r++) {
      double q = 1 / (1 + Math.exp(a.getDouble(r, 7) - a.getDouble(r, 3)));
      double p = 1 / (1 + Math.exp(x.getDouble(r, 7) - x.getDouble(r, 3)));
      sum += q * Math.log(q / p) + (1 - q) * Math.log((1 - q) / (1 - p));
      assertThat(dx.getDouble(r, 0)).isZero();
      assertThat(dx.getDouble(r, 3)).isCloseTo((p - q) / ROWS, within(1e-7));
    }
    assertThat(mean).isCloseTo(sum / ROWS, within(1e-6));
  }

  @OnEveryBackend
  void everyOptionAtOnce(Backend backend) {
    double temperature = 2;
    double scale = -2.5;
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .temperature(temperature)
            .gradientScale(scale)
            .fullyMasked(FullyMasked.ZERO)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    int masked = 2;
    byte[] flags = new byte[ROWS * CLASSES];
    Arrays.fill(flags, (byte) 1);
    Arrays.fill(flags, masked * CLASSES, (masked + 1) * CLASSES, (byte) 0);
    Tensor mask = Tensor.of(MemorySegment.ofArray(flags), DType.U8, ROWS, CLASSES);
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    double mean = kl.on(x, a, dx).inputs(Inputs.none().withClassMask(mask)).run();
    double sum = 0;
    for (int r = 0; r < ROWS; r++) {
      sum += r == masked ? 0 : loss(r, temperature);
      double[] expected = gradient(r, temperature);
      for (int k = 0; k < CLASSES; k++) {
        double of = r == masked ? 0 : scale * expected[k] / ROWS;
        assertThat(dx.getDouble(r, k)).isCloseTo(of, within(3e-7));
      }
    }
    assertThat(mean).isCloseTo(sum / ROWS, within(1e-6));
  }

  @ParameterizedTest
  @EnumSource(names = "NATIVE")
  void whatItDoesNotHaveIsRefused(Backend backend) {
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    LossOutputs outcome = LossOutputs.create();
    assertThatThrownBy(() -> Divergence.builder(DivergenceKind.KULLBACK_LEIBLER).temperature(-2))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("temperature is -2.0");
    assertThatThrownBy(() -> kl.forward(x, Tensor.of(new float[4], 2, 2)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContainingAll("teacher is F32 [2, 2]", "logits is F32 [5, 37]");
    assertThatThrownBy(() -> kl.forward(x, Tensor.of(new int[ROWS * CLASSES], ROWS, CLASSES)))
        .isInstanceOf(DTypeException.class)
        .hasMessageContaining("teacher is I32");
    Tensor perRow = Tensor.of(new float[ROWS]);
    assertThatThrownBy(
            () -> kl.on(x, a).inputs(Inputs.none().withSink(perRow)).outputs(outcome).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("sink is F32 [5]");
    Tensor weights = Tensor.of(new float[] {1, 1, 1, 1, -1});
    assertThatThrownBy(
            () -> kl.on(x, a).inputs(Inputs.none().withRowWeights(weights)).outputs(outcome).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("rowWeights of row 4 is -1.0");
  }
}
