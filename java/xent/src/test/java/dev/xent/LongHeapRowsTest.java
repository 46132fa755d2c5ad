// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Java arrays are worked on in pieces; long rows are cut. The bits are those of off-heap memory.
 */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class LongHeapRowsTest {
  private static final int ROWS = 3;

  private static float[] logits(int classes, String kind) {
    float[] x = Samples.logits(ROWS * classes, 5, classes);
    switch (kind) {
      case "shifted" -> x[classes + classes / 2] = 40000;
      case "farBelow" -> {
        for (int i = 0; i < classes; i++) {
          x[i] -= 1e6f;
        }
      }
      case "special" -> {
        x[classes - 1] = Float.NaN;
        Arrays.fill(x, classes, 2 * classes, Float.NEGATIVE_INFINITY);
      }
      default -> assertThat(kind).isEqualTo("plain");
    }
    return x;
  }

  /** One row that several threads divide, and one of weight 0, whose label is not checked. */
  @ParameterizedTest
  @CsvSource({"NATIVE, 1.5, 7", "REFERENCE, 1.5, 7", "NATIVE, 0, -1", "REFERENCE, 0, -1"})
  void rowWeightsOfOneLongRow(Backend backend, float weight, int label) {
    int classes = (1 << 20) + 100;
    float[] x = Samples.logits(classes, 3, 1);
    Tensor labels = Tensor.of(new int[] {label});
    Inputs inputs = Inputs.none().withRowWeights(Tensor.of(new float[] {weight}));
    AtomicInteger asked = new AtomicInteger();
    Execution by = Execution.defaults().withBackend(backend);
    CrossEntropy.Builder builder =
        CrossEntropy.builder().reduction(Reduction.SUM).labelSmoothing(0.1);
    CrossEntropy alone = builder.execution(by.withThreads(1)).build();
    CrossEntropy shared =
        builder
            .execution(
                by.withThreads(3)
                    .withExecutor(
                        task -> {
                          asked.incrementAndGet();
                          new Thread(task).start();
                        }))
            .build();
    try (Arena arena = Arena.ofShared()) {
      for (Place place : new Place[] {Place.HEAP_ARRAY, Place.OFF_HEAP}) {
        Tensor in = place.put(arena, x, 1, classes);
        Tensor expected = place.put(arena, new float[classes], 1, classes);
        Tensor gradient = place.put(arena, new float[classes], 1, classes);
        double loss = alone.on(in, labels, expected).inputs(inputs).run();
        assertThat(shared.on(in, labels, gradient).inputs(inputs).run()).isEqualTo(loss);
        assertThat(Samples.bits(gradient)).isEqualTo(Samples.bits(expected));
        assertThat(loss == 0).isEqualTo(weight == 0);
      }
    }
    assertThat(asked).hasPositiveValue();
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, 16383, plain",
    "NATIVE, 16385, plain",
    "NATIVE, 32768, shifted",
    "NATIVE, 50000, shifted",
    "NATIVE, 40001, farBelow",
    "NATIVE, 20000, special",
    "NATIVE, 7000, plain",
    "REFERENCE, 16385, plain",
    "REFERENCE, 32768, shifted",
    "REFERENCE, 40001, farBelow",
    "REFERENCE, 20000, special"
  })
  void bitsAreThoseOfOffHeapMemory(Backend backend, int classes, String kind) {
    float[] x = logits(classes, kind);
    float[] q = Samples.logits(ROWS * classes, 1, 3);
    int[] labels = {classes - 1, 3, -1};
    for (FullyMasked masked : FullyMasked.values()) {
      assertThat(results(backend, masked, Place.HEAP_ARRAY, x, labels, q))
          .isDeepEqualTo(results(backend, masked, Place.OFF_HEAP, x, labels, q));
    }
  }

  @OnEveryBackend
  void javaLabelsGoWithOffHeapLogits(Backend backend) {
    int classes = 20000;
    float[] x = logits(classes, "shifted");
    int[] labels = {classes - 1, 3, 16384};
    CrossEntropy mean =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    float[] expected = new float[x.length];
    double loss =
        mean.forwardBackward(
            Tensor.of(x, ROWS, classes), Tensor.of(labels), Tensor.of(expected, ROWS, classes));
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = Place.OFF_HEAP.put(arena, x, ROWS, classes);
      assertThat(mean.forwardBackward(logits, Tensor.of(labels), logits)).isEqualTo(loss);
      assertThat(Samples.bits(logits)).isEqualTo(Samples.bits(expected));
    }
  }

  private static int[][] results(
      Backend backend, FullyMasked masked, Place place, float[] values, int[] labels, float[] q) {
    int classes = values.length / ROWS;
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = place.put(arena, values, ROWS, classes);
      Tensor y = place.put(arena, values, ROWS, classes);
      Tensor dy = place.put(arena, q, ROWS, classes);
      Tensor logY = place.put(arena, values, ROWS, classes);
      Tensor lse = place.put(arena, new float[ROWS], ROWS);
      Softmax softmax =
          Softmax.builder()
              .execution(Execution.defaults().withBackend(backend))
              .fullyMasked(masked)
              .build();
      LogSoftmax logSoftmax =
          LogSoftmax.builder()
              .execution(Execution.defaults().withBackend(backend))
              .fullyMasked(masked)
              .build();
      softmax.forward(y, y);
      logSoftmax.forward(logY, logY);
      LogSumExp.builder()
          .execution(Execution.defaults().withBackend(backend))
          .fullyMasked(masked)
          .build()
          .forward(x, lse);
      int[] softmaxBits = Samples.bits(y);
      int[] logSoftmaxBits = Samples.bits(logY);
      softmax.backward(y, dy, y);
      logSoftmax.backward(logY, dy, logY);

      Tensor losses = place.put(arena, new float[ROWS], ROWS);
      Tensor hits = hits(place, arena);
      Tensor dx = place.put(arena, values, ROWS, classes);
      Tensor later = place.put(arena, values, ROWS, classes);
      Tensor targets =
          place == Place.HEAP_ARRAY
              ? Tensor.of(labels)
              : Tensor.of(Segments.of(arena, labels), DType.I32, ROWS);
      CrossEntropy sum =
          CrossEntropy.builder()
              .execution(Execution.defaults().withBackend(backend))
              .fullyMasked(masked)
              .ignoreIndex(-1)
              .labelSmoothing(0.1)
              .reduction(Reduction.SUM)
              .build();
      LossOutputs outcome = LossOutputs.create().losses(losses).correct(hits).saveStatistics(arena);
      double loss = sum.on(dx, targets, dx).outputs(outcome).run();
      sum.onBackward(later, targets, outcome, lse, later).run();

      Tensor soft = place.put(arena, values, ROWS, classes);
      double softLoss =
          CrossEntropy.builder()
              .execution(Execution.defaults().withBackend(backend))
              .fullyMasked(masked)
              .build()
              .forwardBackward(soft, dy, soft);
      return new int[][] {
        softmaxBits,
        logSoftmaxBits,
        Samples.bits(lse),
        Samples.bits(y),
        Samples.bits(logY),
        Samples.bits(losses),
        Samples.bits(dx),
        Samples.bits(later),
        Samples.bits(soft),
        {(int) outcome.correctRows(), Float.floatToIntBits((float) loss)},
        {Float.floatToIntBits((float) softLoss)}
      };
    }
  }

  private static Tensor hits(Place place, Arena arena) {
    return place == Place.HEAP_ARRAY
        ? Tensor.of(ByteBuffer.allocate(ROWS), DType.U8)
        : Tensor.allocate(arena, DType.U8, ROWS);
  }
}
