// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Threads share large calls; no result depends on which threads help, and when. */
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
class ThreadsTest {
  private static final int ROWS = 2100;
  private static final int CLASSES = 130;
  private static final float[] X = Samples.logits(ROWS * CLASSES, 4, 21);
  private static final float[] DY = Samples.logits(ROWS * CLASSES, 1, 22);
  private static final int[] LABELS = Samples.labels(ROWS, CLASSES, 23);

  private static Tensor offHeap(Arena arena, float[] values, long... shape) {
    return Tensor.of(Segments.of(arena, values), DType.F32, shape);
  }

  private static Tensor offHeap(Arena arena, int[] labels, long... shape) {
    return Tensor.of(Segments.of(arena, labels), DType.I32, shape);
  }

  /** What one thread computes. */
  private static final class Alone {
    static final Map<String, int[]> RESULTS =
        results(new EveryOperation(Backend.NATIVE, Helpers.POOL, 1));
  }

  private static Map<String, int[]> results(EveryOperation operations) {
    try (Arena arena = Arena.ofShared()) {
      return operations.results(
          values -> offHeap(arena, values, ROWS, CLASSES),
          X,
          DY,
          offHeap(arena, LABELS, ROWS),
          arena);
    }
  }

  private static final LongAdder COMPARED = new LongAdder();

  @AfterAll
  static void sayHowManyValuesWereCompared() {
    System.out.printf("one thread = several: %,d values compared, 0 differ%n", COMPARED.sum());
  }

  private static void assertSameBits(Map<String, int[]> bits, Map<String, int[]> expected) {
    assertThat(bits.keySet()).isEqualTo(expected.keySet());
    bits.forEach(
        (name, each) -> {
          assertThat(Arrays.equals(each, expected.get(name))).as(name).isTrue();
          COMPARED.add(each.length);
        });
  }

  // ---- the same bits ---------------------------------------------------------------------------

  /** Tensors of one shape in all the ways that a call can be cut. */
  private enum Form {
    ROW_MAJOR {
      @Override
      Tensor make(Arena arena, float[] values, long rows, long classes) {
        return offHeap(arena, values, rows, classes);
      }
    },
    JAVA_ARRAY {
      @Override
      Tensor make(Arena arena, float[] values, long rows, long classes) {
        return Tensor.of(values.clone(), rows, classes);
      }
    },
    /** The classes of a row are strided; elements of one class are contiguous. */
    COLUMNS {
      @Override
      Tensor make(Arena arena, float[] values, long rows, long classes) {
        return copy(values, Tensor.allocate(arena, DType.F32, classes, rows).permute(1, 0));
      }
    },
    /** Rows with gaps. */
    STRIDED {
      @Override
      Tensor make(Arena arena, float[] values, long rows, long classes) {
        long wide = classes + 7;
        return copy(values, Tensor.allocate(arena, DType.F32, rows, wide).slice(1, 3, 3 + classes));
      }
    };

    abstract Tensor make(Arena arena, float[] values, long rows, long classes);

    static Tensor copy(float[] values, Tensor to) {
      to.copyFrom(Tensor.of(values, to.shape()));
      return to;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NATIVE, 2100, 130",
    "NATIVE, 70000, 1",
    "NATIVE, 30000, 5",
    "NATIVE, 67, 4099",
    "NATIVE, 1, 300000",
    "NATIVE, 3, 90001",
    "NATIVE, 9, 20000",
    "REFERENCE, 2100, 130",
    "REFERENCE, 3, 90001"
  })
  @Tag("slow")
  void oneTwoAndSevenThreadsGiveTheSameBits(Backend backend, int rows, int classes) {
    float[] x = Samples.logits(rows * classes, 4, classes);
    float[] dy = Samples.logits(rows * classes, 1, rows);
    int[] labels = Samples.labels(rows, Math.max(classes, 2), 3);
    if (classes == 1) {
      Arrays.fill(labels, 0);
    }
    // Rows that need a shift, are NaN, or are masked.
    x[x.length - 1] = 50000;
    x[x.length / 2] = Float.NaN;
    Arrays.fill(x, 0, classes, rows > 2 ? Float.NEGATIVE_INFINITY : 1e6f);
    int[] counts = backend == Backend.NATIVE ? new int[] {1, 2, 7} : new int[] {1, 7};
    for (Form form : Form.values()) {
      Map<String, int[]> expected = null;
      for (int threads : counts) {
        try (Arena arena = Arena.ofConfined()) {
          Map<String, int[]> bits =
              new EveryOperation(backend, Helpers.POOL, threads)
                  .results(
                      values -> form.make(arena, values, rows, classes),
                      x,
                      dy,
                      form == Form.JAVA_ARRAY ? Tensor.of(labels) : offHeap(arena, labels, rows),
                      arena);
          expected = expected == null ? bits : expected;
          assertSameBits(bits, expected);
        }
      }
    }
  }

