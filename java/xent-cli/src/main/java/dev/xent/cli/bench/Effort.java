// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

/**
 * How long to measure.
 *
 * @param time nanoseconds of timed calls, for each tier and for memory
 * @param samples how many there are at least, of slow calls too
 * @param warmUp nanoseconds after which warming up for one shape ends in any case, where no call
 *     takes longer
 * @param patience nanoseconds after which warming up for all shapes ends in any case
 */
record Effort(long time, int samples, long warmUp, long patience) {
  private static final long MILLISECOND = 1_000_000;

  static final Effort QUICK =
      new Effort(12 * MILLISECOND, 2, 1000 * MILLISECOND, 10_000 * MILLISECOND);
  static final Effort FULL =
      new Effort(120 * MILLISECOND, 3, 3000 * MILLISECOND, 20_000 * MILLISECOND);
}
