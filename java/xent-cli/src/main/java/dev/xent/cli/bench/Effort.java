// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

/**
 * The duration of a measurement.
 *
 * @param time nanoseconds of timed calls, for each kernel and for memory
 * @param samples the minimum number of samples, also for slow calls
 * @param warmUp nanoseconds after which warming up for one shape ends, unless a call takes longer
 * @param patience nanoseconds after which warming up for all shapes ends
 */
record Effort(long time, int samples, long warmUp, long patience) {
  private static final long MILLISECOND = 1_000_000;

  static final Effort QUICK =
      new Effort(12 * MILLISECOND, 2, 1000 * MILLISECOND, 10_000 * MILLISECOND);
  static final Effort FULL =
      new Effort(120 * MILLISECOND, 3, 3000 * MILLISECOND, 20_000 * MILLISECOND);
}
