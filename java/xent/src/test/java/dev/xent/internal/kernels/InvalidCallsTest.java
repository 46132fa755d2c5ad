// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * If offsets, targets, weights or statistics hold what they may not, the reference and the native
 * library return the same status and the same report. Random calls have one to three such numbers,
 * so that the order of the checks shows too. The C tests have what is wrong with other arguments.
 */
class InvalidCallsTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 200_000 : 6_000;
  private static final long FAR = Long.MAX_VALUE;

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
        List<String> right = right(arena, call);
        StringBuilder wrong = new StringBuilder();
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
          wrong.append(spoil(call)).append("; ");
        }
        for (String name : right) {
          KernelCall.Caller function = KernelCall.functions().get(name);
          compare(arena, call, name, function, name + " of " + c + ": " + wrong);
        }
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
            Status.INVALID_LABEL);
  }

  @Test
  void aRowWeightIsReportedBeforeTheLabelOfItsRow() {
    KernelCall.Caller check = KernelCall.functions().get("check");
    int compared = 0;
    for (int round = 0; round < 2_000; round++) {
      try (Arena arena = Arena.ofConfined()) {
        RowKind kind = RowKind.values()[random.nextInt(RowKind.values().length)];
        KernelCall call = lawful(arena, new GeneralCase(arena, false, 1, 4, kind, false, random));
        MemorySegment weights = call.get("row weights");
        if (weights != NULL
            && call.get("targets") != NULL
            && right(arena, call).contains("check")) {
          call.get("targets").fill((byte) 0x7f);
          weights.fill((byte) -1);
          compare(arena, call, "check", check, "both of " + kind);
          compared++;
        }
      }
    }
    assertThat(differences).isEmpty();
    assertThat(statuses.get(Status.INVALID_OPTION)).isPositive().isLessThanOrEqualTo(compared);
  }

  /** The functions that take these arguments, first the one whose statistics others write. */
  private List<String> right(Arena arena, KernelCall call) {
    List<String> right = new ArrayList<>();
    KernelCall.functions()
        .forEach(
            (name, function) -> {
              if (function.call(nativeKernels, call, KernelCall.report(arena)) == Status.OK) {
                right.add(name);
              }
            });
    if (right.remove("backward")) {
      right.addFirst("backward");
    }
    return right;
  }

  private void compare(
      Arena arena, KernelCall call, String name, KernelCall.Caller function, String what) {
    MemorySegment expected = KernelCall.report(arena);
    MemorySegment got = KernelCall.report(arena);
    int status = function.call(reference, call, expected);
    int nativeStatus = function.call(nativeKernels, call, got);
    xent_report.path(got, 0); // the reference has no names for its ways
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

  /** Numbers in targets, weights and offsets that may not be there. */
  private String spoil(KernelCall call) {
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
