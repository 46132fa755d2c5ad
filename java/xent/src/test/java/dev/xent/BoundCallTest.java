// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.ConcurrentModificationException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A call that is bound once: each run sees what its memory holds then, and whether it is there. */
class BoundCallTest {
  private static final int CLASSES = 10;

  private static Tensor matrix(Arena arena, int rows) {
    return Samples.matrix(arena, rows, CLASSES);
  }

  @OnEveryBackend
  void runsGiveWhatTheShortFormsGive(Backend backend) {
    Execution alone = Execution.sequential().withBackend(backend);
    Softmax softmax = Softmax.builder().execution(alone).build();
    LogSoftmax logSoftmax = LogSoftmax.builder().execution(alone).build();
    for (int rows : new int[] {1, 3, 64, 4000}) {
      for (Arena arena : new Arena[] {Arena.global(), Arena.ofAuto()}) {
        Tensor x = matrix(arena, rows);
        Tensor y = matrix(arena, rows);
        Tensor expected = matrix(arena, rows);
        BoundCall probabilities = softmax.on(x, y);
        BoundCall logProbabilities = logSoftmax.on(x, y);
        for (int run = 0; run < 4; run++) {
          x.setFloat(run, rows - 1, run);
          probabilities.run();
          softmax.forward(x, expected);
          assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));
          logProbabilities.run();
          logSoftmax.forward(x, expected);
          assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));
        }
      }
    }
  }

  @OnEveryBackend
  void memoryThatWasClosed(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    for (boolean shared : new boolean[] {false, true}) {
      BoundCall call;
      try (Arena arena = shared ? Arena.ofShared() : Arena.ofConfined()) {
        call = softmax.on(matrix(Arena.global(), 1), matrix(arena, 1));
        for (int run = 0; run < 3; run++) {
          call.run();
        }
      }
      for (int run = 0; run < 2; run++) {
        assertThatThrownBy(call::run)
            .isInstanceOf(MemoryException.class)
            .hasMessageStartingWith("output is in a closed arena");
      }
    }
  }

  @OnEveryBackend
  void memoryOfAnotherThread(Backend backend) throws InterruptedException {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    try (Arena arena = Arena.ofConfined()) {
      BoundCall call = softmax.on(matrix(arena, 1), matrix(arena, 1));
      call.run();
      call.run();
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread other = Thread.ofVirtual().unstarted(call::run);
      other.setUncaughtExceptionHandler((thread, e) -> thrown.set(e));
      other.start();
      other.join();
      assertThat(thrown.get())
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("confined to another thread");
      call.run();
    }
  }

  @OnEveryBackend
  void lendersAreAskedInEachRun(Backend backend) {
    AtomicReference<String> refusal = new AtomicReference<>();
    AtomicReference<Runnable> asked = new AtomicReference<>(() -> {});
    Tensor x =
        matrix(Arena.global(), 1)
            .withGuard(
                () -> {
                  asked.get().run();
                  return refusal.get();
                });
    BoundCall call =
        Softmax.builder()
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .on(x, matrix(Arena.global(), 1));
    call.run();
    call.run();
    refusal.set("the batch was given back");
    assertThatThrownBy(call::run)
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("the batch was given back");
    refusal.set(null);
    call.run();
    asked.set(call::run);
    assertThatThrownBy(call::run)
        .isInstanceOf(ConcurrentModificationException.class)
        .hasMessage(
            "this call is running already: bind one for each thread, or let it return first");
    asked.set(() -> {});
    call.run();
  }

  /** A guard may do anything, such as close the arena of another tensor of the call. */
  @OnEveryBackend
  void memoryThatALenderCloses(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    for (boolean bound : new boolean[] {false, true}) {
      Arena doomed = Arena.ofConfined();
      AtomicReference<Runnable> asked = new AtomicReference<>(() -> {});
      Tensor x = matrix(doomed, 1);
      Tensor y =
          matrix(Arena.global(), 1)
              .withGuard(
                  () -> {
                    asked.get().run();
                    return null;
                  });
      BoundCall call = softmax.on(x, y);
      Runnable run = bound ? call::run : () -> softmax.forward(x, y);
      for (int i = 0; i < 3; i++) {
        run.run();
      }
      asked.set(
          () -> {
            asked.set(() -> {});
            doomed.close();
          });
      assertThatThrownBy(run::run)
          .isInstanceOf(MemoryException.class)
          .hasMessageStartingWith("logits is in a closed arena");
    }
  }

  @Test
  void shapesAreCheckedInTheFirstRun() {
    BoundCall call = Softmax.along(-1).on(matrix(Arena.ofAuto(), 1), matrix(Arena.ofAuto(), 2));
    for (int run = 0; run < 2; run++) {
      assertThatThrownBy(call::run).isInstanceOf(ShapeException.class);
    }
  }
}
