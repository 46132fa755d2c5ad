// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Backend;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_shape;
import dev.xent.internal.ffi.xent_state;
import dev.xent.internal.ffi.xent_statistics;
import dev.xent.internal.ffi.xent_tally;
import dev.xent.internal.load.Backends;
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

  /** The arguments of every function, some of them wrong. */
  private static final class Call {
    MemorySegment shape = NULL;
    MemorySegment options = NULL;
    long rowBegin;
    long rowEnd;
    long classBegin;
    long classEnd;
    final Map<String, MemorySegment> arrays = new LinkedHashMap<>();

    MemorySegment get(String name) {
      return arrays.getOrDefault(name, NULL);
    }
  }

  @Test
  void bothRefuseTheSameWithTheSameWords() {
    for (int round = 0; round < ROUNDS; round++) {
      try (Arena arena = Arena.ofConfined()) {
        int classes = 1 + random.nextInt(6);
        RowKind kind = RowKind.values()[random.nextInt(RowKind.values().length)];
        boolean wide = random.nextInt(4) == 0;
        GeneralCase c =
            new GeneralCase(arena, wide, 1 + random.nextInt(3), classes, kind, false, random);
        Call call = lawful(arena, c);
        StringBuilder wrong = new StringBuilder();
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
          wrong.append(spoil(arena, call)).append("; ");
        }
        functions()
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

  private void compare(Arena arena, Call call, String name, Function function, String what) {
    MemorySegment expected = report(arena);
    MemorySegment got = report(arena);
    int status = function.call(reference, call, expected);
    int nativeStatus = function.call(nativeKernels, call, got);
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
            xent_report.counted(report),
            xent_report.denominator(report));
  }

  private static MemorySegment report(Arena arena) {
    MemorySegment report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    return report;
  }

  private static Call lawful(Arena arena, GeneralCase c) {
    Call call = new Call();
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
    for (String name :
        new String[] {
          "output",
          "gradient",
          "losses",
          "log-sum-exp",
          "hits",
          "log-probabilities",
          "argmax",
          "ranks",
          "entropies",
          "top classes",
          "top log-probabilities",
          "target gradient"
        }) {
      call.arrays.put(name, arena.allocate(8192, 64));
    }
    call.arrays.put("statistics", arena.allocate(c.rows * xent_statistics.sizeof(), 8));
    call.arrays.put("states", arena.allocate(c.rows * xent_state.sizeof(), 8));
    MemorySegment tally = arena.allocate(xent_tally.layout());
    xent_tally.size(tally, xent_tally.sizeof());
    call.arrays.put("tally", tally);
    return call;
  }

  // ---- what is wrong ---------------------------------------------------------------------------

  private String spoil(Arena arena, Call call) {
    return switch (random.nextInt(8)) {
      case 0, 1 -> spoilLayout(call);
      case 2 -> spoilOption(call);
      case 3 -> spoilSize(call);
      case 4 -> spoilRange(call);
      case 5, 6 -> spoilArray(arena, call);
      default -> spoilContent(call);
    };
  }

  private String spoilLayout(Call call) {
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
      xent_shape.logits(s),
      xent_shape.output(s),
      xent_shape.gradient(s),
      xent_shape.upstream(s),
      xent_shape.targets(s),
      xent_shape.losses(s),
      xent_shape.log_sum_exp(s),
      xent_shape.hits(s),
      xent_shape.target_weights(s),
      xent_shape.row_offsets(s),
      xent_shape.class_mask(s),
      xent_shape.class_weights(s),
      xent_shape.row_weights(s),
      xent_shape.sink(s),
      xent_shape.log_probabilities(s),
      xent_shape.argmax(s),
      xent_shape.ranks(s),
      xent_shape.entropies(s),
      xent_shape.top_classes(s),
      xent_shape.top_log_probabilities(s),
      xent_shape.target_gradient(s),
      xent_shape.teacher(s)
    };
  }

  private String spoilOption(Call call) {
    MemorySegment o = call.options;
    double odd = ODD[random.nextInt(ODD.length)];
    int flag = random.nextInt(4) - 1;
    int which = random.nextInt(12);
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
      default -> xent_options.probability_clamp(o, odd);
    }
    return "option " + which + " " + odd + " " + flag;
  }

  /** Never more rows or classes than there is memory for, unless no array can have them. */
  private String spoilSize(Call call) {
    MemorySegment s = call.shape;
    long size = SIZES[random.nextInt(SIZES.length)];
    int which = random.nextInt(7);
    boolean far = size == FAR && call.get("row offsets") == NULL;
    switch (which) {
      case 0 -> xent_shape.classes(s, Math.min(size, 0));
      case 1 -> xent_shape.outer(s, far ? FAR : Math.min(size, xent_shape.outer(s)));
      case 2 -> xent_shape.inner(s, far ? FAR : Math.min(size, xent_shape.inner(s)));
      case 3 -> xent_shape.target_count(s, Math.min(size, xent_shape.target_count(s)));
      case 4 -> xent_shape.top_count(s, size > 5 ? size : Math.min(size, xent_shape.top_count(s)));
      case 5 -> xent_shape.first_class(s, size);
      default -> xent_shape.all_classes(s, size);
    }
    return "size " + which + " " + size;
  }

  private String spoilRange(Call call) {
    switch (random.nextInt(5)) {
      case 0 -> call.rowBegin = -1;
      case 1 -> call.rowBegin = call.rowEnd + 1;
      case 2 -> call.rowEnd += 1;
      case 3 -> call.classBegin = 1;
      default -> call.classEnd -= 1;
    }
    return "range";
  }

  private String spoilArray(Arena arena, Call call) {
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

  private static void writeOntoOffsets(Arena arena, Call call, String output) {
    MemorySegment offsets = call.get("row offsets");
    if (offsets != NULL) {
      MemorySegment both = arena.allocate(8192, 64).copyFrom(offsets);
      call.arrays.put("row offsets", both);
      call.arrays.put(output, both);
    }
  }

  /** Numbers in targets, weights and offsets that may not be there. */
  private String spoilContent(Call call) {
    String[] names = {"targets", "row offsets", "class weights", "row weights", "statistics"};
    String name = names[random.nextInt(names.length)];
    MemorySegment array = call.get(name);
    if (array != NULL) {
      long at = random.nextLong(Math.min(array.byteSize(), 64) / 4) * 4;
      array.set(ValueLayout.JAVA_INT_UNALIGNED, at, random.nextBoolean() ? -1 : 0x7f7f7f7f);
    }
    return "content of " + name;
  }

  // ---- the functions ---------------------------------------------------------------------------

  private interface Function {
    int call(Kernels kernels, Call call, MemorySegment report);
  }

  private static Map<String, Function> functions() {
    Map<String, Function> all = new LinkedHashMap<>();
    all.put("softmax", RefusalsTest::softmax);
    all.put("log-sum-exp", RefusalsTest::logSumExp);
    all.put("softmax backward", RefusalsTest::softmaxBackward);
    all.put("check", RefusalsTest::check);
    all.put("forward", RefusalsTest::forward);
    all.put("full", RefusalsTest::full);
    all.put("backward", RefusalsTest::backward);
    all.put("divergence", RefusalsTest::divergence);
    all.put("states", RefusalsTest::states);
    all.put("backward states", RefusalsTest::backwardStates);
    all.put("finish", RefusalsTest::finish);
    return all;
  }

  private static int softmax(Kernels k, Call c, MemorySegment report) {
    return k.softmaxForward(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("logits"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("sink"),
        NULL,
        c.get("output"),
        report);
  }

  private static int logSumExp(Kernels k, Call c, MemorySegment report) {
    return k.logSumExp(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("sink"),
        c.get("log-sum-exp"),
        report);
  }

  private static int softmaxBackward(Kernels k, Call c, MemorySegment report) {
    return k.softmaxBackward(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("output"),
        c.get("upstream"),
        c.get("row offsets"),
        c.get("class mask"),
        NULL,
        c.get("gradient"),
        report);
  }

  private static int check(Kernels k, Call c, MemorySegment report) {
    return k.checkTargets(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("targets"),
        c.get("target weights"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("tally"),
        report);
  }

  private static int forward(Kernels k, Call c, MemorySegment report) {
    return k.crossEntropyForward(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("losses"),
        c.get("log-sum-exp"),
        c.get("hits"),
        c.get("gradient"),
        c.get("statistics"),
        c.get("tally"),
        report);
  }

  private static int full(Kernels k, Call c, MemorySegment report) {
    return k.crossEntropyFull(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("target weights"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("sink"),
        c.get("losses"),
        c.get("log-sum-exp"),
        c.get("hits"),
        c.get("log-probabilities"),
        c.get("argmax"),
        c.get("ranks"),
        c.get("entropies"),
        c.get("top classes"),
        c.get("top log-probabilities"),
        c.get("gradient"),
        c.get("target gradient"),
        c.get("statistics"),
        c.get("tally"),
        report);
  }

  private static int backward(Kernels k, Call c, MemorySegment report) {
    return k.crossEntropyBackward(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("target weights"),
        c.get("row offsets"),
        c.get("class mask"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("statistics"),
        NULL,
        c.get("gradient"),
        report);
  }

  private static int divergence(Kernels k, Call c, MemorySegment report) {
    return k.klDivergence(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("logits"),
        c.get("teacher"),
        c.get("class mask"),
        c.get("row weights"),
        c.get("losses"),
        c.get("gradient"),
        c.get("tally"),
        report);
  }

  private static int states(Kernels k, Call c, MemorySegment report) {
    return k.forwardStates(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("logits"),
        c.get("targets"),
        c.get("target weights"),
        c.get("class mask"),
        c.get("class weights"),
        NULL,
        c.get("states"),
        report);
  }

  private static int backwardStates(Kernels k, Call c, MemorySegment report) {
    return k.backwardStates(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.classBegin,
        c.classEnd,
        c.get("output"),
        c.get("upstream"),
        c.get("class mask"),
        c.get("states"),
        report);
  }

  private static int finish(Kernels k, Call c, MemorySegment report) {
    return k.finish(
        c.shape,
        c.options,
        c.rowBegin,
        c.rowEnd,
        c.get("states"),
        c.get("targets"),
        c.get("class weights"),
        c.get("row weights"),
        c.get("sink"),
        0,
        c.get("statistics"),
        c.get("losses"),
        c.get("log-sum-exp"),
        c.get("hits"),
        c.get("tally"),
        report);
  }
}
