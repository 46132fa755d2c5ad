// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.MemoryException;
import dev.xent.layers.CrossEntropyLayer;
import dev.xent.layers.LogLayer;
import dev.xent.options.Backend;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One thread closes more than a thousand arenas while another one computes on their memory. A call
 * either returns the result that it has without the closing thread, or throws a {@link
 * MemoryException}. The process does not crash.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): four times the rounds.
 */
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
class ClosedDuringCallTest {
  private static final boolean LONG = Boolean.getBoolean("xent.long");
  private static final int[] SMALL = {16, 100};

  /** Large enough to wake the helpers of the pool. */
  private static final int[] LARGE = {2100, 130};

  private static final int SMALL_ROUNDS = LONG ? 160 : 40;
  private static final int LARGE_ROUNDS = LONG ? 24 : 6;

  private static int closed;
  private static int refused;
  private static int completed;

  @TempDir private static Path directory;

  /** The next arena to close, after a random time. */
  private static final AtomicReference<Arena> TO_CLOSE = new AtomicReference<>();

  private static Thread closer;

  @BeforeAll
  static void startToClose() {
    closer = Thread.ofPlatform().daemon().name("closer").start(ClosedDuringCallTest::closeAll);
  }

  @AfterAll
  static void sayHowMany() throws InterruptedException {
    closer.interrupt();
    closer.join();
    if (completed > 0) { // else the slow tests were left out
      System.out.printf(
          "arenas closed while %,d calls ran: %,d, of them %,d refused at first%n",
          completed, closed, refused);
    }
  }

  private static void closeAll() {
    SplittableRandom random = new SplittableRandom(3);
    while (!Thread.currentThread().isInterrupted()) {
      Arena arena = TO_CLOSE.getAndSet(null);
      if (arena == null) {
        LockSupport.parkNanos(10_000);
        continue;
      }
      long until = System.nanoTime() + random.nextInt(200_000);
      while (System.nanoTime() - until < 0) {
        Thread.onSpinWait();
      }
      boolean wasRefused = false;
      while (arena.scope().isAlive()) {
        try {
          arena.close();
        } catch (IllegalStateException inUse) {
          wasRefused = true;
        }
      }
      closed++;
      refused += wasRefused ? 1 : 0;
    }
  }

  // ---- what is called --------------------------------------------------------------------------

  /** A tensor that goes away, and one that stays and takes the result. */
  @FunctionalInterface
  private interface Call {
    void run(Tensor x, Tensor out);
  }

  private enum Called {
    /** The memory belongs to the operation, not to its calls. */
    CLASS_WEIGHTS {
      @Override
      Call on(int[] shape, Backend backend) {
        Tensor logits = numbers(shape, 6);
        Tensor labels = labels(shape);
        Tensor[] known = new Tensor[1];
        CrossEntropy[] loss = new CrossEntropy[1];
        return (x, out) -> {
          if (x != known[0]) {
            for (int k = 0; k < shape[1]; k++) {
              x.setFloat(Math.abs(x.getFloat(0, k)), 0, k);
            }
            known[0] = x;
            loss[0] =
                CrossEntropy.builder()
                    .execution(Execution.defaults().withBackend(backend))
                    .classWeights(x.select(0, 0))
                    .build();
          }
          loss[0].forwardBackward(logits, labels, out);
        };
      }
    },
    BACKWARD_BY_STATISTICS {
      @Override
      Call on(int[] shape, Backend backend) {
        CrossEntropy loss =
            CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
        Tensor labels = labels(shape);
        return (x, out) -> {
          try (Arena arena = Arena.ofConfined()) {
            LossOutputs outcome = LossOutputs.create().saveStatistics(arena);
            loss.on(x, labels).outputs(outcome).run();
            loss.onBackward(x, labels, outcome, null, out).run();
          }
        };
      }
    },
    LOSS_LAYER {
      @Override
      Call on(int[] shape, Backend backend) {
        CrossEntropy loss =
            CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
        Tensor labels = labels(shape);
        return (x, out) -> {
          try (CrossEntropyLayer layer = CrossEntropyLayer.of(loss, shape[0], shape[1])) {
            layer.forward(x, labels);
            out.copyFrom(layer.backward());
          }
        };
      }
    },
    LOG_LAYER {
      @Override
      Call on(int[] shape, Backend backend) {
        return (x, out) -> {
          try (LogLayer layer = new LogLayer(shape[0], shape[1])) {
            out.copyFrom(layer.forward(x));
          }
        };
      }
    },
    COPY {
      @Override
      Call on(int[] shape, Backend backend) {
        return (x, out) -> out.copyFrom(x);
      }
    },
    COPY_OF_COLUMNS {
      @Override
      Call on(int[] shape, Backend backend) {
        return (x, out) -> out.reshape(shape[1], shape[0]).permute(1, 0).copyFrom(x);
      }
    },
    TO_ARRAY {
      @Override
      Call on(int[] shape, Backend backend) {
        return (x, out) -> out.copyFrom(Tensor.of(x.toFloatArray(), shape[0], shape[1]));
      }
    };

