// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The reference and the native library refuse the same calls with the same status and the same
 * report: random calls with one to three things wrong, so that the order of the checks shows too.
 */
class RefusalsTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 200_000 : 6_000;
  private static final long FAR = Long.MAX_VALUE;
  private static final double[] ODD = {
    Double.NaN, -1, Double.POSITIVE_INFINITY, 1e-320, 1e-40, 1e300, 0.6, 1.5, -0.0
  };
  private static final long[] SIZES = {-1, 0, 1, 2, 3, 5, 100, 8192, 16384, FAR};

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final SplittableRandom random = new SplittableRandom(4);
  private final Map<Integer, Integer> statuses = new TreeMap<>();
  private final Map<String, String> differences = new LinkedHashMap<>();

  @Test
  void bothRefuseTheSameWithTheSameWords() {
    for (int round = 0; round < ROUNDS && differences.isEmpty(); round++) {
      try (Arena arena = Arena.ofConfined()) {
        int classes = 1 + random.nextInt(6);
        RowKind kind = RowKind.values()[random.nextInt(RowKind.values().length)];
        boolean wide = random.nextInt(4) == 0;
        GeneralCase c =
            new GeneralCase(arena, wide, 1 + random.nextInt(3), classes, kind, false, random);
        KernelCall call = lawful(arena, c);
        StringBuilder wrong = new StringBuilder();
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
          wrong.append(spoil(arena, call)).append("; ");
        }
        KernelCall.functions()
            .forEach(
                (name, function) ->
                    compare(arena, call, name, function, name + " of " + c + ": " + wrong));
      }
    }
    System.out.printf("refusals: %,d calls, statuses %s%n", ROUNDS, statuses);
    assertThat(differences).isEmpty();
    assertThat(statuses.keySet())
        .contains(
            Status.OK,
            Status.INVALID_ARGUMENT,
            Status.INVALID_SHAPE,
            Status.INVALID_OPTION,
            Status.INVALID_LABEL,
            Status.OVERLAP,
            Status.UNSUPPORTED);
  }

  /** Of logits that are one number, so many times. */
  private static KernelCall manyTimesOne(Arena arena, long outer, long classes) {
    KernelCall call = new KernelCall();
    call.shape = ShapeStruct.allocate(arena);
    ShapeStruct.outer(call.shape, outer);
    ShapeStruct.classes(call.shape, classes);
    ShapeStruct.inner(call.shape, 1);
    xent_layout.type(ShapeStruct.layout(call.shape, Array.LOGITS), XentH.XENT_F32());
    call.options = arena.allocate(xent_options.layout());
    xent_options.size(call.options, xent_options.sizeof());
    call.rowEnd = outer;
    call.classEnd = classes;
    call.arrays.put("logits", arena.allocate(4, 4));
    return call;
  }

  private void bothSay(int expected, Arena arena, KernelCall call, String function) {
    compare(arena, call, function, KernelCall.functions().get(function), function);
    assertThat(differences).isEmpty();
    assertThat(statuses.keySet()).containsExactly(expected);
    statuses.clear();
  }

  /**
   * Sizes that are left out, of structs and of the shape, and records and offsets beyond 64 bits.
   */
  @Test
  void sizesThatCannotBe() {
    try (Arena arena = Arena.ofConfined()) {
      KernelCall.functions()
          .forEach(
              (name, function) -> {
                for (int wrong = 0; wrong < 6; wrong++) {
                  KernelCall call = manyTimesOne(arena, wrong < 3 ? 2 : 1L << 60, 1);
                  call.rowEnd = 0;
                  for (String array : new String[] {"statistics", "states"}) {
                    call.arrays.put(array, arena.allocate(64, 8));
                  }
                  switch (wrong) {
                    case 0 -> call.shape.set(ValueLayout.JAVA_LONG, 0, 0);
                    case 1 -> xent_options.size(call.options, 0);
                    case 2 -> ShapeStruct.inner(call.shape, 0);
                    case 3 -> call.arrays.remove("states");
                    case 4 -> call.arrays.remove("statistics");
                    default -> {
                      call.arrays.put("row offsets", arena.allocate(64, 8));
                      xent_layout.type(
                          ShapeStruct.layout(call.shape, Array.ROW_OFFSETS), XentH.XENT_I64());
                    }
                  }
                  compare(arena, call, name, function, name + ", wrong " + wrong);
                }
              });
    }
    assertThat(differences).isEmpty();
    assertThat(statuses.get(Status.INVALID_SIZE)).isEqualTo(2 * KernelCall.functions().size());
    assertThat(statuses.get(Status.INVALID_SHAPE)).isGreaterThan(2 * KernelCall.functions().size());
  }

  @Test
  void numbersOfClassesFitTheirType() {
    try (Arena arena = Arena.ofConfined()) {
      for (long classes = 1L << 31; classes <= (1L << 31) + 1; classes++) {
        KernelCall call = manyTimesOne(arena, 1, classes);
        call.rowEnd = 0;
        MemorySegment argmax = ShapeStruct.layout(call.shape, Array.ARGMAX);
        xent_layout.type(argmax, XentH.XENT_I32());
        call.arrays.put("argmax", arena.allocate(4, 4));
        boolean fits = classes == 1L << 31;
        bothSay(fits ? Status.OK : Status.UNSUPPORTED, arena, call, "cross-entropy");
      }
    }
  }

  @Test
  void outputsWhoseStridesInterleaveAreApartOrNot() {
    try (Arena arena = Arena.ofConfined()) {
      for (int stride = 0; stride < 8; stride++) {
        KernelCall call = manyTimesOne(arena, 2, 3);
        MemorySegment output = ShapeStruct.layout(call.shape, Array.OUTPUT);
        xent_layout.outer(output, stride);
        xent_layout.classes(output, 2);
        xent_layout.inner(output, 1);
        xent_layout.type(output, XentH.XENT_F32());
        call.arrays.put("output", arena.allocate(64, 4));
        boolean meet = stride == 0 || stride == 2 || stride == 4;
        bothSay(meet ? Status.OVERLAP : Status.OK, arena, call, "softmax");
      }
    }
  }

  private void compare(
      Arena arena, KernelCall call, String name, KernelCall.Caller function, String what) {
    MemorySegment expected = KernelCall.report(arena);
    MemorySegment got = KernelCall.report(arena);
    int status = function.call(reference, call, expected);
    int nativeStatus = function.call(nativeKernels, call, got);
    xent_report.schedule(got, 0); // the reference has no names for its ways
    statuses.merge(status, 1, Integer::sum);
    if (status != nativeStatus || expected.mismatch(got) >= 0) {
      differences.putIfAbsent(
          name + " " + status + " " + nativeStatus,
          what + ": reference " + text(status, expected) + ", native " + text(nativeStatus, got));
    }
  }

  private static String text(int status, MemorySegment report) {
    return "%d, field %d, row %d, label %d, integer %d, value %s, counted %d, denominator %s"
        .formatted(
            status,
            xent_report.field(report),
            xent_report.row(report),
            xent_report.label(report),
            xent_report.integer(report),
            xent_report.value(report),
            xent_report.valid_rows(report),
            xent_report.denominator(report));
  }

  private static KernelCall lawful(Arena arena, GeneralCase c) {
    KernelCall call = new KernelCall();
    call.shape = c.shape;
    call.options = c.options;
    call.rowEnd = c.rows;
    call.classEnd = c.classes;
    call.arrays.put("logits", c.logits);
    call.arrays.put("teacher", c.teacher);
    call.arrays.put("targets", c.targets);
    call.arrays.put("target weights", c.targetWeights);
    call.arrays.put("row offsets", c.rowOffsets);
    call.arrays.put("class mask", c.classMask);
    call.arrays.put("class weights", c.classWeights);
    call.arrays.put("row weights", c.rowWeights);
    call.arrays.put("sink", c.sink);
    call.arrays.put("upstream", c.upstream);
    for (String name : KernelCall.RESULTS) {
      call.arrays.put(name, arena.allocate(8192, 64));
    }
    call.arrays.put("statistics", arena.allocate(c.rows * Records.STATISTICS, 8));
    call.arrays.put("states", arena.allocate(c.rows * Records.STATE, 8));
    MemorySegment exactSum = arena.allocate(xent_exact_sum.layout());
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
    call.arrays.put("exact_sum", exactSum);
    return call;
  }

  // ---- what is wrong ---------------------------------------------------------------------------

  private String spoil(Arena arena, KernelCall call) {
    return switch (random.nextInt(8)) {
      case 0, 1 -> spoilLayout(call);
      case 2 -> spoilOption(call);
      case 3 -> spoilSize(call);
      case 4 -> spoilRange(call);
      case 5, 6 -> spoilArray(arena, call);
      default -> spoilContent(call);
    };
  }

  private String spoilLayout(KernelCall call) {
    MemorySegment[] layouts = layouts(call.shape);
    int which = random.nextInt(layouts.length);
    MemorySegment layout = layouts[which];
    switch (random.nextInt(5)) {
      case 0 -> xent_layout.type(layout, random.nextInt(12) - 1);
      case 1 -> xent_layout.reserved(layout, 1);
      case 2 -> xent_layout.outer(layout, random.nextBoolean() ? -1 : FAR);
      case 3 -> xent_layout.classes(layout, random.nextBoolean() ? -1 : FAR);
      default -> xent_layout.inner(layout, random.nextBoolean() ? -1 : FAR);
    }
    return "layout " + which;
  }

  private static MemorySegment[] layouts(MemorySegment s) {
    return new MemorySegment[] {
      ShapeStruct.layout(s, Array.LOGITS),
      ShapeStruct.layout(s, Array.OUTPUT),
      ShapeStruct.layout(s, Array.GRADIENT),
      ShapeStruct.layout(s, Array.UPSTREAM),
      ShapeStruct.layout(s, Array.TARGETS),
      ShapeStruct.layout(s, Array.LOSSES),
      ShapeStruct.layout(s, Array.LOG_SUM_EXP),
      ShapeStruct.layout(s, Array.CORRECT),
      ShapeStruct.layout(s, Array.TARGET_WEIGHTS),
      ShapeStruct.layout(s, Array.ROW_OFFSETS),
      ShapeStruct.layout(s, Array.CLASS_MASK),
      ShapeStruct.layout(s, Array.CLASS_WEIGHTS),
      ShapeStruct.layout(s, Array.ROW_WEIGHTS),
      ShapeStruct.layout(s, Array.SINK),
      ShapeStruct.layout(s, Array.LOG_PROBABILITIES),
      ShapeStruct.layout(s, Array.ARGMAX),
      ShapeStruct.layout(s, Array.RANKS),
      ShapeStruct.layout(s, Array.ENTROPIES),
      ShapeStruct.layout(s, Array.TOP_CLASSES),
      ShapeStruct.layout(s, Array.TOP_LOG_PROBABILITIES),
      ShapeStruct.layout(s, Array.TARGET_GRADIENT),
      ShapeStruct.layout(s, Array.TEACHER)
    };
  }

  private String spoilOption(KernelCall call) {
    MemorySegment o = call.options;
    double odd = ODD[random.nextInt(ODD.length)];
    int flag = random.nextInt(4) - 1;
    int which = random.nextInt(14);
    switch (which) {
      case 0 -> xent_options.isa(o, random.nextBoolean() ? -1 : 99);
      case 1 -> xent_options.fully_masked(o, flag);
      case 2 -> xent_options.has_ignore_index(o, flag);
      case 3 -> xent_options.has_gradient_scale(o, flag);
      case 4 -> xent_options.label_smoothing(o, odd);
      case 5 -> xent_options.gradient_scale(o, odd);
      case 6 -> xent_options.smoothing(o, flag);
      case 7 -> xent_options.reserved(o, flag);
      case 8 -> xent_options.temperature(o, odd);
      case 9 -> xent_options.softcap(o, odd);
      case 10 -> xent_options.z_loss(o, odd);
      case 11 -> xent_options.focal_gamma(o, odd);
      case 12 -> xent_options.focal_alpha(o, odd);
      default -> xent_options.probability_clamp(o, odd);
    }
    return "option " + which + " " + odd + " " + flag;
  }

  /** Never more rows or classes than there is memory for, unless no array can have them. */
  private String spoilSize(KernelCall call) {
    MemorySegment s = call.shape;
    long size = SIZES[random.nextInt(SIZES.length)];
    int which = random.nextInt(7);
    boolean far = size == FAR && call.get("row offsets") == NULL;
    switch (which) {
      case 0 -> ShapeStruct.classes(s, Math.min(size, 0));
      case 1 -> ShapeStruct.outer(s, far ? FAR : Math.min(size, ShapeStruct.outer(s)));
      case 2 -> ShapeStruct.inner(s, far ? FAR : Math.min(size, ShapeStruct.inner(s)));
      case 3 -> ShapeStruct.targetCount(s, Math.min(size, ShapeStruct.targetCount(s)));
      case 4 -> ShapeStruct.topCount(s, size > 5 ? size : Math.min(size, ShapeStruct.topCount(s)));
      case 5 -> ShapeStruct.firstClass(s, size);
      default -> ShapeStruct.allClasses(s, size);
    }
    return "size " + which + " " + size;
  }

  private String spoilRange(KernelCall call) {
    switch (random.nextInt(5)) {
      case 0 -> call.rowBegin = -1;
      case 1 -> call.rowBegin = call.rowEnd + 1;
      case 2 -> call.rowEnd += 1;
      case 3 -> call.classBegin = 1;
      default -> call.classEnd -= 1;
    }
    return "range";
  }

  private String spoilArray(Arena arena, KernelCall call) {
    String[] names = call.arrays.keySet().toArray(String[]::new);
    String name = names[random.nextInt(names.length)];
    MemorySegment array = call.get(name);
    switch (random.nextInt(5)) {
      case 0 -> call.arrays.put(name, NULL);
      case 1 -> call.arrays.put(name, array == NULL ? NULL : array.asSlice(1));
      case 2 -> call.arrays.put("output", call.get("logits"));
      case 3 -> writeOntoOffsets(arena, call, random.nextBoolean() ? "output" : "gradient");
      default -> call.arrays.put(name, array == NULL ? arena.allocate(8192, 64) : array);
    }
    return "array " + name;
  }

  private static void writeOntoOffsets(Arena arena, KernelCall call, String output) {
    MemorySegment offsets = call.get("row offsets");
    if (offsets != NULL) {
      MemorySegment both = arena.allocate(8192, 64).copyFrom(offsets);
      call.arrays.put("row offsets", both);
      call.arrays.put(output, both);
    }
  }

  /** Numbers in targets, weights and offsets that may not be there. */
  private String spoilContent(KernelCall call) {
    String[] names = {"targets", "row offsets", "class weights", "row weights", "statistics"};
    String name = names[random.nextInt(names.length)];
    MemorySegment array = call.get(name);
    if (array != NULL) {
      long at = random.nextLong(Math.min(array.byteSize(), 64) / 4) * 4;
      array.set(ValueLayout.JAVA_INT_UNALIGNED, at, random.nextBoolean() ? -1 : 0x7f7f7f7f);
    }
    return "content of " + name;
  }
}
