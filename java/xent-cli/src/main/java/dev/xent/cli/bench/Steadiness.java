// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Detects other work on a machine during a measurement: a copy of memory must take the same time
 * before and after it, and the same time as its fastest run.
 */
public final class Steadiness {
  private static final long BYTES = 1L << 24;
  private static final int RUNS = 15;
  private static final double MOST = 1.3;
  private static final double NANOSECONDS_PER_MILLISECOND = 1e6;

  private final double[] before;

  private Steadiness(double[] before) {
    this.before = before;
  }

  /** Times the copy before a measurement. */
  public static Steadiness begin() {
    return new Steadiness(copies());
  }

  /** Times the copy after the measurement; returns a warning of a busy machine, or null. */
  public @Nullable String warning() {
    return warning(before, copies());
  }

  /**
   * A warning, or null.
   *
   * @param before milliseconds of each copy before the measurement
   * @param after milliseconds of each copy after it
   */
  static @Nullable String warning(double[] before, double[] after) {
    double best = Math.min(best(before), best(after));
    double first = median(before);
    double last = median(after);
    if (Math.max(first, last) <= MOST * best) {
      return null;
    }
    return message(
        "The machine is busy: a memcpy of 16 MiB took %.1f ms before and %.1f ms after, %.1f ms at"
            + " best.%nThe times above are not reliable; stop other programs and measure again.",
        first, last, best);
  }

  private static double[] copies() {
    double[] milliseconds = new double[RUNS];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(BYTES, Memory.CACHE_LINE).fill((byte) 1);
      MemorySegment to = arena.allocate(BYTES, Memory.CACHE_LINE).fill((byte) 2);
      for (int i = 0; i < RUNS; i++) {
        long start = System.nanoTime();
        to.copyFrom(from);
        milliseconds[i] = (System.nanoTime() - start) / NANOSECONDS_PER_MILLISECOND;
      }
    }
    return milliseconds;
  }

  private static double best(double[] times) {
    return Arrays.stream(times).min().orElseThrow();
  }

  private static double median(double[] times) {
    double[] sorted = times.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
