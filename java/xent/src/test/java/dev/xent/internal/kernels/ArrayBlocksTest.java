// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Segments;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Copies of Java arrays have the bits of calls on memory off the heap, and write nothing else: on
 * every JDK, whether its linker takes arrays or not.
 */
@Execution(ExecutionMode.CONCURRENT)
class ArrayBlocksTest {
  private static final int[] COUNTS = {1, 2, 5, 16, 17, 33, 100, 257, 1000, 1025};
  private static final int[] LONG_COUNTS = {8193, 16385, 33000};
  private static final byte UNWRITTEN = 0x55;

  private final Kernels direct = Backends.get().kernels(Backend.NATIVE);
  private final Kernels blocks = new OnArrays(new NativeKernels(false, null));
  private final Arena arena = Arena.ofAuto();
  private long compared;

  @BeforeAll
  static void load() {
    assertThat(Backends.get().fallbackReason()).isNull();
  }

  private void same(String what, Map<String, MemorySegment> a, Map<String, MemorySegment> b) {
    assertThat(b.keySet()).isEqualTo(a.keySet());
    a.forEach(
        (name, bytes) -> {
          compared += bytes.byteSize();
          assertThat(bytes.mismatch(b.get(name))).as(what + ": " + name).isNegative();
        });
  }

  // ---- every function, in every form -----------------------------------------------------------

  static List<RandomCall.Chain> chains() {
    return RandomCall.chains();
  }

  @ParameterizedTest
  @MethodSource("chains")
  void everyCall(RandomCall.Chain chain) {
    SplittableRandom random = new SplittableRandom(chain.toString().hashCode());
    boolean isLinear = chain.last().rule(Array.HIDDEN) != null;
    int[] counts = chain.inParts() ? LONG_COUNTS : COUNTS;
    for (int i = 0; i < 12; i++) {
      int classes = counts[isLinear && chain.inParts() ? 0 : random.nextInt(counts.length)];
      try (Arena own = Arena.ofConfined()) {
        RandomCall call = new RandomCall(own, chain, 1 + random.nextInt(4), classes, random);
        if (call.repair(direct)) {
          same(call.toString(), call.run(direct, 0).bytes(), call.run(blocks, 0).bytes());
        }
      }
    }
    assertThat(compared).isPositive();
  }

  // ---- rows of one large matrix ----------------------------------------------------------------

  private final MemorySegment options = arena.allocate(xent_options.layout());

  private static void layout(MemorySegment layout, long outer, long classes, long inner, int type) {
    xent_layout.outer(layout, outer);
    xent_layout.classes(layout, classes);
    xent_layout.inner(layout, inner);
    xent_layout.type(layout, type);
  }

  /** Logits and outputs of outer x classes x inner, row-major. */
  private CallShape shape(long outer, long classes, long inner) {
    xent_options.size(options, xent_options.sizeof());
    CallShape shape = new CallShape();
    shape.outer = outer;
    shape.classes = classes;
    shape.inner = inner;
    int type = XentH.XENT_F32();
    layout(shape.layout(Array.LOGITS), classes * inner, inner, 1, type);
    layout(shape.layout(Array.OUTPUT), classes * inner, inner, 1, type);
    layout(shape.layout(Array.GRADIENT), classes * inner, inner, 1, type);
    layout(shape.layout(Array.TARGETS), classes * inner, inner, 1, type);
    return shape;
  }