  /** Dimensions that do not collapse: several pieces, whose rows are claimed together. */
  @OnEveryBackend
  void piecesAreSharedToo(Backend backend) {
    long[] whole = {5, 40, 4, 9, 24};
    long[] shape = {5, 40, 3, 7, 20};
    int size = 5 * 40 * 3 * 7 * 20;
    float[] x = Samples.logits(size, 4, 1);
    float[] dy = Samples.logits(size, 1, 2);
    int[] labels = Samples.labels(size / 40, 40, 3);
    Map<String, int[]> expected = null;
    for (int threads : new int[] {1, 2, 7}) {
      try (Arena arena = Arena.ofConfined()) {
        EveryOperation.Maker maker =
            values ->
                Form.copy(
                    values,
                    Tensor.allocate(arena, DType.F32, whole)
                        .slice(2, 1, 4)
                        .slice(3, 0, 7)
                        .slice(4, 2, 22));
        Map<String, int[]> bits =
            new EveryOperation(backend, Helpers.POOL, threads)
                .results(maker, x, dy, offHeap(arena, labels, shape[0], 3, 7, 20), arena);
        expected = expected == null ? bits : expected;
        assertSameBits(bits, expected);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyExecutorWillDo(Helpers helpers) {
    assertSameBits(results(new EveryOperation(Backend.NATIVE, helpers, 4)), Alone.RESULTS);
    assertSameBits(results(new EveryOperation(Backend.REFERENCE, helpers, 4)), Alone.RESULTS);
  }

  @ParameterizedTest
  @EnumSource
  void everyExecutorWillDoForLongRows(Helpers helpers) {
    float[] x = Samples.logits(3 * 90000, 4, 5);
    float[] dy = Samples.logits(3 * 90000, 4, 6);
    Map<String, int[]> expected = null;
    for (int threads : new int[] {1, 4}) {
      try (Arena arena = Arena.ofShared()) {
        Map<String, int[]> bits =
            new EveryOperation(Backend.NATIVE, helpers, threads)
                .results(
                    values -> offHeap(arena, values, 3, 90000),
                    x,
                    dy,
                    offHeap(arena, new int[] {89999, 1, 8192}, 3),
                    arena);
        expected = expected == null ? bits : expected;
        assertSameBits(bits, expected);
      }
    }
  }

  @Test
  void anExecutorMayComputeItself() {
    float[] expected = new float[X.length];
    Tensor x = Tensor.of(X, ROWS, CLASSES);
    Softmax.builder()
        .execution(Execution.sequential())
        .build()
        .forward(x, Tensor.of(expected, ROWS, CLASSES));

    float[] inner = new float[X.length];
    List<Boolean> same = new ArrayList<>();
    Softmax softmax = Softmax.builder().execution(Execution.defaults().withThreads(2)).build();
    Executor computing =
        task -> {
          softmax.forward(x, Tensor.of(inner, ROWS, CLASSES));
          same.add(Arrays.equals(inner, expected));
          task.run();
          softmax.forward(x, Tensor.of(inner, ROWS, CLASSES));
          same.add(Arrays.equals(inner, expected));
        };
    float[] outer = new float[X.length];
    Softmax.builder()
        .execution(Execution.defaults().withThreads(3).withExecutor(computing))
        .build()
        .forward(x, Tensor.of(outer, ROWS, CLASSES));
    assertThat(outer).isEqualTo(expected);
    assertThat(same).isNotEmpty().doesNotContain(false);
  }

  @Test
  void anExecutorMayCallTheOperationThatItServes() {
    float[] others = X.clone();
    for (int i = 0; i < others.length; i++) {
      others[i] = -2 * others[i];
    }
    Softmax alone = Softmax.builder().execution(Execution.sequential()).build();
    float[] expected = new float[X.length];
    float[] expectedOfOthers = new float[X.length];
    alone.forward(Tensor.of(X, ROWS, CLASSES), Tensor.of(expected, ROWS, CLASSES));
    alone.forward(Tensor.of(others, ROWS, CLASSES), Tensor.of(expectedOfOthers, ROWS, CLASSES));

    float[] outer = new float[X.length];
    float[] inner = new float[X.length];
    Softmax[] served = new Softmax[1];
    int[] calls = {0};
    Executor calling =
        task -> {
          if (calls[0]++ == 1) {
            served[0].forward(Tensor.of(others, ROWS, CLASSES), Tensor.of(inner, ROWS, CLASSES));
          }
          task.run();
        };
    served[0] =
        Softmax.builder()
            .execution(Execution.defaults().withThreads(2).withExecutor(calling))
            .build();
    for (int call = 0; call < 2; call++) { // the second one works with what the first one kept
      Arrays.fill(outer, 0);
      served[0].forward(Tensor.of(X, ROWS, CLASSES), Tensor.of(outer, ROWS, CLASSES));
    }
    assertThat(calls[0]).isGreaterThan(2);
    assertThat(outer).isEqualTo(expected);
    assertThat(inner).isEqualTo(expectedOfOthers);
  }

  @Test
  @Tag("slow")
  void sixtyFourVirtualThreadsCallAtOnce() throws Exception {
    EveryOperation operations = new EveryOperation(Backend.NATIVE, Helpers.POOL, 3);
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Map<String, int[]>>> all = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        all.add(callers.submit(() -> results(operations)));
      }
      for (Future<Map<String, int[]>> each : all) {
        assertSameBits(each.get(), Alone.RESULTS);
      }
    }
  }

  /** Without the one whose executor waits, which an interrupt ends. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "BEFORE_THE_CALLER")
  void anInterruptedCallerComputesAndStaysInterrupted(Helpers helpers) {
    Softmax softmax = Softmax.builder().execution(helpers.help(Execution.defaults(), 4)).build();
    float[] y = X.clone();
    for (int round = 0; round < 20; round++) {
      System.arraycopy(X, 0, y, 0, y.length);
      Thread.currentThread().interrupt();
      softmax.forward(Tensor.of(y, ROWS, CLASSES), Tensor.of(y, ROWS, CLASSES));
      assertThat(Thread.interrupted()).isTrue();
    }
    float[] expected = new float[X.length];
    Softmax.builder()
        .execution(Execution.sequential())
        .build()
        .forward(Tensor.of(X, ROWS, CLASSES), Tensor.of(expected, ROWS, CLASSES));
    assertThat(y).isEqualTo(expected);
  }

  // ---- what goes wrong -------------------------------------------------------------------------

  @ParameterizedTest
  @EnumSource
  void theFirstBadLabelIsNamedAndNothingWritten(Helpers helpers) {
    int rows = 300_000;
    int[] labels = new int[rows];
    labels[250_000] = 9;
    labels[70_123] = 7;
    labels[70_124] = 8;
    float[] x = Samples.logits(rows * 2, 1, 1);
    float[] untouched = new float[rows * 2];
    float[] zeros = untouched.clone();
    for (int threads : new int[] {1, 2, 7}) {
      CrossEntropy loss =
          CrossEntropy.builder().execution(helpers.help(Execution.defaults(), threads)).build();
      Tensor gradient = Tensor.of(untouched, rows, 2);
      LossOutputs outcome = LossOutputs.create().losses(Tensor.of(new float[rows], rows));
      for (int round = 0; round < 3; round++) {
        assertThatThrownBy(
                () ->
                    loss.on(Tensor.of(x, rows, 2), Tensor.of(labels), gradient)
                        .outputs(outcome)
                        .run())
            .isInstanceOf(LabelException.class)
            .hasMessageContaining("row 70123 has label 7")
            .satisfies(
                thrown ->
                    assertThat(thrown.getStackTrace())
                        .extracting(StackTraceElement::getClassName)
                        .contains(ThreadsTest.class.getName()));
        assertThat(untouched).isEqualTo(zeros);
      }
    }
  }

  /** Only its executor lets a caller close memory in the middle of a call. */
  @Test
  void memoryThatIsClosedDuringTheCallIsRefused() {
    Arena arena = Arena.ofShared();
    Tensor x = offHeap(arena, X, ROWS, CLASSES);
    Tensor y = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
    Softmax softmax =
        Softmax.builder()
            .execution(
                Execution.defaults()
                    .withThreads(2)
                    .withExecutor(
                        task -> {
                          arena.close();
                          Helpers.BEFORE_THE_CALLER.executor().execute(task);
                        }))
            .build();
    assertThatThrownBy(() -> softmax.forward(x, y))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("is in a closed arena");
    float[] again = new float[X.length];
    Softmax next = Softmax.builder().execution(Execution.defaults().withThreads(2)).build();
    next.forward(Tensor.of(X, ROWS, CLASSES), Tensor.of(again, ROWS, CLASSES));
    assertThat(again).doesNotContain(0f);
  }

  @Test
  void anArenaIsNotClosedUnderAKernel() throws InterruptedException {
    Softmax softmax = Softmax.builder().execution(Execution.defaults().withThreads(3)).build();
    for (int round = 0; round < 30; round++) {
      Arena arena = Arena.ofShared();
      Tensor x = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
      Tensor y = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
      Thread closer =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (x.segment().scope().isAlive()) {
                      try {
                        arena.close();
                      } catch (IllegalStateException inUse) {
                        Thread.onSpinWait();
                      }
                    }
                  });
      assertThatThrownBy(
              () -> {
                while (true) {
                  softmax.forward(x, y);
                }
              })
          .isInstanceOf(MemoryException.class);
      closer.join();
    }
  }

  // ---- what is left behind ---------------------------------------------------------------------

  @Test
  void aTaskThatComesLateFindsNothingToDoAndHoldsNoMemory() throws InterruptedException {
    List<Runnable> tasks = new ArrayList<>();
    WeakReference<float[]> memory = computeAndKeep(tasks);
    assertThat(tasks).hasSize(3);
    tasks.forEach(Runnable::run);
    for (int i = 0; i < 50 && memory.get() != null; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(memory.get()).isNull();
    assertThat(tasks).hasSize(3);
  }

  private static WeakReference<float[]> computeAndKeep(List<Runnable> tasks) {
    float[] x = X.clone();
    Tensor tensor = Tensor.of(x, ROWS, CLASSES);
    Softmax.builder()
        .execution(Execution.defaults().withThreads(4).withExecutor(tasks::add))
        .build()
        .forward(tensor, tensor);
    return new WeakReference<>(x);
  }

  @Test
  void theThreadsOfThePoolAreFewAndDaemons() {
    results(new EveryOperation(Backend.NATIVE, Helpers.POOL, 7));
    List<Thread> workers =
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().startsWith("xent-"))
            .toList();
    int most = Math.max(6, Runtime.getRuntime().availableProcessors() - 1);
    assertThat(workers).isNotEmpty().hasSizeLessThanOrEqualTo(most);
    assertThat(workers).allMatch(Thread::isDaemon);
  }

  // ---- options ---------------------------------------------------------------------------------

  @Test
  void thereIsNoCallWithoutAThread() {
    assertThatThrownBy(() -> Softmax.builder().execution(Execution.defaults().withThreads(0)))
        .isInstanceOf(OptionException.class)
        .hasMessage("threads is 0; expected 1 or more");
    assertThatThrownBy(() -> CrossEntropy.builder().execution(Execution.defaults().withThreads(-3)))
        .isInstanceOf(OptionException.class)
        .hasMessage("threads is -3; expected 1 or more");
  }

  @Test
  void sequentialAsksNobody() {
    Executor asked =
        task -> {
          throw new AssertionError("asked");
        };
    Tensor x = Tensor.of(X, ROWS, CLASSES);
    Tensor y = Tensor.of(new float[X.length], ROWS, CLASSES);
    Softmax.builder().execution(Execution.sequential().withExecutor(asked)).build().forward(x, y);
    Softmax small =
        Softmax.builder()
            .execution(Execution.defaults().withExecutor(asked).withThreads(8))
            .build();
    small.forward(x.slice(0, 0, 250), y.slice(0, 0, 250));
  }

  // ---- many callers ----------------------------------------------------------------------------

  @OnEveryBackend
  void oneOperationServesManyThreads(Backend backend)
      throws InterruptedException, ExecutionException {
    CrossEntropy mean =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .ignoreIndex(0)
            .build();
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    List<int[]> expected = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      expected.add(result(mean, softmax, i));
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<int[]>> results = new ArrayList<>();
      for (int round = 0; round < 200; round++) {
        int seed = round % 8;
        results.add(threads.submit(() -> result(mean, softmax, seed)));
      }
      for (int round = 0; round < 200; round++) {
        assertThat(results.get(round).get()).isEqualTo(expected.get(round % 8));
      }
    }
  }

  private static int[] result(CrossEntropy mean, Softmax softmax, int seed) {
    int classes = 10 + seed;
    float[] x = Samples.logits(20 * classes, 3, seed);
    Tensor logits = Tensor.of(x, 20, classes);
    Tensor labels = Tensor.of(Samples.labels(20, classes, seed));
    mean.forwardBackward(logits, labels, logits);
    softmax.forward(logits, logits);
    return Samples.bits(x);
  }
}
