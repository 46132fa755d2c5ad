// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Inputs next to logits and targets: the same bits however rows are laid out, cut and shared. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class InputsTest {

  private static Tensor flags(Arena arena, long seed, long... shape) {
    int elements = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    byte[] flags = new byte[elements];
    int[] random = Samples.labels(elements, 4, seed);
    for (int i = 0; i < elements; i++) {
      flags[i] = (byte) random[i];
    }
    MemorySegment memory = MemorySegment.ofArray(flags);
    return Tensor.of(arena == null ? memory : copy(arena, memory), DType.U8, shape);
  }

  private static MemorySegment copy(Arena arena, MemorySegment memory) {
    MemorySegment copy = arena.allocate(memory.byteSize(), 64);
    copy.copyFrom(memory);
    return copy;
  }

  private static Tensor floats(Arena arena, float[] values, long... shape) {
    MemorySegment memory = MemorySegment.ofArray(values);
    return Tensor.of(arena == null ? memory : copy(arena, memory), DType.F32, shape);
  }

  // ---- ragged rows -----------------------------------------------------------------------------

  private static final int[] LENGTHS = {5, 0, 130, 1, 9000, 17, 0, 64};

  @OnEveryBackend
  void raggedRowsAreRowsOfTheirOwn(Backend backend) {
    int[] offsets = new int[LENGTHS.length + 1];
    offsets[0] = 3;
    for (int r = 0; r < LENGTHS.length; r++) {
      offsets[r + 1] = offsets[r] + LENGTHS[r];
    }
    int values = offsets[LENGTHS.length] + 2;
    Tensor x = Tensor.of(Samples.logits(values, 3, 1));
    Tensor mask = flags(null, 2, values);
    Tensor sink = Tensor.of(Samples.logits(LENGTHS.length, 1, 3));
    Inputs all =
        Inputs.none().withRowOffsets(Tensor.of(offsets)).withClassMask(mask).withSink(sink);
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    LogSoftmax log =
        LogSoftmax.builder()
            .execution(Execution.defaults().withBackend(backend))
            .softcap(5)
            .build();
    LogSumExp lse =
        LogSumExp.builder().execution(Execution.defaults().withBackend(backend)).build();

    Tensor y = Tensor.of(new float[values]);
    Tensor logs = Tensor.of(new float[values]);
    Tensor dx = Tensor.of(new float[values]);
    Tensor sums = Tensor.of(new float[LENGTHS.length]);
    Inputs withoutSink = Inputs.none().withRowOffsets(Tensor.of(offsets)).withClassMask(mask);
    softmax.on(x, y).inputs(all).run();
    log.on(x, logs).inputs(all).run();
    softmax.onBackward(y, x, dx).inputs(withoutSink).run();
    lse.on(x, sums).inputs(all).run();

    assertThat(y.getFloat(0)).isZero();
    assertThat(y.getFloat(values - 1)).isZero();
    for (int r = 0; r < LENGTHS.length; r++) {
      if (LENGTHS[r] == 0) {
        assertThat(sums.getFloat(r)).isEqualTo(sink.getFloat(r));
        continue;
      }
      long from = offsets[r];
      long to = offsets[r + 1];
      Tensor row = x.slice(0, from, to);
      Inputs own =
          Inputs.none().withClassMask(mask.slice(0, from, to)).withSink(sink.slice(0, r, r + 1));
      Tensor expected = Tensor.of(new float[LENGTHS[r]]);
      Tensor sum = Tensor.of(new float[1]);
      softmax.on(row, expected).inputs(own).run();
      assertThat(Samples.bits(y.slice(0, from, to))).isEqualTo(Samples.bits(expected));
      Inputs masked = Inputs.none().withClassMask(mask.slice(0, from, to));
      Tensor gradient = Tensor.of(new float[LENGTHS[r]]);
      softmax.onBackward(expected, row, gradient).inputs(masked).run();
      assertThat(Samples.bits(dx.slice(0, from, to))).isEqualTo(Samples.bits(gradient));
      log.on(row, expected).inputs(own).run();
      assertThat(Samples.bits(logs.slice(0, from, to))).isEqualTo(Samples.bits(expected));
      lse.on(row, sum).inputs(own).run();
      assertThat(sums.getFloat(r)).isEqualTo(sum.getFloat(0));
    }
  }

  @OnEveryBackend
  void raggedLossesAreThoseOfTheirRows(Backend backend) {
    long[] offsets = {0, 5, 135, 136, 9136};
    int[] labels = {4, 77, 0, 8999};
    float[] x = Samples.logits(9136, 3, 4);
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .labelSmoothing(0.1)
            .reduction(Reduction.SUM)
            .build();
    Tensor losses = Tensor.of(new float[4]);
    Tensor argmax = Tensor.of(new int[4]);
    Tensor dx = Tensor.of(new float[9136]);
    LossOutputs outcome =
        LossOutputs.create().losses(losses).argmax(argmax).saveStatistics(Arena.ofAuto());
    Inputs ragged = Inputs.none().withRowOffsets(Tensor.of(offsets));
    loss.on(Tensor.of(x), Tensor.of(labels), dx).inputs(ragged).outputs(outcome).run();
    for (int r = 0; r < 4; r++) {
      float[] row = Arrays.copyOfRange(x, (int) offsets[r], (int) offsets[r + 1]);
      Tensor gradient = Tensor.of(new float[row.length]);
      double expected =
          loss.forwardBackward(Tensor.of(row), Tensor.of(new int[] {labels[r]}), gradient);
      assertThat((double) losses.getFloat(r)).isEqualTo(expected);
      assertThat(Samples.bits(dx.slice(0, offsets[r], offsets[r + 1])))
          .isEqualTo(Samples.bits(gradient));
      for (int k = 0; k < row.length; k++) {
        assertThat(row[k]).isLessThanOrEqualTo(row[(int) argmax.getLong(r)]);
      }
    }
    Tensor again = Tensor.of(new float[9136]);
    loss.onBackward(Tensor.of(x), Tensor.of(labels), outcome, null, again).inputs(ragged).run();
    assertThat(Samples.bits(again)).isEqualTo(Samples.bits(dx));
  }

  /** An executor runs in the middle of a call, as another thread might. */
  @OnEveryBackend
  void offsetsAreThoseThatTheCallBeganWith(Backend backend) {
    int rows = 600;
    int classes = 500;
    int[] given = new int[rows + 1];
    Arrays.setAll(given, r -> r * classes);
    int[] offsets = given.clone();
    Executor meddler = task -> Arrays.fill(offsets, 0);
    Tensor x = Tensor.of(Samples.logits(rows * classes, 3, 1));
    Inputs inputs = Inputs.none().withRowOffsets(Tensor.of(offsets));
    Inputs quiet = Inputs.none().withRowOffsets(Tensor.of(given));

    Tensor y = Tensor.of(new float[rows * classes]);
    Tensor expected = Tensor.of(new float[rows * classes]);
    Softmax softmax =
        Softmax.builder()
            .axis(0)
            .execution(
                Execution.defaults().withBackend(backend).withThreads(2).withExecutor(meddler))
            .build();
    softmax.on(x, y).inputs(inputs).run();
    assertThat(offsets).containsOnly(0);
    softmax.on(x, expected).inputs(quiet).run();
    assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));

    Tensor labels = Tensor.of(Samples.labels(rows, classes, 2));
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(
                Execution.defaults().withBackend(backend).withThreads(2).withExecutor(meddler))
            .build();
    NllLoss nll = NllLoss.of(loss);
    System.arraycopy(given, 0, offsets, 0, given.length);
    double ragged = loss.on(x, labels, y).inputs(inputs).run();
    assertThat(ragged).isEqualTo(loss.on(x, labels, expected).inputs(quiet).run());
    assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));
    System.arraycopy(given, 0, offsets, 0, given.length);
    ragged = nll.on(x, labels, y).inputs(inputs).run();
    assertThat(ragged).isEqualTo(nll.on(x, labels, expected).inputs(quiet).run());
    assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));
  }

  /** Their copy is too large to be kept from call to call. */
  @OnEveryBackend
  void manyRaggedRows(Backend backend) {
    int rows = 200_000;
    long[] offsets = new long[rows + 1];
    Arrays.setAll(offsets, r -> 2L * r);
    Tensor x = Tensor.of(Samples.logits(2 * rows, 3, 1));
    Tensor sums = Tensor.of(new float[rows]);
    Tensor expected = Tensor.of(new float[rows]);
    LogSumExp lse =
        LogSumExp.builder().execution(Execution.defaults().withBackend(backend)).build();
    for (int call = 0; call < 2; call++) {
      lse.on(x, sums).inputs(Inputs.none().withRowOffsets(Tensor.of(offsets))).run();
    }
    lse.forward(x.reshape(rows, 2), expected);
    assertThat(Samples.bits(sums)).isEqualTo(Samples.bits(expected));
    offsets[rows] = 0;
    assertThatThrownBy(
            () -> lse.on(x, sums).inputs(Inputs.none().withRowOffsets(Tensor.of(offsets))).run())
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("expected offsets that do not fall");
  }

  // ---- rows that are cut and shared ------------------------------------------------------------

  /** The results of calls with every input, as bits, on at most {@code threads} threads. */
  private static List<int[]> results(
      Backend backend, int threads, boolean onHeap, int rows, int classes) {
    List<int[]> bits = new ArrayList<>();
    try (Arena confined = Arena.ofConfined()) {
      Arena arena = onHeap ? null : confined;
      Tensor x = floats(arena, Samples.logits(rows * classes, 3, 1), rows, classes);
      Tensor q = floats(arena, Samples.logits(rows * classes, 1, 2), rows, classes);
      int[] numbers = Samples.labels(rows, classes, 3);
      Tensor mask = flags(arena, 4, classes);
      for (int k : numbers) {
        mask.segment().set(ValueLayout.JAVA_BYTE, k, (byte) 1);
      }
      Tensor weights = floats(arena, Samples.probabilities(1, rows, 5), rows);
      Tensor sink = floats(arena, Samples.logits(1, 1, 6), 1);
      Inputs inputs = Inputs.none().withClassMask(mask).withSink(sink).withRowWeights(weights);
      Tensor dx = floats(arena, new float[rows * classes], rows, classes);
      Tensor perRow = floats(arena, new float[rows], rows);
      Tensor losses = floats(arena, new float[rows], rows);
      CrossEntropy loss =
          CrossEntropy.builder()
              .execution(Execution.defaults().withBackend(backend).withThreads(threads))
              .labelSmoothing(0.1)
              .zLoss(0.01)
              .temperature(1.5)
              .build();
      LossOutputs outcome =
          LossOutputs.create().losses(losses).logSumExp(perRow).countCorrect(true);
      Tensor labels = Tensor.of(numbers);
      double mean = loss.on(x, labels, dx).inputs(inputs).outputs(outcome).run();
      bits.add(new int[] {Float.floatToRawIntBits((float) mean), (int) outcome.correctRows()});
      bits.add(Samples.bits(dx));
      bits.add(Samples.bits(losses));
      bits.add(Samples.bits(perRow));
      Tensor argmax = Tensor.of(new long[rows]);
      outcome.argmax(argmax).entropies(perRow).logSumExp(null);
      loss.on(x, labels, dx).inputs(inputs).outputs(outcome).run();
      bits.add(Samples.bits(dx));
      bits.add(Samples.bits(perRow));
      bits.add(Arrays.stream(argmax.toLongArray()).mapToInt(k -> (int) k).toArray());
      outcome.argmax(null).entropies(null).countCorrect(false).losses(null);
      CrossEntropy weighted =
          CrossEntropy.builder()
              .execution(Execution.defaults().withBackend(backend).withThreads(threads))
              .classWeights(Tensor.of(Samples.probabilities(1, classes, 7)))
              .build();
      bits.add(bitsOf(weighted.forwardBackward(x, labels, dx)));
      bits.add(Samples.bits(dx));
      Tensor two = Tensor.of(Samples.labels(2 * rows, classes, 8), rows, 2);
      Tensor halves = floats(arena, Samples.probabilities(rows, 2, 9), rows, 2);
      bits.add(
          bitsOf(weighted.on(x, two, dx).inputs(Inputs.none().withTargetWeights(halves)).run()));
      bits.add(Samples.bits(dx));
      LogSumExp.builder()
          .execution(Execution.defaults().withBackend(backend).withThreads(threads))
          .build()
          .forward(x, perRow);
      bits.add(Samples.bits(perRow));
      CrossEntropy even =
          CrossEntropy.builder()
              .execution(Execution.defaults().withBackend(backend).withThreads(threads))
              .build();
      Inputs noMask = Inputs.none().withRowWeights(weights).withSink(sink);
      even.on(x, q, dx).inputs(noMask).outputs(outcome).run();
      bits.add(Samples.bits(dx));
      Softmax softmax =
          Softmax.builder()
              .execution(Execution.defaults().withBackend(backend).withThreads(threads))
              .build();
      softmax.on(x, dx).inputs(Inputs.none().withClassMask(mask).withSink(sink)).run();
      bits.add(Samples.bits(dx));
      softmax.onBackward(dx, q, dx).inputs(Inputs.none().withClassMask(mask)).run();
      bits.add(Samples.bits(dx));
    }
    return bits;
  }

  private static int[] bitsOf(double value) {
    long bits = Double.doubleToRawLongBits(value);
    return new int[] {(int) bits, (int) (bits >>> 32)};
  }

  private static void allAreTheSame(Backend backend, int rows, int classes) {
    List<int[]> expected = results(backend, 1, false, rows, classes);
    for (int threads : new int[] {1, 3}) {
      for (boolean onHeap : new boolean[] {false, true}) {
        List<int[]> given = results(backend, threads, onHeap, rows, classes);
        for (int i = 0; i < expected.size(); i++) {
          assertThat(given.get(i))
              .as("result %d, %d threads, on the heap: %s", i, threads, onHeap)
              .isEqualTo(expected.get(i));
        }
      }
    }
  }

  @OnEveryBackend
  void manyShortRows(Backend backend) {
    allAreTheSame(backend, 2000, 30);
  }

  /** Enough rows for the call to wake sleeping threads. */
  @OnEveryBackend
  @Tag("slow")
  void rowsForSeveralThreads(Backend backend) {
    allAreTheSame(backend, 6000, 100);
  }

  /** Too long for one kernel call on the heap, and few enough for threads to share them. */
  @OnEveryBackend
  void fewLongRows(Backend backend) {
    allAreTheSame(backend, 2, 50_000);
  }

  // ---- masks -----------------------------------------------------------------------------------

  /** What Java has bytes for. */
  @OnEveryBackend
  void bytesAreMasksWithOrWithoutSign(Backend backend) {
    byte[] classes = {1, 0, -1, 127, 0};
    byte[] rows = {0, 1, 2};
    Tensor x = Tensor.of(Samples.logits(15, 3, 1), 3, 5);
    Tensor labels = Tensor.of(new byte[] {0, 3, 2});
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .labelSmoothing(0.1)
            .build();
    NllLoss nll = NllLoss.of(loss);
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    List<List<Object>> results = new ArrayList<>();
    for (DType type : new DType[] {DType.U8, DType.I8}) {
      Tensor mask = Tensor.of(MemorySegment.ofArray(classes), type, 5);
      Tensor weights = Tensor.of(MemorySegment.ofArray(rows), type, 3);
      Inputs inputs = Inputs.none().withClassMask(mask).withRowWeights(weights);
      Tensor hits = Tensor.of(MemorySegment.ofArray(new byte[3]), type, 3);
      LossOutputs outcome = LossOutputs.create().correct(hits);
      Tensor dx = Tensor.of(new float[15], 3, 5);
      List<Object> all = new ArrayList<>();
      all.add(loss.on(x, labels, dx).inputs(inputs).outputs(outcome).run());
      all.add(Arrays.toString(Samples.bits(dx)));
      all.add(outcome.correctRows());
      all.add(Arrays.toString(hits.toLongArray()));
      LossOutputs counting = LossOutputs.create().countCorrect(true);
      all.add(nll.on(x, labels, dx).inputs(inputs).outputs(counting).run());
      all.add(Arrays.toString(Samples.bits(dx)));
      all.add(counting.correctRows());
      all.add(kl.on(x, dx).inputs(inputs).run());
      results.add(all);
    }
    assertThat(results.get(1)).isEqualTo(results.get(0)).doesNotContain(Double.NaN, 0.0);
  }

  /** One row for several threads, which cut it. */
  @OnEveryBackend
  void backwardOfOneLongMaskedRow(Backend backend) {
    int classes = (1 << 18) + 100;
    float[] values = Samples.logits(2 * classes, 1, 1);
    double[] wide = new double[2 * classes];
    Arrays.setAll(wide, i -> values[i]);
    backwardOfOneLongMaskedRow(backend, Tensor.of(values, 2, classes));
    backwardOfOneLongMaskedRow(backend, Tensor.of(wide, 2, classes));
  }

  private static void backwardOfOneLongMaskedRow(Backend backend, Tensor both) {
    int classes = (int) both.shape()[1];
    Inputs inputs = Inputs.none().withClassMask(flags(null, 2, classes));
    Tensor y = both.slice(0, 0, 1);
    Tensor dy = both.slice(0, 1, 2);
    for (boolean log : new boolean[] {false, true}) {
      AtomicInteger asked = new AtomicInteger();
      List<double[]> results = new ArrayList<>();
      for (int threads : new int[] {1, 2}) {
        Tensor dx = Tensor.allocate(Arena.ofAuto(), both.type(), 1, classes);
        Executor executor = task -> asked.incrementAndGet();
        Execution by =
            Execution.defaults().withBackend(backend).withThreads(threads).withExecutor(executor);
        if (log) {
          LogSoftmax.builder().execution(by).build().onBackward(y, dy, dx).inputs(inputs).run();
        } else {
          Softmax.builder().execution(by).build().onBackward(y, dy, dx).inputs(inputs).run();
        }
        results.add(dx.toDoubleArray());
      }
      assertThat(results.get(1)).isEqualTo(results.get(0)).doesNotContain(Double.NaN).contains(0);
      assertThat(asked).hasPositiveValue();
    }
  }
}
