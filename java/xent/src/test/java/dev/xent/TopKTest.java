// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The largest classes: their order, and the very bits of softmax and log-softmax. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class TopKTest {
  private static final float INFINITY = Float.POSITIVE_INFINITY;

  /** The third of equal calls runs prepared kernels. */
  private static final int CALLS = 3;

  /** Logits of some spread, with equal ones among them. */
  private static float[] values(int rows, int classes, double spread, long seed) {
    float[] x = Samples.logits(rows * classes, spread, seed);
    for (int i = 7; i < x.length; i += 7) {
      x[i] = x[i - 3];
    }
    return x;
  }

  /** Classes of a row in falling order, the lower one first among equals. */
  private static int[] order(float[] row) {
    return IntStream.range(0, row.length)
        .boxed()
        .sorted((a, b) -> row[a] == row[b] ? a - b : Float.compare(row[b], row[a]))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private static int[][] largest(float[] x, int rows, int classes, int k) {
    int[][] largest = new int[rows][];
    for (int r = 0; r < rows; r++) {
      largest[r] = Arrays.copyOf(order(Samples.row(x, r, classes)), k);
    }
    return largest;
  }

  private static void assertTop(int[][] largest, Tensor logits, Consumer<LogitBuilder<?>> with) {
    TopK.Builder builder = TopK.builder(largest[0].length);
    with.accept(builder);
    Softmax.Builder softmax = Softmax.builder();
    with.accept(softmax);
    LogSoftmax.Builder logSoftmax = LogSoftmax.builder();
    with.accept(logSoftmax);
    boolean wide = logits.type() == DType.F64;
    Tensor y = Tensor.allocate(Arena.ofAuto(), wide ? DType.F64 : DType.F32, logits.shape());
    TopK top = builder.build();
    softmax.build().forward(logits, y);
    for (int call = 0; call < CALLS; call++) {
      assertRows(largest, top.probabilities(logits), y);
    }
    logSoftmax.build().forward(logits, y);
    for (int call = 0; call < CALLS; call++) {
      assertRows(largest, top.logProbabilities(logits), y);
    }
  }

  private static void assertRows(int[][] largest, TopKResult best, Tensor all) {
    assertThat(best.values().type()).isEqualTo(all.type());
    long[] bits = new long[largest[0].length];
    long[] expected = new long[bits.length];
    int[] classes = new int[bits.length];
    for (int r = 0; r < largest.length; r++) {
      for (int i = 0; i < bits.length; i++) {
        classes[i] = (int) best.classes().getLong(r, i);
        bits[i] = Double.doubleToRawLongBits(best.values().getDouble(r, i));
        expected[i] = Double.doubleToRawLongBits(all.getDouble(r, largest[r][i]));
      }
      if (!Arrays.equals(classes, largest[r]) || !Arrays.equals(bits, expected)) {
        assertThat(classes).as("row %d", r).isEqualTo(largest[r]);
        assertThat(bits).as("row %d", r).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "3, 2, 1",
    "3, 2, 2",
    "40, 10, 1",
    "40, 10, 5",
    "40, 10, 10",
    "40, 300, 7",
    "5, 1024, 40",
    "3, 9000, 1",
    "3, 9000, 5",
    "2, 20000, 1500",
    "700, 100, 20",
    "1, 100000, 3"
  })
  void bitsOfSoftmax(int rows, int classes, int k) {
    for (double spread : new double[] {0.001, 4, 60, 30_000}) {
      float[] x = values(rows, classes, spread, rows + classes);
      int[][] largest = largest(x, rows, classes, k);
      Tensor logits = Tensor.of(x, rows, classes);
      for (Backend backend : new Backend[] {Backend.NATIVE, Backend.REFERENCE}) {
        assertTop(
            largest,
            logits,
            builder -> builder.execution(Execution.defaults().withBackend(backend)));
        assertTop(
            largest,
            logits,
            builder ->
                builder
                    .temperature(0.7)
                    .execution(Execution.defaults().withBackend(backend).withThreads(3)));
      }
    }
  }

  @OnEveryBackend
  void eachCallReadsItsOwnLogits(Backend backend) {
    Execution execution = Execution.sequential().withBackend(backend);
    TopK top = TopK.builder(3).temperature(0.7).execution(execution).build();
    Softmax softmax = Softmax.builder().temperature(0.7).execution(execution).build();
    for (int call = 0; call < 2 * CALLS; call++) {
      float[] x = values(4, 20, 3, call);
      x[21] = call % 2 == 0 ? Float.NaN : 1;
      Tensor logits = Tensor.of(x, 4, 20);
      Tensor y = Tensor.of(new float[80], 4, 20);
      softmax.forward(logits, y);
      TopKResult best = top.probabilities(logits);
      assertRows(largest(x, 1, 20, 3), best, y);
      if (call % 2 == 0) {
        assertThat(best.classes().toLongArray()[4]).isEqualTo(-1);
        assertThat(best.values().toFloatArray()[4]).isNaN();
      } else {
        assertRows(largest(x, 4, 20, 3), best, y);
      }
    }
  }

  @OnEveryBackend
  void aBoundCallReadsWhatTheLogitsHold(Backend backend) {
    Execution execution = Execution.sequential().withBackend(backend);
    float[] x = new float[80];
    Tensor logits = Tensor.of(x, 4, 20);
    Tensor classes = Tensor.of(new int[12], 4, 3);
    Tensor values = Tensor.of(new float[12], 4, 3);
    BoundCall call =
        TopK.builder(3).execution(execution).build().onProbabilities(logits, classes, values);
    Softmax softmax = Softmax.builder().execution(execution).build();
    Tensor y = Tensor.of(new float[80], 4, 20);
    for (int run = 0; run < 2 * CALLS; run++) {
      System.arraycopy(values(4, 20, 3, run), 0, x, 0, x.length);
      call.run();
      softmax.forward(logits, y);
      assertRows(largest(x, 4, 20, 3), new TopKResult(classes, values), y);
    }
  }

  @OnEveryBackend
  void laterCallsRejectMemoryThatOverlaps(Backend backend) {
    TopK top = TopK.builder(2).execution(Execution.sequential().withBackend(backend)).build();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(256, 64);
      Tensor logits = Tensor.of(memory.asSlice(0, 80), DType.F32, 2, 10);
      Tensor classes = Tensor.of(memory.asSlice(128, 16), DType.I32, 2, 2);
      Tensor values = Tensor.of(memory.asSlice(192, 16), DType.F32, 2, 2);
      for (int call = 0; call < CALLS; call++) {
        top.probabilities(logits, classes, values);
        top.logProbabilities(logits, classes, values);
      }
      Tensor overLogits = Tensor.of(memory.asSlice(64, 16), DType.I32, 2, 2);
      Tensor overClasses = Tensor.of(memory.asSlice(140, 16), DType.F32, 2, 2);
      for (Tensor[] outputs : new Tensor[][] {{overLogits, values}, {classes, overClasses}}) {
        assertThatThrownBy(() -> top.probabilities(logits, outputs[0], outputs[1]))
            .isInstanceOf(MemoryException.class);
        assertThatThrownBy(() -> top.logProbabilities(logits, outputs[0], outputs[1]))
            .isInstanceOf(MemoryException.class);
      }
      assertThat(logits.toFloatArray()).containsOnly(0);
    }
  }

  @OnEveryBackend
  void everyType(Backend backend) {
    float[] x = values(6, 50, 3, 1);
    for (DType type : new DType[] {DType.F16, DType.BF16, DType.F64}) {
      Tensor logits = Tensor.allocate(Arena.ofAuto(), type, 6, 50);
      logits.copyFrom(Tensor.of(x, 6, 50));
      float[] held = new float[x.length];
      for (int i = 0; i < x.length; i++) {
        held[i] = (float) logits.getDouble(i / 50, i % 50);
      }
      int[][] largest = largest(held, 6, 50, 4);
      assertTop(
          largest, logits, builder -> builder.execution(Execution.defaults().withBackend(backend)));
      assertTop(
          largest,
          logits,
          builder -> builder.softcap(8).execution(Execution.defaults().withBackend(backend)));
    }
    Tensor logits = Tensor.of(x, 6, 50);
    Tensor classes = Tensor.of(new long[18], 6, 3);
    Tensor halves = Tensor.allocate(Arena.ofAuto(), DType.F16, 6, 3);
    TopK.builder(3)
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .probabilities(logits, classes, halves);
    Tensor all = Tensor.allocate(Arena.ofAuto(), DType.F16, 6, 50);
    Softmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .forward(logits, all);
    for (int r = 0; r < 6; r++) {
      for (int i = 0; i < 3; i++) {
        assertThat(halves.getFloat(r, i)).isEqualTo(all.getFloat(r, (int) classes.getLong(r, i)));
      }
    }
  }

  @OnEveryBackend
  void anyAxisAndAnyStrides(Backend backend) {
    float[] x = values(20, 12, 3, 2);
    Tensor rows = Tensor.of(x, 20, 12);
    Tensor columns = Tensor.allocate(Arena.ofAuto(), DType.F32, 4, 12, 5);
    columns.copyFrom(rows.reshape(4, 5, 12).permute(0, 2, 1));
    TopKResult expected =
        TopK.builder(3)
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .probabilities(rows);
    TopK top = TopK.builder(3).axis(1).execution(Execution.defaults().withBackend(backend)).build();
    TopKResult best = top.probabilities(columns);
    assertThat(best.classes().shape()).containsExactly(4, 3, 5);
    assertThat(best.values().permute(0, 2, 1).toFloatArray())
        .isEqualTo(expected.values().toFloatArray());
    assertThat(best.classes().permute(0, 2, 1).toLongArray())
        .isEqualTo(expected.classes().toLongArray());
    Tensor classes = Tensor.allocate(Arena.ofAuto(), DType.I32, 5, 3, 8).permute(2, 1, 0);
    Tensor values = Tensor.allocate(Arena.ofAuto(), DType.F32, 5, 3, 8).permute(2, 1, 0);
    top.probabilities(columns, classes.slice(0, 2, 6), values.slice(0, 2, 6));
    assertThat(values.slice(0, 2, 6).toFloatArray()).isEqualTo(best.values().toFloatArray());
    assertThat(values.slice(0, 0, 2).toFloatArray()).containsOnly(0);
    assertThat(classes.slice(0, 2, 6).toLongArray()).isEqualTo(best.classes().toLongArray());
  }

  @OnEveryBackend
  void masksAndSinks(Backend backend) {
    float[] x = {1, 5, 3, 4, 2, 0};
    Inputs inputs =
        Inputs.none()
            .withClassMask(Tensor.of(new byte[] {1, 0, 1, 1, 0, 0}))
            .withSink(Tensor.of(new float[] {2}));
    Tensor logits = Tensor.of(x, 1, 6);
    Tensor all = Tensor.of(new float[6], 1, 6);
    TopK top = TopK.builder(4).execution(Execution.defaults().withBackend(backend)).build();
    Tensor classes = Tensor.of(new int[4], 1, 4);
    Tensor values = Tensor.of(new float[4], 1, 4);
    top.onProbabilities(logits, classes, values).inputs(inputs).run();
    Softmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .on(logits, all)
        .inputs(inputs)
        .run();
    assertThat(classes.toLongArray()).containsExactly(3, 2, 0, -1);
    assertThat(values.toFloatArray())
        .containsExactly(all.getFloat(0, 3), all.getFloat(0, 2), all.getFloat(0, 0), 0);
    top.onLogProbabilities(logits, classes, values).inputs(inputs).run();
    LogSoftmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .on(logits, all)
        .inputs(inputs)
        .run();
    assertThat(values.toFloatArray())
        .containsExactly(all.getFloat(0, 3), all.getFloat(0, 2), all.getFloat(0, 0), -INFINITY);
  }

  @OnEveryBackend
  void raggedRows(Backend backend) {
    float[] x = {1, 3, 2, 7, 5, 5, 0, -INFINITY};
    Inputs inputs = Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 3, 4, 4, 7, 8}));
    TopK top = TopK.builder(2).execution(Execution.defaults().withBackend(backend)).build();
    Tensor classes = Tensor.of(new int[10], 5, 2);
    Tensor values = Tensor.of(new float[10], 5, 2);
    top.onProbabilities(Tensor.of(x), classes, values).inputs(inputs).run();
    assertThat(classes.toLongArray()).containsExactly(1, 2, 0, -1, -1, -1, 0, 1, -1, -1);
    Tensor all = Tensor.of(new float[x.length]);
    Softmax.builder()
        .axis(0)
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .on(Tensor.of(x), all)
        .inputs(inputs)
        .run();
    assertThat(values.toFloatArray())
        .containsExactly(
            all.getFloat(1),
            all.getFloat(2),
            1,
            0,
            Float.NaN,
            Float.NaN,
            all.getFloat(4),
            all.getFloat(5),
            Float.NaN,
            Float.NaN);
    TopK one =
        TopK.builder(1)
            .fullyMasked(FullyMasked.ZERO)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor largest = Tensor.of(new int[5], 5, 1);
    Tensor ofLargest = Tensor.of(new float[5], 5, 1);
    one.onProbabilities(Tensor.of(x), largest, ofLargest).inputs(inputs).run();
    assertThat(ofLargest.toFloatArray()).containsExactly(all.getFloat(1), 1, 0, all.getFloat(4), 0);
    one.onLogProbabilities(Tensor.of(x), largest, ofLargest).inputs(inputs).run();
    assertThat(ofLargest.toFloatArray())
        .containsExactly(
            (float) Math.log(all.getFloat(1)) > -1
                ? one.logProbabilities(Tensor.of(new float[] {1, 3, 2}, 1, 3))
                    .values()
                    .getFloat(0, 0)
                : 0,
            0,
            -INFINITY,
            one.logProbabilities(Tensor.of(new float[] {5, 5, 0}, 1, 3)).values().getFloat(0, 0),
            -INFINITY);
  }

  @OnEveryBackend
  void rowsThatAreNoNumbers(Backend backend) {
    float[] x = {1, Float.NaN, 2, 1, INFINITY, 0, -INFINITY, -INFINITY, -INFINITY, 4, -INFINITY, 3};
    Tensor logits = Tensor.of(x, 4, 3);
    TopK nan = TopK.builder(2).execution(Execution.defaults().withBackend(backend)).build();
    TopK zero =
        TopK.builder(2)
            .fullyMasked(FullyMasked.ZERO)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    for (TopK top : new TopK[] {nan, zero}) {
      boolean zeros = top == zero;
      TopKResult best = top.probabilities(logits);
      assertThat(best.classes().toLongArray()).containsExactly(-1, -1, -1, -1, -1, -1, 0, 2);
      float masked = zeros ? 0 : Float.NaN;
      assertThat(Arrays.copyOf(best.values().toFloatArray(), 6))
          .containsExactly(Float.NaN, Float.NaN, Float.NaN, Float.NaN, masked, masked);
      float[] logs = top.logProbabilities(logits).values().toFloatArray();
      float maskedLog = zeros ? -INFINITY : Float.NaN;
      assertThat(Arrays.copyOf(logs, 6))
          .containsExactly(Float.NaN, Float.NaN, Float.NaN, Float.NaN, maskedLog, maskedLog);
      assertThat(logs[6]).isBetween(-0.32f, -0.31f);
    }
  }

  /** Users take it apart by a record pattern. */
  @Test
  void aResultIsARecord() {
    TopKResult found = TopK.of(2).probabilities(Tensor.of(new float[] {1, 3, 2}));
    assertThat(TopKResult.class).isRecord();
    assertThat(found.classes().toLongArray()).containsExactly(1, 2);
    assertThat(found.values().shape()).containsExactly(2);
  }

  @Test
  void whatIsRefused() {
    Tensor logits = Tensor.of(new float[12], 3, 4);
    TopK top = TopK.of(2);
    assertThatThrownBy(() -> TopK.of(0))
        .isInstanceOf(OptionException.class)
        .hasMessage("k is 0: request 1 or more of the largest classes");
    assertThatThrownBy(() -> TopK.of(5).probabilities(logits))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "k is 5, logits is F32 [3, 4] with 4 classes along axis 1; expected a k of at most 4");
    Tensor classes = Tensor.of(new int[9], 3, 3);
    Tensor values = Tensor.of(new float[9], 3, 3);
    assertThatThrownBy(() -> top.probabilities(logits, classes, values))
        .isInstanceOf(ShapeException.class)
        .hasMessage("topClasses is I32 [3, 3], k is 2; expected the shape [3, 2]");
    assertThatThrownBy(
            () -> top.logProbabilities(logits, classes.slice(1, 0, 2), values.slice(1, 0, 1)))
        .isInstanceOf(ShapeException.class)
        .hasMessageStartingWith("topLogProbabilities is F32 [3, 1]");
    assertThatThrownBy(
            () ->
                top.onProbabilities(logits, classes, values)
                    .inputs(Inputs.none().withRowWeights(Tensor.of(new float[3])))
                    .run())
        .isInstanceOf(OptionException.class)
        .hasMessageStartingWith("rowWeights is F32 [3], and top-k has no such input");
    Tensor overlapping = logits.slice(1, 0, 2);
    assertThatThrownBy(() -> top.probabilities(logits, classes.slice(1, 0, 2), overlapping))
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("topProbabilities and logits overlap");
    assertThat(values.toFloatArray()).containsOnly(0);
    assertThat(TopK.builder(2).temperature(3).build()).hasToString("TopK[k=2, temperature=3.0]");
    assertThat(Argmax.along(1)).hasToString("Argmax[axis=1]");
    assertThat(Entropy.along(-1)).hasToString("Entropy[]");
  }

  /** More rows than statistics are kept for, on all threads. */
  @OnEveryBackend
  void manyRows(Backend backend) {
    int rows = backend == Backend.NATIVE ? 70_000 : 17_000;
    float[] x = values(rows, 12, 4, 9);
    Tensor logits = Tensor.of(x, rows, 12);
    TopKResult best =
        TopK.builder(2)
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .probabilities(logits);
    Tensor all = Tensor.of(new float[x.length], rows, 12);
    Softmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .forward(logits, all);
    float[] y = all.toFloatArray();
    float[] values = best.values().toFloatArray();
    long[] classes = best.classes().toLongArray();
    for (int i = 0; i < 2 * rows; i++) {
      if (values[i] != y[i / 2 * 12 + (int) classes[i]]) {
        assertThat(values[i]).as("entry %d", i).isEqualTo(y[i / 2 * 12 + (int) classes[i]]);
      }
    }
  }
}
