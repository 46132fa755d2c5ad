// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
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

  private final Times before;

  private Steadiness(Times before) {
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
   * @param before milliseconds of the copy before the measurement
   * @param after milliseconds of the copy after it
   */
  static @Nullable String warning(Times before, Times after) {
    double best = Math.min(before.best(), after.best());
    if (Math.max(before.median(), after.median()) <= MOST * best) {
      return null;
    }
    return message(
        "The machine is busy: a memcpy of 16 MiB took %.1f ms before and %.1f ms after, %.1f ms at"
            + " best.%nThe times above are not reliable; stop other programs and measure again.",
        before.median(), after.median(), best);
  }

  private static Times copies() {
    List<Double> milliseconds = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(BYTES, Memory.CACHE_LINE).fill((byte) 1);
      MemorySegment to = arena.allocate(BYTES, Memory.CACHE_LINE).fill((byte) 2);
      for (int i = 0; i < RUNS; i++) {
        long start = System.nanoTime();
        to.copyFrom(from);
        milliseconds.add((System.nanoTime() - start) / NANOSECONDS_PER_MILLISECOND);
      }
    }
    return Times.of(milliseconds);
  }
}
