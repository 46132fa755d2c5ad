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
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * The Java reference and the library, on every instruction set, compute the same bits: results,
 * states, statistics, reports and sums. The cases have every class count from 1 to 300 and around
 * every boundary, rows of every kind, every axis, in place, in parts, labels of every type,
 * probability rows, smoothing and ignored rows. A class count takes every fourth kind of rows, and
 * cases take {@link TiersInTurn}; {@code -Dxent.long=true} (profile {@code long}): all kinds of
 * rows on all instruction sets.
 */
@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class BitsTest {
  private static final boolean LONG = Boolean.getBoolean("xent.long");
  private static final int[] BOUNDARIES = {
    383, 384, 385, 511, 512, 513, 640, 1000, 1023, 1024, 1025, 1151, 1152, 1153, 2000, 4096, 8191,
    8192, 8193, 9216, 9217, 16383, 16384, 16385, 20000, 32000, 65537, 128256, 256000
  };
  private static final int SMALL = 300;
  private static final int LARGE = 40000;

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final TiersInTurn tiers = new TiersInTurn();
  private long compared;
  private long differing;
  private final StringBuilder differences = new StringBuilder();

  @Test
  void referenceAndEveryTierGiveTheSameBits() {
    SplittableRandom random = new SplittableRandom(20260101);
    int[] counts =
        IntStream.concat(IntStream.rangeClosed(1, SMALL), IntStream.of(BOUNDARIES)).toArray();
    for (int i = 0; i < counts.length; i++) {
      int classes = counts[i];
      for (RowKind kind : RowKind.values()) {
        if (classes > LARGE && kind.ordinal() % 3 != 0 && kind != RowKind.HUGE_OFFSET) {
          continue;
        }
        if (!LONG && classes <= LARGE && (i + kind.ordinal()) % 4 != 0) {
          continue;
        }
        int rows = classes > LARGE ? 1 : 1 + random.nextInt(4);
        compare(rows, classes, kind, random.nextInt(4), random);
      }
    }
    System.out.printf(
        "reference = %s: %,d values compared, %d differ%n",
        XentRuntime.get().availableIsas(), compared, differing);
    assertThat(differences).isEmpty();
    assertThat(differing).isZero();
    assertThat(compared).isGreaterThan(50_000_000);
  }

  private void compare(int rows, int classes, RowKind kind, int layout, SplittableRandom random) {
    try (Arena arena = Arena.ofConfined()) {
      BitsCase c = new BitsCase(arena, rows, classes, kind, layout, random);
      long cut = random.nextLong(c.chunks()) * 8192;
      Map<String, MemorySegment> expected = new BitsRun(arena, reference, 0, c, cut).everything();
      for (Isa isa : tiers.next()) {
        Map<String, MemorySegment> got =
            new BitsRun(arena, nativeKernels, Codes.of(isa), c, cut).everything();
        assertThat(got.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, bits) -> compare(c + " " + isa + " " + name, bits, got.get(name)));
      }
    }
  }

  private void compare(String what, MemorySegment expected, MemorySegment got) {
    compared += expected.byteSize() / Float.BYTES;
    if (expected.mismatch(got) < 0) {
      return;
    }
    for (long i = 0; i < expected.byteSize() / Integer.BYTES; i++) {
      int a = expected.getAtIndex(ValueLayout.JAVA_INT, i);
      int b = got.getAtIndex(ValueLayout.JAVA_INT, i);
      if (a != b && differing++ < 20) {
        differences.append("%s, word %d: %08x instead of %08x%n".formatted(what, i, b, a));
      }
    }
  }
}