  private static float[] numbers(long count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] numbers = new float[(int) count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextDouble(-4, 4);
    }
    return numbers;
  }

  private FunctionCall softmax(
      CallShape shape, MemorySegment x, MemorySegment y, long from, long to) {
    return KernelRun.onRows(Function.SOFTMAX, shape, options, from, to, NULL)
        .set(Array.LOGITS, x)
        .set(Array.OUTPUT, y);
  }

  /** Each part on its own thread, so that threads write next to each other. */
  @Test
  void threadsWriteRowsOfOneArray() {
    long outer = 5;
    long classes = 257;
    long inner = 31;
    long rows = outer * inner;
    CallShape shape = shape(outer, classes, inner);
    float[] x = numbers(rows * classes, 1);
    float[] y = new float[x.length];
    MemorySegment expected = arena.allocate(x.length * 4L, 4);
    assertThat(direct.run(softmax(shape, Segments.of(arena, x), expected, 0, rows))).isZero();
    Kernels own = new NativeKernels(false, null);
    for (long step : new long[] {1, 7, 31, 40, rows}) {
      java.util.Arrays.fill(y, -1);
      IntStream.range(0, (int) ((rows + step - 1) / step))
          .parallel()
          .forEach(
              i -> {
                long from = i * step;
                long to = Math.min(rows, from + step);
                MemorySegment in = MemorySegment.ofArray(x);
                MemorySegment out = MemorySegment.ofArray(y);
                assertThat(own.run(softmax(shape, in, out, from, to))).isZero();
              });
      assertThat(MemorySegment.ofArray(y).mismatch(expected)).as("by %d rows", step).isNegative();
    }
  }

  /** The same array twice, as logits and, with other strides, as targets. */
  @Test
  void anInputThatIsAnotherOneWithOtherStrides() {
    int n = 300;
    CallShape shape = shape(n, n, 1);
    layout(shape.layout(Array.TARGETS), 1, n, 1, XentH.XENT_F32());
    layout(shape.layout(Array.LOSSES), 1, 0, 1, XentH.XENT_F32());
    float[] x = numbers((long) n * n, 2);
    float[] losses = new float[n];
    MemorySegment expected = arena.allocate(n * 4L, 4);
    MemorySegment off = Segments.of(arena, x);
    assertThat(direct.run(loss(shape, off, off, expected))).isZero();
    MemorySegment on = MemorySegment.ofArray(x);
    Kernels own = new NativeKernels(false, null);
    assertThat(own.run(loss(shape, on, on, MemorySegment.ofArray(losses)))).isZero();
    assertThat(MemorySegment.ofArray(losses).mismatch(expected)).isNegative();
  }

  private FunctionCall loss(
      CallShape shape, MemorySegment x, MemorySegment q, MemorySegment losses) {
    return KernelRun.onRows(Function.CROSS_ENTROPY, shape, options, 7, 211, NULL)
        .set(Array.LOGITS, x)
        .set(Array.TARGETS, q)
        .set(Array.LOSSES, losses);
  }

  // ---- what a call leaves ----------------------------------------------------------------------

  @Test
  void aCallThatIsMadeAgainWritesInEachRun() {
    int rows = 3;
    int classes = 1000;
    CallShape shape = shape(rows, classes, 1);
    float[] x = numbers((long) rows * classes, 3);
    float[] y = new float[x.length];
    MemorySegment in = MemorySegment.ofArray(x);
    MemorySegment out = MemorySegment.ofArray(y);
    Kernels own = new NativeKernels(false, null);
    FunctionCall work = new FunctionCall();
    for (int i = 0; i < 6; i++) {
      x[i] += i;
      MemorySegment expected = arena.allocate(x.length * 4L, 4);
      assertThat(direct.run(softmax(shape, Segments.of(arena, x), expected, 0, rows))).isZero();
      work.begin(Function.SOFTMAX, shape, options, NULL)
          .rows(0, rows)
          .classes(0, classes)
          .set(Array.LOGITS, in)
          .set(Array.OUTPUT, i == 4 ? in : out);
      assertThat(own.run(work)).isZero();
      assertThat((i == 4 ? in : out).mismatch(expected)).isNegative();
      assertThat(work.array(0)).isSameAs(in);
      if (i % 2 == 1) {
        anotherCall(own, work);
      }
    }
  }

  /** One of other sizes. */
  private void anotherCall(Kernels own, FunctionCall work) {
    float[] y = new float[8];
    work.begin(Function.SOFTMAX, shape(2, 4, 1), options, NULL)
        .rows(0, 2)
        .classes(0, 4)
        .set(Array.LOGITS, MemorySegment.ofArray(new float[8]))
        .set(Array.OUTPUT, MemorySegment.ofArray(y));
    assertThat(own.run(work)).isZero();
    assertThat(y).containsOnly(0.25f);
  }

  @Test
  void aCallThatIsRefusedWritesNothing() {
    CallShape shape = shape(3, 10, 1);
    layout(shape.layout(Array.TARGETS), 1, 0, 1, XentH.XENT_I32());
    float[] y = new float[30];
    FunctionCall work =
        KernelRun.onRows(Function.CROSS_ENTROPY, shape, options, 0, 3, RandomCall.report(arena))
            .set(Array.LOGITS, MemorySegment.ofArray(numbers(30, 4)))
            .set(Array.TARGETS, MemorySegment.ofArray(new int[] {1, 10, 2}))
            .set(Array.GRADIENT, MemorySegment.ofArray(y));
    assertThat(new NativeKernels(false, null).run(work)).isEqualTo(Status.INVALID_LABEL);
    assertThat(y).containsOnly(0);
  }

  /** Of which a later call of the same work must not see anything. */
  @Test
  void aCallThatFailsMidWayLeavesItsArrays() {
    CallShape shape = shape(3, 10, 1);
    MemorySegment in = MemorySegment.ofArray(numbers(30, 5));
    MemorySegment tooShort = MemorySegment.ofArray(new float[20]);
    MemorySegment out = MemorySegment.ofArray(new float[30]);
    Kernels own = new NativeKernels(false, null);
    FunctionCall work = softmax(shape, tooShort, out, 0, 3);
    assertThatThrownBy(() -> own.run(work)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(work.array(0)).isSameAs(tooShort);
    assertThat(work.array(1)).isSameAs(out);
    MemorySegment off = arena.allocate(120, 4).fill(UNWRITTEN);
    work.begin(Function.SOFTMAX, shape, options, NULL).set(Array.LOGITS, in).set(Array.OUTPUT, off);
    assertThat(own.run(work)).isZero();
    MemorySegment expected = arena.allocate(120, 4);
    assertThat(direct.run(softmax(shape, Segments.of(arena, numbers(30, 5)), expected, 0, 3)))
        .isZero();
    assertThat(off.mismatch(expected)).isNegative();
    assertThat(out.toArray(ValueLayout.JAVA_FLOAT)).containsOnly(0);
  }

  /** The strides between elements stay as they are: what is there is not written. */
  @Test
  void gapsStayAsTheyAre() {
    CallShape shape = shape(4, 10, 1);
    layout(shape.layout(Array.OUTPUT), 40, 3, 1, XentH.XENT_F32());
    float[] y = new float[160];
    java.util.Arrays.fill(y, -1);
    MemorySegment in = MemorySegment.ofArray(numbers(40, 6));
    MemorySegment out = MemorySegment.ofArray(y).asSlice(0, (120 + 27 + 1) * 4L);
    assertThat(new NativeKernels(false, null).run(softmax(shape, in, out, 1, 3))).isZero();
    for (int i = 0; i < y.length; i++) {
      boolean written = i >= 40 && i < 120 && i % 40 < 30 && i % 40 % 3 == 0;
      assertThat(y[i] >= 0).as("element %d", i).isEqualTo(written);
    }
  }

  /**
   * Kernels whose calls get a Java array instead of each array off the heap. Each array is copied
   * into a Java array before the call, and back after it.
   */
  static final class OnArrays implements Kernels {
    private final Kernels kernels;

    OnArrays(Kernels kernels) {
      this.kernels = kernels;
    }

    /** A copy in the middle of a longer Java array. */
    private static MemorySegment arrayOf(MemorySegment memory) {
      long size = memory.byteSize();
      long[] array = new long[(int) ((size + Long.BYTES - 1) / Long.BYTES) + 2];
      return MemorySegment.ofArray(array).asSlice(Long.BYTES, size).copyFrom(memory);
    }

    private static boolean areSame(MemorySegment a, MemorySegment b) {
      return a.address() == b.address() && a.byteSize() == b.byteSize();
    }

    /** Puts arrays into a call. Returns what was there. */
    static MemorySegment[] enter(FunctionCall work) {
      MemorySegment[] memory = work.arrays.clone();
      Function function = work.function();
      for (int i = 0; i < work.count(); i++) {
        if (memory[i] == MemorySegment.NULL || function.rules[i].form == Form.RECORDS) {
          continue;
        }
        MemorySegment array = null;
        for (int before = 0; before < i && array == null; before++) {
          array = areSame(memory[before], memory[i]) ? work.arrays[before] : null;
        }
        work.set(function.array(i), array == null ? arrayOf(memory[i]) : array);
      }
      return memory;
    }

    /**
     * Copies them back, with all bytes that a call wrote, valid or not, and puts the memory back.
     */
    static void leave(FunctionCall work, MemorySegment[] memory) {
      for (int i = 0; i < work.count(); i++) {
        MemorySegment array = work.arrays[i];
        if (array != memory[i] && !memory[i].isReadOnly()) {
          MemorySegment.copy(
              array,
              ValueLayout.JAVA_BYTE,
              0,
              memory[i],
              ValueLayout.JAVA_BYTE,
              0,
              array.byteSize());
        }
        work.arrays[i] = memory[i];
      }
    }

    @Override
    public int run(FunctionCall work) {
      MemorySegment[] memory = enter(work);
      int status = kernels.run(work);
      leave(work, memory);
      return status;
    }

    @Override
    public long sampleWorkspace(long classes, long tokens) {
      return kernels.sampleWorkspace(classes, tokens);
    }

    @Override
    public long linearWorkspace(long rows, long features, long classes, int contents) {
      return kernels.linearWorkspace(rows, features, classes, contents);
    }

    @Override
    public long textBiasesWorkspace(long tokens, long listed) {
      return kernels.textBiasesWorkspace(tokens, listed);
    }

    @Override
    public int textBiases(TextBiases call) {
      return kernels.textBiases(call);
    }

    @Override
    public int exactSumAdd(
        MemorySegment exactSum, MemorySegment values, ElementType type, long stride, long count) {
      return kernels.exactSumAdd(exactSum, arrayOf(values), type, stride, count);
    }

    @Override
    public int exactSumMerge(MemorySegment exactSum, MemorySegment other) {
      return kernels.exactSumMerge(exactSum, other);
    }

    @Override
    public double exactSumValue(MemorySegment exactSum) {
      return kernels.exactSumValue(exactSum);
    }
  }
}
