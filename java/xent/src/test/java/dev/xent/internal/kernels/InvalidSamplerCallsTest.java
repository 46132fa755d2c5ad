// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

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
 * If tokens hold what they may not, the reference and the native library return the same status and
 * the same report.
 */
class InvalidSamplerCallsTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 200_000 : 6_000;

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final SplittableRandom random = new SplittableRandom(19);
  private final Map<Integer, Integer> statuses = new TreeMap<>();

  @Test
  void bothRefuseTheSameTokens() {
    for (int round = 0; round < ROUNDS; round++) {
      try (Arena arena = Arena.ofConfined()) {
        SamplingCase c = withWorkspace(arena);
        spoil(c);
        compare(arena, c, outputs(arena, c));
      }
    }
    System.out.printf("refusals of tokens: %,d calls, statuses %s%n", ROUNDS, statuses);
    assertThat(statuses.keySet()).containsExactlyInAnyOrder(Status.OK, Status.INVALID_LABEL);
  }

  @Test
  void bothRefuseTheSameCounts() {
    for (int round = 0; round < ROUNDS / 10; round++) {
      try (Arena arena = Arena.ofConfined()) {
        SamplingCase c = withWorkspace(arena);
        Map<String, MemorySegment> out = outputs(arena, c);
        int prompt = c.promptCount;
        int output = c.outputCount;
        int before = random.nextInt(output + 1);
        c.counts(prompt, before, 0);
        compare(arena, c, out);
        // The workspace has these tokens now, which the call may say if it has one row.
        c.counts(prompt, output, 1);
        compare(arena, c, out);
        for (long wrong : new long[] {-1, 2}) {
          c.counts(prompt, output, wrong);
          compare(arena, c, out);
        }
        c.takeOneTokenOften();
        long tooMany = 1L << 31;
        c.counts(tooMany, output, 0);
        compare(arena, c, out);
        c.counts(prompt, tooMany, 0);
        compare(arena, c, out);
        c.counts(prompt, output, 0);
        c.shape.targetCount = tooMany;
        compare(arena, c, out);
      }
    }
    System.out.printf("counts of tokens: %,d calls, statuses %s%n", 7 * (ROUNDS / 10), statuses);
    assertThat(statuses.keySet())
        .containsExactlyInAnyOrder(Status.OK, Status.INVALID_ARGUMENT, Status.INVALID_SHAPE);
  }

  private SamplingCase withWorkspace(Arena arena) {
    int classes = 1 + random.nextInt(6);
    RowKind kind = RowKind.values()[random.nextInt(RowKind.values().length)];
    SamplingCase c = new SamplingCase(arena, 1 + random.nextInt(3), classes, kind, random);
    c.inputs.put("workspace", arena.allocate(c.workspaceSize, 8));
    return c;
  }

  private static Map<String, MemorySegment> outputs(Arena arena, SamplingCase c) {
    Map<String, MemorySegment> out = new LinkedHashMap<>();
    c.outputs.forEach(
        (name, bytes) -> out.put(name, arena.allocate(bytes + SamplingCase.ROOM, 64)));
    return out;
  }

  private static Map<String, MemorySegment> copies(Arena arena, Map<String, MemorySegment> out) {
    Map<String, MemorySegment> copies = new LinkedHashMap<>();
    out.forEach(
        (name, bits) -> copies.put(name, arena.allocate(bits.byteSize(), 64).copyFrom(bits)));
    return copies;
  }

  private void compare(Arena arena, SamplingCase c, Map<String, MemorySegment> out) {
    MemorySegment expected = KernelCall.report(arena);
    MemorySegment got = KernelCall.report(arena);
    int status = c.call(reference, out, expected);
    int nativeStatus = c.call(nativeKernels, out, got);
    xent_report.path(got, 0); // the reference has no names for its ways
    statuses.merge(status, 1, Integer::sum);
    assertThat(text(nativeStatus, got))
        .as("%d rows of %d", c.rows, c.classes)
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

  private void spoil(SamplingCase c) {
    for (String name : new String[] {"prompt tokens", "output tokens"}) {
      MemorySegment tokens = c.inputs.getOrDefault(name, NULL);
      if (tokens.byteSize() > 0 && random.nextBoolean()) {
        long at = random.nextLong(Math.min(tokens.byteSize(), 8));
        tokens.set(
            ValueLayout.JAVA_BYTE,
            at,
            (byte) (random.nextBoolean() ? -2 : random.nextBoolean() ? 100 : c.classes));
      }
    }
  }
}
