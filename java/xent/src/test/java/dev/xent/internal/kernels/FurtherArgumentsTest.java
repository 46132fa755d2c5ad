// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Segments;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Plain calls with one further array, type or option, each of them alone. In every function that
 * has it, the reference reads it and writes the same bytes as the library. Random mixtures, as in
 * {@link GeneralBitsTest}, would not find a rule that omits one of two arguments.
 */
class FurtherArgumentsTest {
  private static final int ROWS = 3;
  private static final int CLASSES = 5;
  private static final int BYTES = ROWS * CLASSES * Double.BYTES;

  private static final List<String> WRITTEN =
      Stream.concat(KernelCall.RESULTS.stream(), Stream.of("statistics", "states", "exact_sum"))
          .toList();

  private static final List<String> FUNCTIONS =
      List.of(
          "softmax",
          "log-sum-exp",
          "softmax backward",
          "check",
          "plain cross-entropy",
          "cross-entropy",
          "backward",
          "states",
          "finish");

  private static final List<String> FUNCTIONS_OF_BACKWARD = List.of("backward states", "finish");

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** What a call may have that a plain one has not. */
  private enum Further {
    NOTHING(c -> {}),
    CLASS_MASK(Further::classMask),
    CLASS_WEIGHTS(c -> c.put("class weights", floats(c, 1, .5, 2, 0, 3))),
    ROW_WEIGHTS(c -> c.put("row weights", floats(c, 2, 0, .5))),
    SINK(c -> c.put("sink", floats(c, 1, 2, -1))),
    ROW_OFFSETS(c -> c.put("row offsets", longs(c, 0, 4, 6, 11))),
    MASKED_LABEL(
        c -> {
          MemorySegment mask = room(c).fill((byte) 1);
          mask.set(ValueLayout.JAVA_BYTE, CLASSES + 1, (byte) 0);
          c.put("class mask", mask);
        }),
    LABEL_BEYOND_ITS_ROW(c -> c.put("row offsets", longs(c, 0, 3, 8, 11))),
    LOG_PROBABILITIES(c -> c.put("log-probabilities", room(c))),
    ARGMAX(c -> c.put("argmax", room(c))),
    RANKS(c -> c.put("ranks", room(c))),
    ENTROPIES(c -> c.put("entropies", room(c))),
    TOP_CLASSES(c -> c.put("top classes", room(c))),
    TOP_LOG_PROBABILITIES(c -> c.put("top log-probabilities", room(c))),
    PROBABILITIES(Further::probabilities),
    TARGET_GRADIENT(
        c -> {
          probabilities(c);
          c.put("target gradient", room(c));
        }),
    SPARSE_TARGETS(Further::sparse),
    TARGET_WEIGHTS(
        c -> {
          sparse(c);
          c.put("target weights", floats(c, .5, .25, 1, 0, .125, 2));
        }),
    NO_TARGETS(Further::withoutTargets),
    NARROW_LOGITS(c -> c.logits(XentH.XENT_F16(), XentH.XENT_F32())),
    NARROW_RESULTS(c -> c.logits(XentH.XENT_F32(), XentH.XENT_BF16())),
    WIDE(c -> c.logits(XentH.XENT_F64(), XentH.XENT_F64())),
    TEMPERATURE(c -> xent_options.temperature(c.call.options, 2)),
    SOFTCAP(c -> xent_options.softcap(c.call.options, 3)),
    Z_LOSS(c -> xent_options.z_loss(c.call.options, .5)),
    SMOOTHING_OF_OTHERS(c -> xent_options.smoothing(c.call.options, XentH.XENT_SMOOTHING_OTHERS())),
    PROBABILITY_CLAMP(
        c -> {
          xent_options.label_smoothing(c.call.options, 0);
          xent_options.probability_clamp(c.call.options, .3);
        }),
    SHARD(Further::shard),
    MASKED_SHARD(Further::maskedShard),
    SHARD_OF_PROBABILITIES(
        c -> {
          probabilities(c);
          shard(c);
        }),
    MASKED_SHARD_OF_PROBABILITIES(
        c -> {
          probabilities(c);
          maskedShard(c);
        }),
    MASKED_SHARD_WITHOUT_SMOOTHING(
        c -> {
          probabilities(c);
          maskedShard(c);
          xent_options.label_smoothing(c.call.options, 0);
        });

    private final Consumer<Arguments> change;

    Further(Consumer<Arguments> change) {
      this.change = change;
    }

    /** Classes of the second and the third row; no label. */
    private static void classMask(Arguments c) {
      MemorySegment mask = room(c).fill((byte) 1);
      mask.set(ValueLayout.JAVA_BYTE, CLASSES + 2, (byte) 0);
      mask.set(ValueLayout.JAVA_BYTE, 3 * CLASSES - 1, (byte) 0);
      c.put("class mask", mask);
    }

    /** The last of three, so that no label is in it. */
    private static void shard(Arguments c) {
      c.call.shape.firstClass = 2L * XentH.XENT_CHUNK();
      c.call.shape.allClasses = 2L * XentH.XENT_CHUNK() + CLASSES;
    }

