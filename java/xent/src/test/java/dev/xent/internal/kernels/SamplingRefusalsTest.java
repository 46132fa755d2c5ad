// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The reference and the native library refuse the same calls of sampling with the same status and
 * report: random calls with one to three things wrong, so that the order of the checks shows too.
 */
class SamplingRefusalsTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 200_000 : 6_000;
  private static final long FAR = Long.MAX_VALUE;
  private static final double[] ODD = {
    Double.NaN, -1, Double.POSITIVE_INFINITY, 1e-320, 1e-40, 1e300, 0.6, 1.5, -0.0
  };

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final SplittableRandom random = new SplittableRandom(19);
  private final Map<Integer, Integer> statuses = new TreeMap<>();
  private final Map<Integer, Integer> fields = new TreeMap<>();

  @Test
  void bothRefuseTheSameWithTheSameWords() {
    for (int round = 0; round < ROUNDS; round++) {
      try (Arena arena = Arena.ofConfined()) {
        int classes = 1 + random.nextInt(6);
        RowKind kind = RowKind.values()[random.nextInt(RowKind.values().length)];
        SamplingCase c = new SamplingCase(arena, 1 + random.nextInt(3), classes, kind, random);
        Map<String, MemorySegment> out = new LinkedHashMap<>();
        c.outputs.forEach(
            (name, bytes) -> out.put(name, arena.allocate(bytes + SamplingCase.ROOM, 64)));
        c.inputs.put("workspace", arena.allocate(c.workspaceSize, 8));
        StringBuilder wrong = new StringBuilder();
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
          wrong.append(spoil(c, out)).append("; ");
        }
        compare(arena, c, out, wrong.toString());
      }
    }
    System.out.printf(
        "refusals of sampling: %,d calls, statuses %s, fields %s%n", ROUNDS, statuses, fields);
    assertThat(statuses.keySet())
        .contains(
            Status.OK,
            Status.INVALID_ARGUMENT,
            Status.INVALID_SHAPE,
            Status.INVALID_OPTION,
            Status.INVALID_LABEL,
            Status.OVERLAP,
            Status.UNSUPPORTED);
    assertThat(fields).hasSizeGreaterThan(30);
  }

  @Test
  void bothRefuseTheSameStates() {
    int refused = 0;
    for (int round = 0; round < ROUNDS / 10; round++) {
      try (Arena arena = Arena.ofConfined()) {
        int classes = random.nextInt(3) == 0 ? 1500 : 2 + random.nextInt(9);
        RowKind kind = RowKind.values()[random.nextInt(RowKind.values().length)];
        SamplingCase c = new SamplingCase(arena, 1 + random.nextInt(2), classes, kind, random);
        c.fitForShards();
        long cut = 1 + random.nextInt(classes - 1);
        Map<String, MemorySegment> out = new LinkedHashMap<>();
        c.outputs.forEach((name, bytes) -> out.put(name, arena.allocate(bytes, 64)));
        long half = Records.SAMPLE_STATE * c.rows;
        for (int before = 1 + random.nextInt(3); before > 0; before--) {
          MemorySegment both = arena.allocate(2 * half, 8);
          c.states = both.asSlice(0, half);
          c.callShard(reference, 0, cut, out, KernelCall.report(arena));
          c.states = both.asSlice(half);
          c.callShard(reference, cut, classes - cut, out, KernelCall.report(arena));
          c.gathered = both;
          c.shards = 2;
        }
        c.states = arena.allocate(half, 8);
        // The numbers of a state, or what it lists behind them.
        long of = random.nextBoolean() ? 108 : Records.SAMPLE_STATE;
        long at = random.nextInt(2 * c.rows) * Records.SAMPLE_STATE + 4 * random.nextLong(of / 4);
        int bit = 1 << random.nextInt(32);
        c.gathered.set(ValueLayout.JAVA_INT, at, c.gathered.get(ValueLayout.JAVA_INT, at) ^ bit);
        MemorySegment expected = KernelCall.report(arena);
        MemorySegment got = KernelCall.report(arena);
        Map<String, MemorySegment> nativeOut = copies(arena, out);
        MemorySegment states = c.states;
        int status = c.callShard(reference, cut, classes - cut, out, expected);
        c.states = arena.allocate(half, 8);
        int nativeStatus = c.callShard(nativeKernels, cut, classes - cut, nativeOut, got);
        out.put("states", states);
        nativeOut.put("states", c.states);
        refused += status == Status.OK ? 0 : 1;
        assertThat(text(nativeStatus, got))
            .as("%s, split at %d: byte %d, bit %x", c, cut, at, bit)
            .isEqualTo(text(status, expected));
        out.forEach(
            (name, bits) ->
                assertThat(bits.mismatch(nativeOut.get(name)))
                    .as("%s of %s, split at %d: byte %d, bit %x", name, c, cut, at, bit)
                    .isEqualTo(-1));
      }
    }
    System.out.printf("states of sampling: %,d changed, %,d refused%n", ROUNDS / 10, refused);
    assertThat(refused).isGreaterThan(ROUNDS / 20);
  }

  private static Map<String, MemorySegment> copies(Arena arena, Map<String, MemorySegment> out) {
    Map<String, MemorySegment> copies = new LinkedHashMap<>();
    out.forEach(
        (name, bits) -> copies.put(name, arena.allocate(bits.byteSize(), 64).copyFrom(bits)));
    return copies;
  }

  private void compare(Arena arena, SamplingCase c, Map<String, MemorySegment> out, String wrong) {
    MemorySegment expected = KernelCall.report(arena);
    MemorySegment got = KernelCall.report(arena);
    int status = c.call(reference, out, expected);
    int nativeStatus = c.call(nativeKernels, out, got);
    xent_report.schedule(got, 0); // the reference has no names for its ways
    statuses.merge(status, 1, Integer::sum);
    fields.merge(xent_report.field(expected), 1, Integer::sum);
    assertThat(text(nativeStatus, got))
        .as("%d rows of %d: %s", c.rows, c.classes, wrong)
        .isEqualTo(text(status, expected));
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

  // ---- what is wrong ---------------------------------------------------------------------------

  private String spoil(SamplingCase c, Map<String, MemorySegment> out) {
    return switch (random.nextInt(10)) {
      case 9 -> spoilShard(c, out);
      case 0, 1 -> spoilLayout(c.shape);
      case 2 -> spoilOption(c.options);
      case 3, 4 -> spoilSampling(c);
      case 5 -> spoilSize(c);
      case 6 -> spoilRange(c);
      case 7 -> spoilArray(c, out);
      default -> spoilTokens(c);
    };
  }

  private String spoilLayout(MemorySegment s) {
    MemorySegment[] layouts = {
      ShapeStruct.layout(s, Array.LOGITS),
      ShapeStruct.layout(s, Array.CLASS_MASK),
      ShapeStruct.layout(s, Array.BIAS),
      ShapeStruct.layout(s, Array.PROMPT_TOKENS),
      ShapeStruct.layout(s, Array.OUTPUT_TOKENS),
      ShapeStruct.layout(s, Array.TOKENS),
      ShapeStruct.layout(s, Array.PROCESSED_LOG_PROBABILITIES),
      ShapeStruct.layout(s, Array.KEPT),
      ShapeStruct.layout(s, Array.KEPT_MASK),
      ShapeStruct.layout(s, Array.LOG_PROBABILITIES),
      ShapeStruct.layout(s, Array.RANKS),
      ShapeStruct.layout(s, Array.ENTROPIES),
      ShapeStruct.layout(s, Array.TOP_CLASSES),
      ShapeStruct.layout(s, Array.TOP_LOG_PROBABILITIES)
    };
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

  private String spoilOption(MemorySegment o) {
    double odd = ODD[random.nextInt(ODD.length)];
    int which = random.nextInt(10);
    switch (which) {
      case 0 -> xent_options.isa(o, 99);
      case 1 -> xent_options.fully_masked(o, 1);
      case 2 -> xent_options.has_ignore_index(o, 1);
      case 3 -> xent_options.has_gradient_scale(o, 1);
      case 4 -> xent_options.label_smoothing(o, odd);
      case 5 -> xent_options.smoothing(o, 1);
      case 6 -> xent_options.temperature(o, 2);
      case 7 -> xent_options.softcap(o, odd);
      case 8 -> xent_options.z_loss(o, odd);
      default -> xent_options.probability_clamp(o, odd);
    }
    return "option " + which + " " + odd;
  }

  private String spoilSampling(SamplingCase c) {
    if (c.sampling == NULL || c.sampling.address() % 8 != 0) {
      return "sampling once more";
    }
    MemorySegment s = xent_sampling.asSlice(c.sampling, random.nextInt(c.rows));
    double odd = ODD[random.nextInt(ODD.length)];
    int flag = random.nextInt(8) - 1;
    int which = random.nextInt(17);
    switch (which) {
      case 0 -> xent_sampling.rules(s, flag);
      case 1 -> xent_sampling.ties(s, flag);
      case 2 -> xent_sampling.greedy(s, flag);
      case 3 -> xent_sampling.reserved(s, flag);
      case 4 -> xent_sampling.min_keep(s, flag);
      case 5 -> xent_sampling.top_k(s, flag);
      case 6 -> xent_sampling.top_p(s, odd);
      case 7 -> xent_sampling.min_p(s, odd);
      case 8 -> xent_sampling.typical_p(s, odd);
      case 9 -> xent_sampling.temperature(s, odd);
      case 10 -> xent_sampling.repetition_penalty(s, odd);
      case 11 -> xent_sampling.frequency_penalty(s, odd);
      case 12 -> xent_sampling.presence_penalty(s, odd);
      case 13 -> c.perRow = random.nextInt(4) - 1;
      case 14 -> c.sampling = NULL;
      case 15 -> c.sampling = c.sampling.asSlice(4);
      default -> xent_sampling.size(s, new long[] {0, 8, 120, 121, 4104, -1}[random.nextInt(6)]);
    }
    return "sampling " + which + " " + odd + " " + flag;
  }

  private String spoilSize(SamplingCase c) {
    MemorySegment s = c.shape;
    int which = random.nextInt(6);
    switch (which) {
      case 0 -> ShapeStruct.classes(s, random.nextBoolean() ? 0 : 1L << 31);
      case 1 -> ShapeStruct.outer(s, random.nextBoolean() ? -1 : 0);
      case 2 -> ShapeStruct.topCount(s, random.nextInt(9) - 1);
      case 3 -> ShapeStruct.promptCount(s, random.nextInt(2) - 1);
      case 4 -> ShapeStruct.outputCount(s, random.nextInt(2) - 1);
      default -> ShapeStruct.allClasses(s, 8192);
    }
    return "size " + which;
  }

  private String spoilRange(SamplingCase c) {
    switch (random.nextInt(4)) {
      case 0 -> c.rowBegin = -1;
      case 1 -> c.rowBegin = c.rowEnd + 1;
      case 2 -> c.rowEnd += 1;
      default -> c.rowEnd = c.rowBegin;
    }
    return "range";
  }

  private String spoilArray(SamplingCase c, Map<String, MemorySegment> out) {
    Map<String, MemorySegment> side = random.nextBoolean() ? c.inputs : out;
    String[] names = side.keySet().toArray(String[]::new);
    String name = names[random.nextInt(names.length)];
    MemorySegment array = side.get(name);
    switch (random.nextInt(4)) {
      case 0 -> side.put(name, NULL);
      case 1 -> side.put(name, array == NULL ? NULL : array.asSlice(1));
      case 2 -> c.workspaceSize = random.nextInt(40);
      default -> out.put("kept", c.inputs.get("logits"));
    }
    return "array " + name;
  }

  /** A shard, with states or without, of a row of as many classes or others. */
  private String spoilShard(SamplingCase c, Map<String, MemorySegment> out) {
    int which = random.nextInt(7);
    if (which > 0) {
      ShapeStruct.allClasses(c.shape, c.classes + random.nextInt(3));
      c.states = Arena.ofAuto().allocate(Records.SAMPLE_STATE * c.rows + 8, 8);
    }
    switch (which) {
      case 0 -> c.shards = random.nextInt(3) - 1;
      case 1 -> ShapeStruct.firstClass(c.shape, random.nextInt(5) - 1);
      case 2 -> ShapeStruct.allClasses(c.shape, random.nextBoolean() ? -1 : 1L << 31);
      case 3 -> c.states = random.nextBoolean() ? NULL : c.states.asSlice(4);
      case 4 -> c.gathered = c.states.asSlice(random.nextInt(2) * 4);
      case 5 -> {
        c.gathered = Arena.ofAuto().allocate(Records.SAMPLE_STATE * c.rows, 8);
        c.shards = 1;
      }
      default -> {}
    }
    if (random.nextInt(3) > 0) {
      out.keySet().retainAll(Set.of("tokens", "processed", "kept"));
    }
    return "shard " + which;
  }

  private String spoilTokens(SamplingCase c) {
    for (String name : new String[] {"prompt tokens", "output tokens"}) {
      MemorySegment tokens = c.inputs.getOrDefault(name, NULL);
      if (tokens.byteSize() > 0 && random.nextBoolean()) {
        long at = random.nextLong(Math.min(tokens.byteSize(), 8));
        tokens.set(ValueLayout.JAVA_BYTE, at, (byte) (random.nextBoolean() ? -2 : 100));
      }
    }
    return "tokens";
  }
}
