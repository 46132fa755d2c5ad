// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Reduced losses are the exact sums of the rows' losses, rounded once. */
class SumTest {
  private static final int ROWS = 500;
  private static final int CLASSES = 5;

  private static CrossEntropy operation(Backend backend, Reduction reduction) {
    return CrossEntropy.builder()
        .execution(Execution.defaults().withBackend(backend))
        .reduction(reduction)
        .build();
  }

  /** A part of a batch, and what was computed for it. */
  private record Batch(float[] x, float[] targets) {
    int rows() {
      return x.length / CLASSES;
    }

    Batch part(int from, int to) {
      return new Batch(
          Arrays.copyOfRange(x, from * CLASSES, to * CLASSES),
          Arrays.copyOfRange(targets, from * CLASSES, to * CLASSES));
    }

    /** The row {@code order[i]} as row i. */
    Batch ordered(int[] order) {
      Batch other = new Batch(new float[x.length], new float[x.length]);
      for (int i = 0; i < order.length; i++) {
        System.arraycopy(x, order[i] * CLASSES, other.x, i * CLASSES, CLASSES);
        System.arraycopy(targets, order[i] * CLASSES, other.targets, i * CLASSES, CLASSES);
      }
      return other;
    }

    Result run(CrossEntropy operation) {
      float[] losses = new float[rows()];
      float[] gradient = new float[x.length];
      LossOutputs outcome = LossOutputs.create().losses(Tensor.of(losses));
      operation
          .on(
              Tensor.of(x, rows(), CLASSES),
              Tensor.of(targets, rows(), CLASSES),
              Tensor.of(gradient, rows(), CLASSES))
          .outputs(outcome)
          .run();
      return new Result(losses, gradient, outcome.sum(), outcome.loss());
    }
  }

  private record Result(float[] losses, float[] gradient, double sum, double loss) {
    double exactSum() {
      BigDecimal sum = BigDecimal.ZERO;
      for (float loss : losses) {
        sum = sum.add(new BigDecimal(loss));
      }
      return sum.doubleValue();
    }
  }

  /** Rows whose losses have the spread and the signs of their targets. */
  private static Batch batch(long seed, double smallest, double largest, boolean signed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] x = Samples.logits(ROWS * CLASSES, 2, seed);
    float[] targets = new float[x.length];
    for (int r = 0; r < ROWS; r++) {
      double size = smallest * Math.pow(largest / smallest, random.nextDouble());
      targets[r * CLASSES] = (float) (signed && random.nextBoolean() ? -size : size);
    }
    return new Batch(x, targets);
  }

  private static int[] shuffled(SplittableRandom random) {
    int[] order = new int[ROWS];
    for (int i = 0; i < ROWS; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, 1, 2, false",
    "NATIVE, 1e-30, 1e30, false",
    "NATIVE, 1e-44, 1e37, true",
    "NATIVE, 1e36, 1e37, true",
    "REFERENCE, 1, 2, false",
    "REFERENCE, 1e-30, 1e30, false",
    "REFERENCE, 1e-44, 1e37, true",
    "REFERENCE, 1e36, 1e37, true"
  })
  void sumsAreExact(Backend backend, double smallest, double largest, boolean signed) {
    for (int seed = 0; seed < 20; seed++) {
      Batch batch = batch(seed, smallest, largest, signed);
      Result sum = batch.run(operation(backend, Reduction.SUM));
      assertThat(sum.sum()).isEqualTo(sum.exactSum());
      assertThat(sum.loss()).isEqualTo(sum.sum());
      Result mean = batch.run(operation(backend, Reduction.MEAN));
      assertThat(mean.sum()).isEqualTo(sum.sum());
      assertThat(mean.loss()).isEqualTo(sum.sum() / ROWS);
      Result given = batch.run(operation(backend, Reduction.MEAN).withDenominator(0.3));
      assertThat(given.loss()).isEqualTo(sum.sum() / 0.3);
    }
  }

  /** Two large losses of opposite signs leave the small one between them, to the last bit. */
  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void nothingIsLostWhereLossesCancel(Backend backend) {
    float[] x = new float[3 * CLASSES];
    float[] targets = new float[3 * CLASSES];
    targets[0] = 1e38f;
    targets[CLASSES] = 1e-38f;
    targets[2 * CLASSES] = -1e38f;
    Result result = new Batch(x, targets).run(operation(backend, Reduction.SUM));
    assertThat(result.losses()[0]).isEqualTo(-result.losses()[2]).isGreaterThan(1e38f);
    assertThat(result.sum()).isEqualTo(result.losses()[1]).isGreaterThan(1e-38);
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void theOrderOfRowsChangesNothing(Backend backend) {
    SplittableRandom random = new SplittableRandom(1);
    CrossEntropy operation = operation(backend, Reduction.MEAN);
    for (int seed = 0; seed < 20; seed++) {
      Batch batch = batch(seed, 1e-20, 1e20, true);
      Result result = batch.run(operation);
      int[] order = shuffled(random);
      Result other = batch.ordered(order).run(operation);
      assertThat(other.loss()).isEqualTo(result.loss());
      for (int i = 0; i < ROWS; i++) {
        assertThat(other.losses()[i]).isEqualTo(result.losses()[order[i]]);
      }
    }
  }

  /**
   * With the denominator of the whole batch every part computes its rows' very losses and
   * gradients, and an exact sum. Losses from 1 to 100 are multiples of 2^-23 and few enough for
   * their sum to fit a double, so that adding up the parts rounds nothing either.
   */
  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void microBatchesAddUpToTheBatch(Backend backend) {
    SplittableRandom random = new SplittableRandom(2);
    CrossEntropy operation = operation(backend, Reduction.MEAN).withDenominator(ROWS);
    for (int seed = 0; seed < 20; seed++) {
      Batch batch = batch(seed, 1, 2, false);
      Arrays.fill(batch.x(), 0);
      Result whole = batch.run(operation);
      for (float loss : whole.losses()) {
        assertThat(loss).isBetween(1f, 100f);
      }
      double sum = 0;
      for (int from = 0; from < ROWS; ) {
        int to = Math.min(ROWS, from + 1 + random.nextInt(200));
        Result part = batch.part(from, to).run(operation);
        assertThat(part.losses()).isEqualTo(Arrays.copyOfRange(whole.losses(), from, to));
        assertThat(part.gradient())
            .isEqualTo(Arrays.copyOfRange(whole.gradient(), from * CLASSES, to * CLASSES));
        assertThat(part.sum()).isEqualTo(part.exactSum());
        assertThat(part.loss()).isEqualTo(part.sum() / ROWS);
        sum += part.sum();
        from = to;
      }
      assertThat(sum).isEqualTo(whole.sum());
      assertThat(sum / ROWS).isEqualTo(whole.loss());
    }
  }
}