    private static void maskedShard(Arguments c) {
      classMask(c);
      shard(c);
    }

    private static MemorySegment floats(Arguments c, double... values) {
      MemorySegment array = room(c);
      for (int i = 0; i < values.length; i++) {
        array.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) values[i]);
      }
      return array;
    }

    private static MemorySegment longs(Arguments c, long... values) {
      MemorySegment array = room(c);
      MemorySegment.copy(values, 0, array, ValueLayout.JAVA_LONG, 0, values.length);
      return array;
    }

    private static MemorySegment room(Arguments c) {
      return c.arena.allocate(BYTES, 64);
    }

    private static void probabilities(Arguments c) {
      Arguments.layout(c.call.shape.layout(Array.TARGETS), CLASSES, 1, XentH.XENT_F32());
      c.put("targets", floats(c, .5, .5, 0, 0, 0, 0, .25, .25, .25, .25, 1, 0, 0, 0, 0));
      c.call.arrays.remove("correct");
    }

    private static void sparse(Arguments c) {
      c.call.shape.targetCount = 2;
      Arguments.layout(c.call.shape.layout(Array.TARGETS), 2, 1, XentH.XENT_I64());
      c.put("targets", longs(c, 1, 3, 0, 1, 2, 4));
      c.call.arrays.remove("correct");
    }

    private static void withoutTargets(Arguments c) {
      for (String name :
          List.of("targets", "losses", "gradient", "correct", "statistics", "exact_sum")) {
        c.call.arrays.remove(name);
      }
      c.put("statistics", c.arena.allocate(ROWS * Records.STATISTICS, Records.ALIGNMENT));
    }
  }

  /** Three rows of five classes with labels, every layout dense. */
  private static final class Arguments {
    final Arena arena;
    final KernelCall call = new KernelCall();

    Arguments(Arena arena) {
      this.arena = arena;
      call.shape = new CallShape();
      call.shape.outer = ROWS;
      call.shape.classes = CLASSES;
      call.shape.inner = 1;
      call.shape.topCount = 2;
      call.options = arena.allocate(xent_options.layout());
      xent_options.size(call.options, xent_options.sizeof());
      xent_options.label_smoothing(call.options, .1);
      call.rowEnd = ROWS;
      call.classEnd = CLASSES;
      layouts(call.shape);
      logits(XentH.XENT_F32(), XentH.XENT_F32());
      for (String name : List.of("output", "gradient", "losses", "log-sum-exp", "correct")) {
        put(name, arena.allocate(BYTES, 64));
      }
      put("targets", Segments.of(arena, 3L, 1, 0));
      put("statistics", arena.allocate(ROWS * Records.STATISTICS, Records.ALIGNMENT));
      put("states", arena.allocate(ROWS * Records.STATE, Records.ALIGNMENT));
      MemorySegment exactSum = arena.allocate(xent_exact_sum.layout());
      xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
      put("exact_sum", exactSum);
    }

    void put(String name, MemorySegment array) {
      call.arrays.put(name, array);
    }

    private static void layouts(CallShape s) {
      layout(s.layout(Array.TARGETS), 1, 0, XentH.XENT_I64());
      layout(s.layout(Array.CORRECT), 1, 0, XentH.XENT_U8());
      layout(s.layout(Array.TARGET_WEIGHTS), 2, 1, XentH.XENT_F32());
      layout(s.layout(Array.ROW_OFFSETS), 0, 0, XentH.XENT_I64());
      layout(s.layout(Array.CLASS_MASK), CLASSES, 1, XentH.XENT_U8());
      layout(s.layout(Array.CLASS_WEIGHTS), 0, 1, XentH.XENT_F32());
      layout(s.layout(Array.ROW_WEIGHTS), 1, 0, XentH.XENT_F32());
      layout(s.layout(Array.SINK), 1, 0, XentH.XENT_F32());
      layout(s.layout(Array.LOG_PROBABILITIES), 1, 0, XentH.XENT_F32());
      layout(s.layout(Array.ARGMAX), 1, 0, XentH.XENT_I32());
      layout(s.layout(Array.RANKS), 1, 0, XentH.XENT_I32());
      layout(s.layout(Array.ENTROPIES), 1, 0, XentH.XENT_F32());
      layout(s.layout(Array.TOP_CLASSES), 2, 1, XentH.XENT_I32());
      layout(s.layout(Array.TOP_LOG_PROBABILITIES), 2, 1, XentH.XENT_F32());
      layout(s.layout(Array.TARGET_GRADIENT), CLASSES, 1, XentH.XENT_F32());
    }

    static void layout(MemorySegment layout, long outer, long classes, int type) {
      xent_layout.outer(layout, outer);
      xent_layout.classes(layout, classes);
      xent_layout.inner(layout, 1);
      xent_layout.type(layout, type);
    }

    /** Numbers that every type holds exactly, and the type of what the functions write. */
    void logits(int type, int written) {
      CallShape s = call.shape;
      layout(s.layout(Array.LOGITS), CLASSES, 1, type);
      layout(s.layout(Array.TEACHER), CLASSES, 1, type);
      layout(s.layout(Array.UPSTREAM), CLASSES, 1, written);
      layout(s.layout(Array.OUTPUT), CLASSES, 1, written);
      layout(s.layout(Array.GRADIENT), CLASSES, 1, written);
      layout(s.layout(Array.LOSSES), 1, 0, written);
      layout(s.layout(Array.LOG_SUM_EXP), 1, 0, written);
      put("logits", numbers(type, 7));
      put("teacher", numbers(type, 5));
      put("upstream", numbers(written, 3));
    }

    private MemorySegment numbers(int type, int period) {
      MemorySegment array = arena.allocate(BYTES, 64);
      for (int i = 0; i < ROWS * CLASSES; i++) {
        float value = (i * 4 % period - 2) * .75f;
        if (type == XentH.XENT_F16()) {
          array.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
        } else if (type == XentH.XENT_BF16()) {
          short upper = (short) (Float.floatToRawIntBits(value) >>> 16);
          array.setAtIndex(ValueLayout.JAVA_SHORT, i, upper);
        } else if (type == XentH.XENT_F64()) {
          array.setAtIndex(ValueLayout.JAVA_DOUBLE, i, value + 1e-9);
        } else {
          array.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      return array;
    }
  }

  /** Status, report and every byte written, after each of these functions. */
  private Map<String, String> results(Kernels kernels, Further further, Predicate<String> those) {
    Arguments arguments = new Arguments(arena);
    further.change.accept(arguments);
    KernelCall call = arguments.call;
    Map<String, String> results = new LinkedHashMap<>();
    for (String name : FUNCTIONS) {
      add(results, kernels, call, name, name, those);
    }
    call.arrays.remove("exact_sum");
    add(results, kernels, call, "check", "check without an exact sum", those);
    xent_options.label_smoothing(call.options, 0);
    add(results, kernels, call, "divergence", "divergence", those);
    Further.withoutTargets(arguments);
    call.arrays.remove("log-sum-exp");
    for (String name : FUNCTIONS_OF_BACKWARD) {
      add(results, kernels, call, name, name + " without targets", those);
    }
    return results;
  }

  private void add(
      Map<String, String> results,
      Kernels kernels,
      KernelCall call,
      String function,
      String name,
      Predicate<String> those) {
    if (those.test(name)) {
      results.put(name, result(kernels, call, function));
    }
  }

  /** The names of calls whose arguments are right: they return, or a label is wrong. */
  private Set<String> right(Further further) {
    Map<String, String> all = results(nativeKernels, further, name -> true);
    all.values()
        .removeIf(
            result ->
                !result.startsWith(Status.OK + " ")
                    && !result.startsWith(Status.INVALID_LABEL + " "));
    return all.keySet();
  }

  private String result(Kernels kernels, KernelCall call, String name) {
    MemorySegment report = KernelCall.report(arena);
    StringBuilder result = new StringBuilder();
    result.append(KernelCall.functions().get(name).call(kernels, call, report));
    xent_report.path(report, 0); // the reference has no names for its ways
    result.append(" report ").append(hex(report));
    for (String written : WRITTEN) {
      result.append(", ").append(written).append(' ').append(hex(call.get(written)));
    }
    return result.toString();
  }

  private static String hex(MemorySegment array) {
    return HexFormat.of().formatHex(array.toArray(ValueLayout.JAVA_BYTE));
  }

  @ParameterizedTest
  @EnumSource
  void theReferenceSeesItAsTheLibraryDoes(Further further) {
    Set<String> right = right(further);
    Map<String, String> expected = results(nativeKernels, further, right::contains);
    assertThat(expected).isNotEmpty();
    assertThat(results(reference, further, right::contains)).isEqualTo(expected);
    // The logits of the test are exact in float16: the narrow type does not change the bits.
    if (further != Further.NOTHING && further != Further.NARROW_LOGITS) {
      assertThat(results(nativeKernels, further, name -> true))
          .isNotEqualTo(results(nativeKernels, Further.NOTHING, name -> true));
    }
  }

  @Test
  void aPlainCallIsRefusedByNone() {
    results(nativeKernels, Further.NOTHING, name -> true)
        .forEach((name, result) -> assertThat(result).as(name).startsWith(Status.OK + " "));
  }

  @Test
  void noCallSeesTheArraysOfTheOneBefore() {
    Map<String, String> all = new LinkedHashMap<>();
    for (String name : KernelCall.functions().keySet()) {
      all.put(name, result(nativeKernels, new Arguments(arena).call, name));
    }
    all.values().removeIf(result -> !result.startsWith(Status.OK + " "));
    assertThat(all).hasSizeGreaterThan(6);
    for (String before : all.keySet()) {
      for (String name : all.keySet()) {
        String expected = all.get(name);
        result(reference, new Arguments(arena).call, before);
        String got = result(reference, new Arguments(arena).call, name);
        assertThat(got).as("%s after %s", name, before).isEqualTo(expected);
      }
    }
  }
}
