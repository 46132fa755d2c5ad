// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A class whose initializer throws can never be used again. So a call that would initialize one,
 * which links a native function, throws a StackOverflowError before, if its thread has too little
 * stack for that, and the next call is as usual.
 */
@Timeout(120)
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class FirstCallsTest {
  @ParameterizedTest(name = "{0} frames before the end of a stack")
  @ValueSource(ints = {60, 90, 120, 150, 250})
  void callsAfterAFirstOneWithoutStack(int frames) throws Exception {
    List<String> command =
        ChildJvm.command(List.of(), List.of(), Probe.class, Integer.toString(frames));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    assertThat(out.lines()).containsExactly("done");
  }

  /** Creating a handle takes longer than the first call of a process otherwise does. */
  @Test
  void callsOnMemoryThatStaysOpenCreateNoHandleOfTheLinker() throws Exception {
    List<String> command =
        ChildJvm.command(
            List.of(), List.of("-Xlog:class+load", "-Xshare:off"), WithoutHandles.class, "");
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    List<String> ours = out.lines().filter(line -> line.contains(".NativeKernels")).toList();
    assertThat(ours).anyMatch(line -> line.contains(".NativeKernels source"));
    // Before JDK 24, loading the library creates this one, to find out whether native access is
    // denied.
    String loading = Runtime.version().feature() < 24 ? "$FewArraysCritical " : "no other";
    assertThat(ours)
        .filteredOn(line -> !line.contains(loading))
        .noneMatch(line -> line.matches(".*\\$(Few|Many|Prepared|Addresses).*"));
    assertThat(out.lines()).contains("done");
  }

  /** A program may have used up its direct memory, and free it later. */
  @Test
  void tensorsWithoutDirectMemory() throws Exception {
    List<String> command =
        ChildJvm.command(
            List.of(), List.of("-XX:MaxDirectMemorySize=1m"), WithoutDirectMemory.class, "");
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    assertThat(out).isEqualTo("0.0\n0.0\n");
  }

  /** The first tensors of other memory than Java arrays: for {@link FirstCallsTest}. */
  static final class WithoutDirectMemory {
    private WithoutDirectMemory() {}

    public static void main(String[] arguments) {
      MemorySegment automatic = Arena.ofAuto().allocate(8, 4);
      MemorySegment shared = Arena.ofShared().allocate(8, 4);
      List<ByteBuffer> all = new ArrayList<>();
      for (int size = 1 << 16; size > 0; ) {
        try {
          all.add(ByteBuffer.allocateDirect(size));
        } catch (OutOfMemoryError e) {
          size /= 16;
        }
      }
      for (MemorySegment memory : List.of(automatic, shared)) {
        System.out.println(Tensor.of(memory, DType.F32, 2).getFloat(1));
      }
      Reference.reachabilityFence(all);
    }
  }

  /** Calls that a program may begin with: for {@link FirstCallsTest}. */
  static final class WithoutHandles {
    private static final int ROWS = 200;

    private WithoutHandles() {}

    public static void main(String[] arguments) {
      Tensor labels = Tensor.of(new int[ROWS]);
      Tensor weights = Tensor.of(new float[] {1, 2, 3, 4, 5});
      ByteBuffer buffer = ByteBuffer.allocateDirect(20 * ROWS).order(ByteOrder.nativeOrder());
      CrossEntropy weighted = CrossEntropy.builder().classWeights(weights).build();
      LossOutputs many =
          LossOutputs.create()
              .losses(Tensor.of(new float[ROWS]))
              .logSumExp(Tensor.of(new float[ROWS]))
              .argmax(Tensor.of(new int[ROWS]))
              .ranks(Tensor.of(new int[ROWS]));
      try (Arena arena = Arena.ofConfined()) {
        for (Tensor x :
            List.of(
                Tensor.of(new float[5 * ROWS], ROWS, 5),
                Tensor.allocate(DType.F32, ROWS, 5),
                Tensor.allocate(arena, DType.F32, ROWS, 5),
                Tensor.allocate(Arena.ofAuto(), DType.F32, ROWS, 5),
                Tensor.of(buffer.asFloatBuffer(), ROWS, 5))) {
          Softmax.along(1).forward(x, x);
          CrossEntropy.mean().forward(x, labels);
          CrossEntropy.mean().forwardBackward(x, labels, x);
          weighted.on(x, labels, x).run();
          weighted.on(x, labels, x).outputs(many).run();
          BinaryCrossEntropy.mean().forward(x, x);
        }
        // Of records of rows, and of threads that help.
        Tensor vocabulary = Tensor.allocate(arena, DType.F32, 3, 100_000);
        Softmax.along(1).forward(vocabulary, vocabulary);
        CrossEntropy.mean().forwardBackward(vocabulary, Tensor.of(new int[3]), vocabulary);
      }
      System.out.println("done");
    }
  }

  /**
   * Makes the first calls of their kinds near the end of a stack, and then the same with all the
   * stack there is. Prints the second ones that failed: for {@link FirstCallsTest}.
   */
  static final class Probe {
    private static final int STACK = 1 << 20;

    private final int frames;
    private Runnable call = () -> {};
    private int depth;
    private int deepest;

    private Probe(int frames) {
      this.frames = frames;
    }

    /** Takes how many frames before the end of the stack the first calls are made. */
    public static void main(String[] arguments) throws InterruptedException {
      Probe probe = new Probe(Integer.parseInt(arguments[0]));
      Tensor.of(Arena.global().allocate(4), DType.F32, 1);
      MemorySegment automatic = Arena.ofAuto().allocate(4);
      probe.callDeep(() -> Tensor.of(automatic, DType.F32, 1));
      Tensor.of(automatic, DType.F32, 1);
      for (Map.Entry<String, Runnable> kind : kinds().entrySet()) {
        probe.callDeep(kind.getValue());
        try {
          kind.getValue().run();
        } catch (Throwable e) {
          System.out.println(kind.getKey() + ": " + e);
        }
      }
      System.out.println("done");
    }

    /** One call for each handle of the linker; the first one loads the library. */
    private static Map<String, Runnable> kinds() {
      Softmax softmax = Softmax.along(1);
      CrossEntropy loss = CrossEntropy.mean();
      Tensor heap = Tensor.of(new float[64], 4, 16);
      Tensor few = shared(4, 16);
      Tensor many = shared(4, 4000);
      Tensor labels = Tensor.of(new int[4]);
      Tensor hidden = shared(4, 3);
      Tensor weights = shared(16, 3);
      LossSum sum = LossSum.create();
      LossOutputs outputs =
          LossOutputs.create()
              .lossSum(sum)
              .losses(shared(4))
              .entropies(shared(4))
              .countCorrect(true)
              .logSumExp(shared(4))
              .ranks(Tensor.allocate(Arena.ofShared(), DType.I64, 4));
      Map<String, Runnable> kinds = new LinkedHashMap<>();
      kinds.put("an array", () -> softmax.forward(heap, heap));
      kinds.put("small", () -> softmax.forward(few, few));
      kinds.put("large", () -> softmax.forward(many, many));
      kinds.put("small with outputs", () -> loss.on(few, labels).outputs(outputs).run());
      kinds.put("large with outputs", () -> loss.on(many, labels).outputs(outputs).run());
      kinds.put("sum", () -> sum.add(LossSum.create()));
      kinds.put("value", sum::sum);
      kinds.put("linear", () -> LinearCrossEntropy.mean().forward(hidden, weights, labels));
      return kinds;
    }

    private static Tensor shared(long... shape) {
      return Tensor.allocate(Arena.ofShared(), DType.F32, shape);
    }

    private void callDeep(Runnable kind) throws InterruptedException {
      call = kind;
      depth = 0;
      deepest = -1;
      Thread thread = new Thread(null, this::descend, "deep", STACK);
      thread.start();
      thread.join();
    }

    private void descend() {
      int own = depth++;
      try {
        descend();
      } catch (StackOverflowError e) {
        deepest = deepest < 0 ? own : deepest;
      }
      if (deepest - own == frames) {
        try {
          call.run();
        } catch (StackOverflowError e) {
          // There may be too little stack here.
        }
      }
    }
  }
}
