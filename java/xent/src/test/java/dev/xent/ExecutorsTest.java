// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A call completes with the bits of one thread, no matter what its executor does or throws. */
@Timeout(120)
class ExecutorsTest {
  /** What {@code execute} throws. */
  private enum Thrown {
    ASSERTION(new AssertionError("thrown by the executor"), true),
    LINKAGE(new NoClassDefFoundError("thrown by the executor"), true),
    STACK_OVERFLOW(new StackOverflowError("thrown by the executor"), true),
    SNEAKY_CHECKED(new IOException("thrown by the executor"), true),
    RUNTIME(new IllegalStateException("thrown by the executor"), true),
    /** What a full executor may throw. */
    REJECTED(new RejectedExecutionException("full"), false),
    NO_THREAD(new OutOfMemoryError("unable to create native thread"), false);

    private final Throwable throwable;
    private final boolean reported;

    Thrown(Throwable throwable, boolean reported) {
      this.throwable = throwable;
      this.reported = reported;
    }
  }

  /** When it throws. */
  private enum Moment {
    AT_ONCE,
    WHILE_A_HELPER_WORKS,
    AFTER_THE_TASK
  }

  /** What it does with a task if it throws nothing. */
  private enum Habit {
    INLINE,
    TWICE_INLINE,
    TWICE_AT_ONCE,
    /** Makes calls before and after the task; their executor runs the task, too. */
    CALLS,
    LATE,
    NEVER
  }

  /** The same for every executor. */
  private static final Map<String, int[]> EXPECTED = new ConcurrentHashMap<>();

  private static final Map<Integer, float[]> VALUES = new ConcurrentHashMap<>();

  private final List<Throwable> reported = new CopyOnWriteArrayList<>();
  private final AtomicInteger asked = new AtomicInteger();
  private final List<Runnable> late = new CopyOnWriteArrayList<>();

  /** Large enough to be shared out. */
  private final Tensor theirs = Tensor.of(new float[1 << 19], 1 << 10, 1 << 9);

  @BeforeEach
  void listen() {
    Thread.currentThread().setUncaughtExceptionHandler((thread, thrown) -> reported.add(thrown));
  }

  @AfterEach
  void listenNoMore() {
    Thread.currentThread().setUncaughtExceptionHandler(null);
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> void sneak(Throwable thrown) throws T {
    throw (T) thrown;
  }

  private Executor throwing(Thrown thrown, Moment moment) {
    CountDownLatch begun = new CountDownLatch(1);
    return task -> {
      boolean first = asked.incrementAndGet() == 1;
      if (moment == Moment.WHILE_A_HELPER_WORKS && first) {
        Thread.ofPlatform().start(() -> announce(begun, task));
        return;
      }
      if (moment == Moment.WHILE_A_HELPER_WORKS) {
        await(begun);
      }
      if (moment == Moment.AFTER_THE_TASK) {
        task.run();
      }
      ExecutorsTest.<RuntimeException>sneak(thrown.throwable);
    };
  }

  private static void announce(CountDownLatch begun, Runnable task) {
    begun.countDown();
    task.run();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
      Thread.sleep(1);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private Executor of(Habit habit) {
    return task -> {
      asked.incrementAndGet();
      switch (habit) {
        case INLINE -> task.run();
        case TWICE_INLINE -> {
          task.run();
          task.run();
        }
        case TWICE_AT_ONCE -> {
          Thread.ofPlatform().start(task);
          Thread.ofPlatform().start(task);
        }
        case CALLS -> {
          Softmax own =
              Softmax.builder()
                  .execution(Execution.defaults().withExecutor(inner -> task.run()).withThreads(2))
                  .build();
          own.forward(theirs, theirs);
          task.run();
          own.forward(theirs, theirs);
        }
        case LATE -> late.add(task);
        case NEVER -> {}
      }
    };
  }

  private static Stream<Arguments> throwers() {
    return Stream.of(Backend.NATIVE, Backend.REFERENCE)
        .flatMap(
            backend ->
                Stream.of(Thrown.values())
                    .flatMap(
                        thrown ->
                            Stream.of(Moment.values())
                                .map(moment -> Arguments.of(backend, thrown, moment))));
  }

  @ParameterizedTest
  @MethodSource("throwers")
  @Tag("slow")
  void whateverItThrowsTheCallCompletes(Backend backend, Thrown thrown, Moment moment) {
    assertCompletes(backend, throwing(thrown, moment));
    if (thrown.reported) {
      assertThat(reported).isNotEmpty().containsOnly(thrown.throwable);
    } else {
      assertThat(reported).isEmpty();
    }
  }

  @ParameterizedTest
  @MethodSource("throwers")
  @Tag("slow")
  void aHandlerThatThrowsChangesNothing(Backend backend, Thrown thrown, Moment moment) {
    Thread.currentThread()
        .setUncaughtExceptionHandler(
            (thread, each) -> {
              throw new AssertionError("thrown by the handler");
            });
    assertCompletes(backend, throwing(thrown, moment));
  }

  private static Stream<Arguments> habits() {
    return Stream.of(Backend.NATIVE, Backend.REFERENCE)
        .flatMap(backend -> Stream.of(Habit.values()).map(habit -> Arguments.of(backend, habit)));
  }

  @ParameterizedTest
  @MethodSource("habits")
  void whateverItDoesWithTasksTheCallCompletes(Backend backend, Habit habit) {
    assertCompletes(backend, of(habit));
    assertThat(reported).isEmpty();
  }

  /** In place, of rows that are shared one by one, and of such as are shared by their classes. */
  private void assertCompletes(Backend backend, Executor executor) {
    CrossEntropy alone =
        CrossEntropy.builder().execution(Execution.sequential().withBackend(backend)).build();
    CrossEntropy helped =
        CrossEntropy.builder()
            .execution(
                Execution.defaults().withBackend(backend).withThreads(4).withExecutor(executor))
            .build();
    for (int[] shape : new int[][] {{2100, 130}, {3, 90_001}}) {
      for (boolean confined : new boolean[] {true, false}) {
        try (Arena arena = confined ? Arena.ofConfined() : Arena.ofShared()) {
          int[] expected =
              EXPECTED.computeIfAbsent(
                  backend + Arrays.toString(shape),
                  same -> compute(alone, shape[0], shape[1], arena, () -> {}));
          asked.set(0);
          assertThat(compute(helped, shape[0], shape[1], arena, this::runLateTasks))
              .isEqualTo(expected);
          assertThat(asked.get() > 0).as("asked the executor").isEqualTo(!confined);
        }
      }
    }
  }

  private void runLateTasks() {
    late.forEach(Runnable::run);
    late.clear();
  }

  /** The bits of gradient and losses, after what comes late. */
  private static int[] compute(
      CrossEntropy loss, int rows, int classes, Arena arena, Runnable comesLate) {
    float[] values = VALUES.computeIfAbsent(rows * classes, count -> Samples.logits(count, 4, 31));
    Tensor logits = Tensor.allocate(arena, DType.F32, rows, classes);
    logits.copyFrom(Tensor.of(values, rows, classes));
    Tensor labels = Tensor.of(Samples.labels(rows, classes, 32));
    Tensor losses = Tensor.allocate(arena, DType.F32, rows);
    loss.on(logits, labels, logits).outputs(LossOutputs.create().losses(losses)).run();
    comesLate.run();
    return IntStream.concat(
            Arrays.stream(Samples.bits(logits)), Arrays.stream(Samples.bits(losses)))
        .toArray();
  }
}
