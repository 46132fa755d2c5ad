// SPDX-License-Identifier: Apache-2.0
package dev.xent.support;

import java.util.Arrays;
import java.util.Locale;

/** Calls that take turns, so that all of them see the same machine. */
public final class Turns {
  private static final int RUNS = 101;
  private static final int TURNS = 21;
  private static final int WARM_UP = 10;
  private static final long TURN_NANOS = 40_000_000;

  /** A call, which may throw anything. */
  public interface Call {
    /** Makes it. */
    void run() throws Exception;
  }

  private Turns() {}

  /** Prints how long two ways to compute the same take, per element: medians of turns of 40 ms. */
  public static void compare(String what, String peer, long elements, Call theirs, Call ours)
      throws Exception {
    double[][] nanos = new double[2][TURNS];
    for (int turn = -WARM_UP; turn < TURNS; turn++) {
      double their = turn(theirs);
      double our = turn(ours);
      if (turn >= 0) {
        nanos[0][turn] = their / elements;
        nanos[1][turn] = our / elements;
      }
    }
    double their = median(nanos[0]);
    double our = median(nanos[1]);
    System.out.printf(
        Locale.ROOT,
        "%s: %s %.3f, Xent %.3f ns per element: %.1f times as fast%n",
        what,
        peer,
        their,
        our,
        their / our);
  }

  /** Returns the nanoseconds per call of each way: medians of 101 runs of {@code calls} calls. */
  public static double[] medians(int calls, Call... ways) throws Exception {
    double[][] times = new double[ways.length][RUNS];
    for (int run = -RUNS / 2; run < RUNS; run++) {
      for (int w = 0; w < ways.length; w++) {
        repeat(ways[w], calls); // the units of wide vectors wake up, the caches hold what they can
        long start = System.nanoTime();
        repeat(ways[w], calls);
        if (run >= 0) {
          times[w][run] = (double) (System.nanoTime() - start) / calls;
        }
      }
    }
    return Arrays.stream(times).mapToDouble(Turns::median).toArray();
  }

  /** Nanoseconds of a call. */
  private static double turn(Call call) throws Exception {
    long calls = 0;
    long begin = System.nanoTime();
    long spent;
    do {
      call.run();
      calls++;
      spent = System.nanoTime() - begin;
    } while (spent < TURN_NANOS);
    return (double) spent / calls;
  }

  private static void repeat(Call call, int times) throws Exception {
    for (int i = 0; i < times; i++) {
      call.run();
    }
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }
}
