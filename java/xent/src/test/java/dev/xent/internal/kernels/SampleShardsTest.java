// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.load.Backends;
import dev.xent.internal.load.Codes;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Rows that are sampled in shards, of any classes, have the results of whole rows. In each round
 * each shard is computed by the reference and by the library, on one of its instruction sets. Both
 * write the same states, byte for byte.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): a hundred times the cases.
 */
class SampleShardsTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 100 : 1;
  private static final int MOST_ROUNDS = 14;
  private static final int[] COUNTS = {1, 2, 3, 10, 17, 100, 513, 600, 1025, 2000, 4100, 9000};

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final List<Isa> isas = XentRuntime.get().availableIsas();
  private final SplittableRandom random = new SplittableRandom(29);
  private final Map<String, String> differences = new LinkedHashMap<>();
  private final int[] seen = new int[MOST_ROUNDS + 1];

  @Test
  void shardsGiveWhatWholeRowsGive() {
    for (int round = 0; round < ROUNDS; round++) {
      for (int classes : COUNTS) {
        for (RowKind kind : RowKind.values()) {
          try (Arena arena = Arena.ofConfined()) {
            compare(arena, new SamplingCase(arena, 1 + random.nextInt(4), classes, kind, random));
          }
        }
      }
    }
    System.out.printf("sampling in shards: rounds of states %s%n", Arrays.toString(seen));
    assertThat(differences).isEmpty();
    assertThat(Arrays.stream(seen).filter(n -> n > 0).count()).isGreaterThan(4);
  }

  private void compare(Arena arena, SamplingCase c) {
    c.fitForShards();
    Map<String, MemorySegment> expected = c.run(reference, 0, c.rows);
    int shards = 1 + random.nextInt(Math.min(c.classes, 9));
    long[] ends =
        random
            .longs(1, c.classes + 1L)
            .filter(end -> end < c.classes)
            .distinct()
            .limit(shards - 1)
            .sorted()
            .toArray();
    long bytes = c.rows * Records.SAMPLE_STATE;
    MemorySegment gathered = arena.allocate(bytes * shards, 8);
    MemorySegment written = arena.allocate(bytes * shards, 8);
    MemorySegment again = arena.allocate(bytes, 8);
    boolean done = false;
    for (int round = 0; round < MOST_ROUNDS + 1 && !done; round++) {
      c.gathered = round == 0 ? NULL : gathered;
      c.shards = round == 0 ? 0 : shards;
      for (int i = 0; i < shards; i++) {
        long first = i == 0 ? 0 : ends[i - 1];
        long size = (i == shards - 1 ? c.classes : ends[i]) - first;
        Map<String, MemorySegment> out = new LinkedHashMap<>();
        c.outputs.forEach((name, n) -> out.put(name, arena.allocate(n, 64)));
        MemorySegment report = KernelCall.report(arena);
        c.states = written.asSlice(i * bytes, bytes);
        xent_options.isa(c.options, Codes.of(isas.get(random.nextInt(isas.size()))));
        assertThat(c.callShard(nativeKernels, first, size, out, report)).isEqualTo(Status.OK);
        check(c, expected, out, report, "native");
        done = xent_report.unfinished(report) == 0;
        MemorySegment told = c.states;
        c.states = again;
        xent_options.isa(c.options, 0);
        assertThat(c.callShard(reference, first, size, out, report)).isEqualTo(Status.OK);
        check(c, expected, out, report, "reference");
        if (told.mismatch(again) >= 0) {
          differences.putIfAbsent("states", c + ", byte " + told.mismatch(again));
        }
      }
      seen[round] += done ? 1 : 0;
      int turn = random.nextInt(shards);
      for (int i = 0; i < shards; i++) {
        MemorySegment.copy(written, i * bytes, gathered, (i + turn) % shards * bytes, bytes);
      }
    }
    c.states = NULL;
    if (!done) {
      differences.putIfAbsent("no end", c.toString());
    }
  }

  private void check(
      SamplingCase c,
      Map<String, MemorySegment> expected,
      Map<String, MemorySegment> out,
      MemorySegment report,
      String by) {
    if (xent_report.unfinished(report) > 0) {
      return;
    }
    out.forEach(
        (name, bits) -> {
          if (bits.mismatch(expected.get(name)) >= 0) {
            differences.putIfAbsent(name + " " + by, c.toString());
          }
        });
  }
}
