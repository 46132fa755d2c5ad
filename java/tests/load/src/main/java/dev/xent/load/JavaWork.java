// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

/**
 * Work in plain Java of a known duration, instead of a call. The collector can stop it at any time.
 */
final class JavaWork {
  /** The units of a calibration, which take about a millisecond or two. */
  private static final long CALIBRATION = 1_000_000;

  private static volatile double sink;

  private JavaWork() {}

  static void run(long units) {
    double value = 1;
    for (long i = 0; i < units; i++) {
      value = Math.fma(value, 0.999, 0.001);
    }
    sink = value;
  }

  /** The units per nanosecond: the best of some rounds. */
  static double unitsPerNanosecond() {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 50; round++) {
      long begin = System.nanoTime();
      run(CALIBRATION);
      best = Math.min(best, System.nanoTime() - begin);
    }
    return (double) CALIBRATION / best;
  }
}
