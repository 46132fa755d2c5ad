// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The same bits with any axis, any order of the dimensions and any gaps between elements. */
class StridesTest {

  /** A tensor with the values of {@code values}, laid out in another way. */
  private static Tensor scattered(float[] values, long[] shape, SplittableRandom random) {
    int rank = shape.length;
    Integer[] order = new Integer[rank];
    Arrays.setAll(order, i -> i);
    for (int i = rank - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      Integer swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
    long[] larger = new long[rank];
    int[] back = new int[rank];
    for (int i = 0; i < rank; i++) {
      larger[i] = shape[order[i]] + random.nextInt(3);
      back[order[i]] = i;
    }
    long count = 1;
    for (long size : larger) {
      count *= size;
    }
    Tensor whole =
        random.nextBoolean()
            ? Tensor.of(new float[(int) count], larger)
            : Tensor.allocate(Arena.ofAuto(), DType.F32, larger);
    Tensor view = whole.permute(back);
    for (int d = 0; d < rank; d++) {
      long from = random.nextLong(view.dim(d) - shape[d] + 1);
      view = view.slice(d, from, from + shape[d]);
    }
    long[] index = new long[rank];
    for (float value : values) {
      view.setFloat(value, index);
      for (int d = rank - 1; d >= 0 && ++index[d] == shape[d]; d--) {
        index[d] = 0;
      }
    }
    return view;
  }

  private static long[] randomShape(SplittableRandom random) {
    long[] shape = new long[1 + random.nextInt(4)];
    for (int d = 0; d < shape.length; d++) {
      shape[d] = 1 + random.nextInt(6);
    }
    return shape;
  }

  private static int count(long[] shape) {
    return (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  private static long[] rowShape(long[] shape, int axis, boolean keep) {
    long[] kept = shape.clone();
    kept[axis] = 1;
    if (keep || shape.length == 1) {
      return kept;
    }
    return IntStream.range(0, shape.length)
        .filter(d -> d != axis)
        .mapToLong(d -> shape[d])
        .toArray();
  }

  @Test
  void layoutsDoNotChangeABit() {
    SplittableRandom random = new SplittableRandom(42);
    for (int round = 0; round < 300; round++) {
      long[] shape = randomShape(random);
      int axis = random.nextInt(shape.length);
      int n = count(shape);
      long[] rows = rowShape(shape, axis, random.nextBoolean());
      float[] x = Samples.logits(n, 3, round);
      float[] dy = Samples.logits(n, 1, round + 1000);
      int[] labels = Samples.labels(count(rows), (int) shape[axis] + 1, round);
      Backend backend = random.nextBoolean() ? Backend.NATIVE : Backend.REFERENCE;

      Results plain =
          new Results(backend, axis, Tensor.of(x, shape), Tensor.of(dy, shape), labels, rows) {
            @Override
            Tensor output(long[] size) {
              return Tensor.of(new float[count(size)], size);
            }
          };
      Results strided =
          new Results(
              Backend.NATIVE,
              axis - (random.nextBoolean() ? shape.length : 0),
              scattered(x, shape, random),
              scattered(dy, shape, random),
              labels,
              rows) {
            @Override
            Tensor output(long[] size) {
              return scattered(new float[count(size)], size, random);
            }
          };
      assertThat(strided.compute())
          .as("shape %s axis %d", Arrays.toString(shape), axis)
          .isDeepEqualTo(plain.compute());
    }
  }

  /** All operations on one layout. The label past the last class is ignored. */
  private abstract static class Results {
    private final Backend backend;
    private final int axis;
    private final Tensor x;
    private final Tensor dy;
    private final int[] labels;
    private final long[] rows;

    Results(Backend backend, int axis, Tensor x, Tensor dy, int[] labels, long[] rows) {
      this.backend = backend;
      this.axis = axis;
      this.x = x;
      this.dy = dy;
      this.labels = labels;
      this.rows = rows;
    }

    abstract Tensor output(long[] size);

    int[][] compute() {
      long[] shape = x.shape();
      Tensor y = output(shape);
      Tensor dx = output(shape);
      Tensor logY = output(shape);
      Tensor lse = output(rows);
      Tensor losses = output(rows);
      Tensor gradient = output(shape);
      Tensor later = output(shape);
      Softmax softmax =
          Softmax.builder().axis(axis).execution(Execution.defaults().withBackend(backend)).build();
      softmax.forward(x, y);
      softmax.backward(y, dy, dx);
      LogSoftmax.builder()
          .axis(axis)
          .execution(Execution.defaults().withBackend(backend))
          .build()
          .forward(x, logY);
      LogSumExp.builder()
          .axis(axis)
          .execution(Execution.defaults().withBackend(backend))
          .build()
          .forward(x, lse);
      CrossEntropy sum =
          CrossEntropy.builder()
              .axis(axis)
              .execution(Execution.defaults().withBackend(backend))
              .ignoreIndex(x.dim(axis))
              .reduction(Reduction.SUM)
              .build();
      LossOutputs outcome =
          LossOutputs.create().losses(losses).countCorrect(true).saveStatistics(Arena.ofAuto());
      Tensor targets = Tensor.of(labels, rows);
      double loss = sum.on(x, targets, gradient).outputs(outcome).run();
      sum.onBackward(x, targets, outcome, lse, later).run();
      softmax.backward(y, dy, y);
      return new int[][] {
        Samples.bits(y),
        Samples.bits(dx),
        Samples.bits(logY),
        Samples.bits(lse),
        Samples.bits(losses),
        Samples.bits(gradient),
        Samples.bits(later),
        {(int) outcome.correctRows(), (int) outcome.validRows(), Float.floatToIntBits((float) loss)}
      };
    }
  }

  /** Also of a tensor that is computed in pieces, as no stride leads from each row to the next. */
  @OnEveryBackend
  void rowNumbersAreThoseOfTheWholeTensor(Backend backend) {
    Tensor whole = Tensor.of(new float[3 * 4 * 5 * 3], 3, 4, 5, 3).slice(2, 1, 3).slice(0, 0, 2);
    CrossEntropy loss =
        CrossEntropy.builder().axis(1).execution(Execution.defaults().withBackend(backend)).build();
    Tensor dense = Tensor.of(new float[2 * 4 * 2 * 2], 2, 4, 2, 2);
    for (Tensor x : new Tensor[] {whole.slice(3, 1, 3), dense}) {
      int[] labels = new int[2 * 2 * 2];
      labels[5] = 9;
      Tensor wrong = Tensor.of(labels, 2, 2, 2);
      assertThatThrownBy(() -> loss.forward(x, wrong))
          .isInstanceOfSatisfying(
              LabelException.class, refused -> assertThat(refused.row()).isEqualTo(5));
      float[] weights = {1, 1, 1, 1, 1, 1, Float.NaN, 1};
      Inputs inputs = Inputs.none().withRowWeights(Tensor.of(weights, 2, 2, 2));
      Tensor right = Tensor.of(new int[8], 2, 2, 2);
      assertThatThrownBy(() -> loss.on(x, right).inputs(inputs).run())
          .hasMessageContaining("rowWeights of row 6 is NaN");
    }
  }

  @OnEveryBackend
  void inputsMayRepeatElements(Backend backend) {
    MemorySegment one = MemorySegment.ofArray(new float[] {1, 2, 4});
    Tensor repeated = Tensor.strided(one, DType.F32, new long[] {4, 3}, new long[] {0, 1});
    float[] y = new float[12];
    Softmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .forward(repeated, Tensor.of(y, 4, 3));
    assertThat(Samples.row(y, 3, 3)).isEqualTo(Samples.row(y, 0, 3));
    assertThat(y[1] / y[0]).isBetween(2.718f, 2.7184f);
  }
}