    abstract Call on(int[] shape, Backend backend);
  }

  private static Tensor numbers(int[] shape, long seed) {
    return Tensor.of(Samples.logits(shape[0] * shape[1], 3, seed), shape[0], shape[1]);
  }

  private static Tensor labels(int[] shape) {
    return Tensor.of(Samples.labels(shape[0], shape[1], 4));
  }

  // ---- shared memory ---------------------------------------------------------------------------

  private enum Kind {
    ALLOCATED,
    MAPPED
  }

  private static MemorySegment memory(Kind kind, Arena arena, long bytes) {
    if (kind == Kind.ALLOCATED) {
      return arena.allocate(bytes, 64);
    }
    try (FileChannel channel =
        FileChannel.open(
            Files.createTempFile(directory, "x", ".bin"),
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE)) {
      return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @CsvSource({"ALLOCATED, NATIVE", "MAPPED, NATIVE", "ALLOCATED, REFERENCE"})
  @Tag("slow")
  void sharedMemoryThatIsClosed(Kind kind, Backend backend) {
    for (Called called : Called.values()) {
      hammer(called.on(SMALL, backend), called, kind, SMALL, SMALL_ROUNDS);
      hammer(called.on(LARGE, backend), called, kind, LARGE, LARGE_ROUNDS);
    }
  }

  /** Every call of every operation, with each tensor that it reads in memory that goes away. */
  @ParameterizedTest
  @CsvSource({"ALLOCATED, NATIVE", "MAPPED, NATIVE", "ALLOCATED, REFERENCE"})
  @Tag("slow")
  void sharedMemoryOfEveryCall(Kind kind, Backend backend) {
    for (int[] shape : new int[][] {SMALL, LARGE}) {
      int rounds = shape == SMALL ? SMALL_ROUNDS / 8 : LARGE_ROUNDS / 6;
      for (EveryCall call : EveryCall.all(Execution.defaults().withBackend(backend), shape[1])) {
        for (int i = 0; i < call.arguments().size(); i++) {
          if (!call.arguments().get(i).written()) {
            hammer(call, i, kind, shape, rounds);
          }
        }
      }
    }
  }

  private static void hammer(EveryCall call, int closes, Kind kind, int[] shape, int rounds) {
    Tensor[] tensors = call.tensors(EveryCall.ARRAYS, shape[0], shape[1], 8);
    List<Object> expected = results(call, call.on(tensors), tensors);
    Tensor values = tensors[closes];
    for (int round = 0; round < rounds; round++) {
      Arena arena = Arena.ofShared();
      Tensor x =
          Tensor.of(memory(kind, arena, 4L * values.elements()), values.type(), values.shape());
      x.copyFrom(values);
      tensors[closes] = x;
      DoubleSupplier made = call.on(tensors);
      assertThatThrownBy(
              () -> {
                TO_CLOSE.set(arena);
                while (true) {
                  List<Object> results = results(call, made, tensors);
                  completed++;
                  if (!results.equals(expected)) {
                    throw new AssertionError("wrong bits");
                  }
                }
              })
          .as("%s of %s memory, %s closed", call, kind, call.arguments().get(closes).name())
          .isInstanceOf(MemoryException.class);
      Thread.interrupted(); // as below
    }
  }

  /** The loss and what the call writes. */
  private static List<Object> results(EveryCall call, DoubleSupplier made, Tensor[] tensors) {
    List<Object> results = new ArrayList<>();
    for (int i = 0; i < tensors.length; i++) {
      if (call.arguments().get(i).written()) {
        tensors[i].copyFrom(Tensor.allocate(tensors[i].type(), tensors[i].shape()));
      }
    }
    results.add(made.getAsDouble());
    for (int i = 0; i < tensors.length; i++) {
      if (call.arguments().get(i).written()) {
        results.add(EveryCall.contents(tensors[i]));
      }
    }
    return results;
  }

  private static void hammer(Call call, Called called, Kind kind, int[] shape, int rounds) {
    Tensor values = numbers(shape, 8);
    // The result goes to a Java array: one call has memory on the heap and off it.
    float[] result = new float[shape[0] * shape[1]];
    Tensor out = Tensor.of(result, shape[0], shape[1]);
    call.run(values, out);
    float[] expected = result.clone();
    for (int round = 0; round < rounds; round++) {
      Arena arena = Arena.ofShared();
      Tensor x = Tensor.of(memory(kind, arena, 4L * result.length), DType.F32, shape[0], shape[1]);
      x.copyFrom(values);
      assertThatThrownBy(
              () -> {
                TO_CLOSE.set(arena);
                while (true) {
                  Arrays.fill(result, 0);
                  call.run(x, out);
                  completed++;
                  if (!Arrays.equals(result, expected)) {
                    throw new AssertionError("wrong bits");
                  }
                }
              })
          .as("%s of %s memory", called, kind)
          .isInstanceOf(MemoryException.class);
      // The JVM may set the flag of a thread whose access it stops; then no file could be mapped.
      Thread.interrupted();
    }
  }

  // ---- other memory ----------------------------------------------------------------------------

  /** Helpers of a call, too, work on confined memory, which only the caller can close. */
  @Test
  void confinedMemoryIsClosedByNobodyElse() throws InterruptedException {
    Softmax softmax = Softmax.builder().execution(Execution.defaults().withThreads(3)).build();
    Tensor values = numbers(LARGE, 9);
    float[] expected = new float[LARGE[0] * LARGE[1]];
    softmax.forward(values, Tensor.of(expected, LARGE[0], LARGE[1]));
    int[] tries = new int[1];
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.allocate(arena, DType.F32, LARGE[0], LARGE[1]);
      Tensor y = Tensor.allocate(arena, DType.F32, LARGE[0], LARGE[1]);
      x.copyFrom(values);
      Thread other =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (!Thread.currentThread().isInterrupted()) {
                      assertThatThrownBy(arena::close).isInstanceOf(WrongThreadException.class);
                      tries[0]++;
                    }
                  });
      for (int round = 0; round < 60; round++) {
        softmax.forward(x, y);
        assertThat(y.toFloatArray()).isEqualTo(expected);
      }
      other.interrupt();
      other.join();
    }
    assertThat(tries[0]).isGreaterThan(100);
  }

  /** The call has the only reference to its input, and the garbage collector runs all the time. */
  @Test
  void automaticMemoryStaysUntilTheCallReturns() {
    Softmax softmax = Softmax.builder().execution(Execution.defaults().withThreads(3)).build();
    Tensor values = numbers(LARGE, 10);
    float[] expected = new float[LARGE[0] * LARGE[1]];
    softmax.forward(values, Tensor.of(expected, LARGE[0], LARGE[1]));
    Thread collector =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!Thread.currentThread().isInterrupted()) {
                    System.gc();
                  }
                });
    try {
      for (int round = 0; round < 12; round++) {
        float[] result = new float[expected.length];
        softmax.forward(inAutomaticMemory(() -> values), Tensor.of(result, LARGE[0], LARGE[1]));
        assertThat(result).isEqualTo(expected);
      }
    } finally {
      collector.interrupt();
    }
  }

  private static Tensor inAutomaticMemory(Supplier<Tensor> values) {
    Tensor x = Tensor.allocate(Arena.ofAuto(), DType.F32, LARGE[0], LARGE[1]);
    x.copyFrom(values.get());
    return x;
  }
}
