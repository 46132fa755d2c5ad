// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A JVM ends while calls run, and virtual threads do not wait for each other for ever. */
@Tag("slow")
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class ExitTest {
  @TempDir private Path directory;

  private void assertEnds(Probe.Scene scene, String... options) throws Exception {
    List<String> command = ChildJvm.command(List.of(), List.of(options), Probe.class, scene.name());
    Path output = Files.createTempFile(directory, "probe", ".txt");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("%s ends by itself", scene).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(Files.readString(output).strip()).isEqualTo("computed");
    assertThat(process.exitValue()).isEqualTo(scene.status);
  }

  @ParameterizedTest
  @EnumSource(
      value = Probe.Scene.class,
      names = {"RETURN", "EXIT", "HALT", "HOOK"})
  void theJvmEndsWhileCallsRun(Probe.Scene scene) throws Exception {
    assertEnds(scene, "-Ddev.xent.threads=3");
  }

  /** Pool and executor, with only one carrier thread for virtual threads. */
  @Test
  void virtualThreadsShareOneCarrier() throws Exception {
    assertEnds(
        Probe.Scene.VIRTUAL,
        "-Ddev.xent.threads=3",
        "-Djdk.virtualThreadScheduler.parallelism=1",
        "-Djdk.virtualThreadScheduler.maxPoolSize=1");
  }

  /** The same with callers that cannot leave their carrier, as C code has called them. */
  @Test
  void pinnedVirtualThreadsShareOneCarrier() throws Exception {
    assertEnds(
        Probe.Scene.PINNED,
        "-Ddev.xent.threads=3",
        "-Djdk.virtualThreadScheduler.parallelism=1",
        "-Djdk.virtualThreadScheduler.maxPoolSize=1");
  }

  /** A program for {@link ExitTest}: computes on many threads, prints a line, and ends. */
  public static final class Probe {
    private static final int CALLERS = 20;
    private static final int ROWS = 2100;
    private static final int CLASSES = 130;
    private static final Tensor X = Tensor.of(Samples.logits(ROWS * CLASSES, 3, 41), ROWS, CLASSES);
    private static final float[] EXPECTED = new float[ROWS * CLASSES];

    private static final Softmax POOL = Softmax.builder().build();
    private static final ExecutorService VIRTUAL = Executors.newVirtualThreadPerTaskExecutor();
    private static final Softmax EXECUTOR =
        Softmax.builder()
            .execution(Execution.defaults().withThreads(3).withExecutor(VIRTUAL))
            .build();

    private Probe() {}

    /** How it ends. */
    enum Scene {
      /** The main thread returns; the others are daemons, and still compute. */
      RETURN(0),
      /** Another thread calls {@code System.exit} while they compute. */
      EXIT(3),
      HALT(4),
      /** A shutdown hook computes, too. */
      HOOK(0),
      /** Virtual threads have computed all that they were to. */
      VIRTUAL(0),
      /** The same, each called by C code. */
      PINNED(0);

      final int status;

      Scene(int status) {
        this.status = status;
      }
    }

    /**
     * Prints one line.
     *
     * @param arguments a scene
     */
    public static void main(String[] arguments) throws Exception {
      POOL.forward(X, Tensor.of(EXPECTED, ROWS, CLASSES));
      Scene scene = Scene.valueOf(arguments[0]);
      switch (scene) {
        case VIRTUAL -> virtual(Probe::both);
        case PINNED -> virtual(Probe::calledByC);
        case HOOK -> {
          Runtime.getRuntime().addShutdownHook(new Thread(Probe::both));
          computeForEver(() -> {});
        }
        case EXIT -> computeForEver(() -> System.exit(scene.status));
        case HALT -> computeForEver(() -> Runtime.getRuntime().halt(scene.status));
        case RETURN -> computeForEver(() -> {});
      }
    }

    private static void compute(Softmax softmax) {
      float[] y = new float[ROWS * CLASSES];
      softmax.forward(X, Tensor.of(y, ROWS, CLASSES));
      if (!Arrays.equals(y, EXPECTED)) {
        System.out.println("wrong bits");
      }
    }

    private static void both() {
      compute(POOL);
      compute(EXECUTOR);
    }

    /**
     * Returns when all threads have begun; one of them ends the process, unless it does nothing.
     */
    private static void computeForEver(Runnable end) throws InterruptedException {
      CountDownLatch begun = new CountDownLatch(CALLERS);
      for (int i = 0; i < CALLERS; i++) {
        Thread.Builder builder = i % 2 == 0 ? Thread.ofVirtual() : Thread.ofPlatform().daemon();
        builder.start(
            () -> {
              while (true) {
                both();
                begun.countDown();
                // Virtual threads that only yield to each other let none in that is new.
                LockSupport.parkNanos(10_000);
              }
            });
      }
      begun.await();
      System.out.println("computed");
      Thread ending = Thread.ofPlatform().start(end);
      ending.join();
    }

    private static void virtual(Runnable what) throws InterruptedException {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < CALLERS; i++) {
        threads.add(
            Thread.ofVirtual()
                .start(
                    () -> {
                      for (int round = 0; round < 10; round++) {
                        what.run();
                      }
                    }));
      }
      for (Thread each : threads) {
        each.join();
      }
      System.out.println("computed");
    }

    /** C's qsort calls Java to compare two numbers: a virtual thread that waits there is pinned. */
    private static void calledByC() {
      try (Arena arena = Arena.ofConfined()) {
        Linker linker = Linker.nativeLinker();
        MethodHandle qsort =
            linker.downcallHandle(
                linker.defaultLookup().find("qsort").orElseThrow(),
                FunctionDescriptor.ofVoid(
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.ADDRESS));
        MethodHandle comparison =
            MethodHandles.lookup()
                .findStatic(
                    Probe.class,
                    "compare",
                    MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class));
        MemorySegment callback =
            linker.upcallStub(
                comparison,
                FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS),
                arena);
        qsort.invokeExact(Segments.of(arena, 2, 1), 2L, 4L, callback);
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }

    @SuppressWarnings("unused") // by calledByC
    private static int compare(MemorySegment a, MemorySegment b) {
      both();
      return Long.compare(a.address(), b.address());
    }
  }
}
