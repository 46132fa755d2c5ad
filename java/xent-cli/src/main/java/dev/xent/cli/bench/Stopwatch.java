// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * Times works in turns: a round takes one sample of each, so that other work on the machine affects
 * all of them.
 *
 * <p>Each work is first repeated until it gets no faster and the JIT compiles nothing. A sample
 * lasts about half a millisecond and has at least one call. An untimed call before it brings the
 * caches into the state of repeated calls. If the JIT compiles during the rounds, the rounds start
 * again.
 */
final class Stopwatch {
  private static final long SAMPLE = 500_000;
  private static final long WINDOW = 1_000_000;

  /** The minimum number of samples, for slow calls too, because other work may disturb one. */
  private static final int SAMPLES = 9;

  /**
   * The nanoseconds of a slow call. It touches more memory than any cache holds, or computes so
   * slowly that the caches do not matter. It needs no call before a sample, and few samples.
   */
  private static final long SLOW = 5_000_000;

  private static final double NO_FASTER = 0.97;

  private final Effort effort;
  private double sink;

  Stopwatch(Effort effort) {
    this.effort = effort;
  }

  /** Returns the times of each work, in order. */
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

  /** The lowest median of several ways to do the same work. */
  static double lowest(List<Times> ways) {
    return ways.stream().mapToDouble(Times::median).min().orElseThrow();
  }

  /** Repeats a work until its time is steady; returns nanoseconds per call. */
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
        samples.add(nanoseconds); // it was one call
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
