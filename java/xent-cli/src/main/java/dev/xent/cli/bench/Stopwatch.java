// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * Times works in turns: a round takes one sample of each, so that a busy moment of the machine
 * meets them all.
 *
 * <p>Each work is first repeated until it gets no faster and the JIT compiles nothing. A sample is
 * as many calls as take about half a millisecond, at least one, after a call that is not timed and
 * brings the caches into the state that repeated calls find. When the JIT compiles something during
 * the rounds, they begin anew.
 */
final class Stopwatch {
  private static final long SAMPLE = 500_000;
  private static final long WINDOW = 1_000_000;

  /** However long each took: one may have met something else that the machine does. */
  private static final int SAMPLES = 9;

  /**
   * Calls that take longer touch more than any cache holds, or compute so slowly that the caches do
   * not matter: they need no call before them, and few samples.
   */
  private static final long SLOW = 5_000_000;

  private static final double NO_FASTER = 0.97;

  private final Effort effort;
  private double sink;

  Stopwatch(Effort effort) {
    this.effort = effort;
  }

  /** The times of each work, in their order. */
  List<Times> time(List<Work> works) {
    List<Entry> entries = works.stream().map(work -> new Entry(work, warmUp(work))).toList();
    long compiled = Jit.milliseconds();
    long patience = System.nanoTime() + effort.warmUp();
    while (anyWantsMore(entries)) {
      entries.stream().filter(Entry::wantsMore).forEach(Entry::sample);
      boolean steady = Jit.milliseconds() == compiled && (anyWantsMore(entries) || !Jit.isBusy());
      if (!steady && System.nanoTime() < patience) {
        entries.forEach(Entry::clear);
        compiled = Jit.milliseconds();
      }
    }
    return entries.stream().map(entry -> Times.of(entry.samples)).toList();
  }

  private static boolean anyWantsMore(List<Entry> entries) {
    return entries.stream().anyMatch(Entry::wantsMore);
  }

  /** The lowest median of several ways to do the same. */
  static double lowest(List<Times> ways) {
    return ways.stream().mapToDouble(Times::median).min().orElseThrow();
  }

  /** Repeats until steady; returns nanoseconds per call. */
  private double warmUp(Work work) {
    long end = System.nanoTime() + effort.warmUp();
    double best = Double.POSITIVE_INFINITY;
    int times = 1;
    while (true) {
      long compiled = Jit.milliseconds();
      long taken = nanoseconds(work, times);
      while (taken < WINDOW && times < Integer.MAX_VALUE / 2) {
        times *= 2;
        taken = nanoseconds(work, times);
      }
      double now = (double) taken / times;
      boolean steady = Jit.milliseconds() == compiled && (now > NO_FASTER * best || taken > SLOW);
      best = Math.min(best, now);
      if (steady || System.nanoTime() > end) {
        return best;
      }
    }
  }

  private long nanoseconds(Work work, int times) {
    long start = System.nanoTime();
    sink += work.repeat(times);
    return System.nanoTime() - start;
  }

  private final class Entry {
    private final Work work;
    private final int times;
    private final boolean slow;
    private final List<Double> samples = new ArrayList<>();
    private long used;

    Entry(Work work, double nanoseconds) {
      this.work = work;
      this.times = Math.clamp(Math.round(SAMPLE / nanoseconds), 1, Integer.MAX_VALUE / 2);
      this.slow = nanoseconds > SLOW;
      if (slow) {
        samples.add(nanoseconds); // which was one call already
      }
    }

    boolean wantsMore() {
      return used < effort.time() || samples.size() < (slow ? effort.samples() : SAMPLES);
    }

    void sample() {
      if (!slow) {
        nanoseconds(work, 1);
      }
      long taken = nanoseconds(work, times);
      used += taken;
      samples.add((double) taken / times);
    }

    void clear() {
      samples.clear();
      used = 0;
    }
  }
}
