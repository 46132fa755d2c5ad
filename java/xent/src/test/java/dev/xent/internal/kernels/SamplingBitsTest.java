// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import dev.xent.internal.load.Backends;
import dev.xent.internal.load.Codes;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * The Java reference and the library, on every instruction set, sample the same: tokens, kept sets,
 * log-probabilities and the other outputs that a cross-entropy has, too. The calls are random
 * mixtures of everything that a call can have, on rows of every kind.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): a hundred times the cases.
 */
@Execution(ExecutionMode.CONCURRENT)
class SamplingBitsTest {
  private static final int ROUNDS = Boolean.getBoolean("xent.long") ? 100 : 1;
  private static final int[] COUNTS = {
    1, 2, 3, 5, 10, 16, 17, 50, 100, 127, 128, 129, 300, 1000, 1024, 1025, 2000, 4100
  };
  private static final int[] LONG_COUNTS = {8192, 8193, 20000, 32000, 70000, 128_256};

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final TiersInTurn tiers = new TiersInTurn();
  private final SplittableRandom random = new SplittableRandom(2026);
  private final Map<String, String> differences = new LinkedHashMap<>();
  private long rows;
  private long sampled;

  @Test
  void referenceAndEveryTierGiveTheSameBits() {
    for (int round = 0; round < ROUNDS; round++) {
      for (int classes : COUNTS) {
        for (RowKind kind : RowKind.values()) {
          for (int i = 0; i < 3; i++) {
            compare(1 + random.nextInt(4), classes, kind);
          }
        }
      }
      for (int classes : LONG_COUNTS) {
        for (int i = 0; i < 8; i++) {
          compare(
              1 + random.nextInt(2),
              classes,
              RowKind.values()[random.nextInt(RowKind.values().length)]);
        }
      }
    }
    System.out.printf(
        "sampling: reference = %s: %,d rows, %,d with a token, %d results differ%n",
        XentRuntime.get().availableIsas(), rows, sampled, differences.size());
    assertThat(differences).isEmpty();
    assertThat(sampled).isGreaterThan(rows / 2);
  }

  private void compare(int count, int classes, RowKind kind) {
    try (Arena arena = Arena.ofConfined()) {
      SamplingCase c = new SamplingCase(arena, count, classes, kind, random);
      long cut = random.nextInt(count + 1);
      Map<String, MemorySegment> expected = c.run(reference, 0, cut);
      rows += count;
      sampled += expected.get("valid_rows").get(java.lang.foreign.ValueLayout.JAVA_LONG, 0);
      for (Isa isa : tiers.next()) {
        Map<String, MemorySegment> got = c.run(nativeKernels, Codes.of(isa), cut);
        expected.forEach(
            (name, bits) -> {
              long at = bits.mismatch(got.get(name));
              if (at >= 0) {
                differences.putIfAbsent(name + " " + isa, c + ", byte " + at);
              }
            });
      }
    }
  }
}
