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
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The Java reference and the library, on every instruction set, compute the same bits in calls that
 * are not plain: random mixtures of every type, layout, target, weight, mask, length, sink, option
 * and result, on rows of every kind, in place and in parts.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): forty times the cases.
 */
@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class GeneralBitsTest {
  private static final boolean LONG = Boolean.getBoolean("xent.long");
  private static final int ROUNDS = LONG ? 10 : 1;
  private static final int[] COUNTS = {
    1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 64, 100, 127, 128, 129, 200, 256, 257, 500, 1000, 1023, 1024,
    1025, 1153, 2000, 4100
  };
  private static final int[] LONG_COUNTS = {8191, 8192, 8193, 9217, 16384, 16385, 20000, 33000};

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final TiersInTurn tiers = new TiersInTurn();
  private long compared;
  private long differing;

  /** The first difference of each result. */
  private final Map<String, String> differences = new LinkedHashMap<>();

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void referenceAndEveryTierGiveTheSameBits(boolean wide) {
    SplittableRandom random = new SplittableRandom(wide ? 64 : 32);
    for (int round = 0; round < ROUNDS; round++) {
      for (int classes : COUNTS) {
        for (RowKind kind : RowKind.values()) {
          if (LONG || random.nextInt(4) == 0) {
            compare(wide, 1 + random.nextInt(4), classes, kind, random);
          }
        }
      }
      for (int classes : LONG_COUNTS) {
        for (int i = 0; i < (LONG ? 12 : 3); i++) {
          RowKind kind = RowKind.values()[random.nextInt(RowKind.values().length)];
          compare(wide, 1 + random.nextInt(2), classes, kind, random);
        }
      }
    }
    System.out.printf(
        "%s arithmetic, general calls: reference = %s: %,d values compared, %d differ%n",
        wide ? "float64" : "float32", XentRuntime.get().availableIsas(), compared, differing);
    assertThat(differences).isEmpty();
    assertThat(differing).isZero();
    assertThat(compared).isGreaterThan(5_000_000);
  }

  private void compare(boolean wide, int rows, int classes, RowKind kind, SplittableRandom random) {
    try (Arena arena = Arena.ofConfined()) {
      boolean divisible = classes > 8192 && random.nextInt(4) != 0;
      GeneralCase c = new GeneralCase(arena, wide, rows, classes, kind, divisible, random);
      long cut = random.nextLong(c.chunks()) * 8192;
      Map<String, MemorySegment> expected =
          new GeneralRun(arena, reference, 0, c, cut).everything();
      for (Isa isa : tiers.next()) {
        Map<String, MemorySegment> got =
            new GeneralRun(arena, nativeKernels, Codes.of(isa), c, cut).everything();
        assertThat(got.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, bits) -> compare(name, c + " " + isa, bits, got.get(name)));
      }
    }
  }

  private void compare(String name, String what, MemorySegment expected, MemorySegment got) {
    compared += expected.byteSize() / Float.BYTES;
    long first = expected.mismatch(got);
    if (first < 0) {
      return;
    }
    differing++;
    long at = first & ~1;
    differences.computeIfAbsent(
        name,
        unseen ->
            "%s, byte %d of %d: %04x instead of %04x%n"
                .formatted(
                    what,
                    at,
                    expected.byteSize(),
                    got.get(ValueLayout.JAVA_SHORT_UNALIGNED, at),
                    expected.get(ValueLayout.JAVA_SHORT_UNALIGNED, at)));
  }
}
