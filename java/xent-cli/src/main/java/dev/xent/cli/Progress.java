// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A progress bar on standard error for work that takes longer than a second. It appears only on a
 * terminal, and erases itself at the end.
 */
public final class Progress implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final long INTERVAL = 100;

  /** The length of a line, which fits on narrow terminals. */
  static final int LENGTH = 63;

  private static final int TRACK = 20;
  private static final String MARK = "=====";
  private static final double SECONDS = 1e-9;

  private final String task;
  private final long total;
  private final long start = System.nanoTime();
  private final AtomicLong done = new AtomicLong();
  private final CountDownLatch end = new CountDownLatch(1);
  private final Thread thread;

  private Progress(String task, long total, Duration patience) {
    this.task = task;
    this.total = total;
    this.thread = Thread.ofPlatform().daemon().name("xent-progress").start(() -> show(patience));
  }

  /** Runs work with unknown progress; the bar moves and shows the elapsed time. */
  public static void during(String task, Runnable work) {
    Progress progress = new Progress(task, 0, PATIENCE);
    try (progress) {
      work.run();
    }
  }

  /** Starts a bar for work with a known number of steps; call {@link #step} for each. */
  public static Progress of(String task, long total) {
    return new Progress(task, total, PATIENCE);
  }

  /** Starts a bar for work with a known number of steps, without waiting for a second. */
  public static Progress atOnce(String task, long total) {
    return new Progress(task, total, Duration.ZERO);
  }

  /** Records that one more step is done. */
  public void step() {
    done.incrementAndGet();
  }

  private void show(Duration patience) {
    try {
      // Short work does not ask, because the first question takes a tenth of a second.
      if (end.await(patience.toMillis(), TimeUnit.MILLISECONDS) || !Terminal.isStandardError()) {
        return;
      }
      int tick = 0;
      do {
        double seconds = (System.nanoTime() - start) * SECONDS;
        System.err.print('\r' + line(task, done.get(), total, seconds, tick++));
        System.err.flush();
      } while (!end.await(INTERVAL, TimeUnit.MILLISECONDS));
      System.err.print('\r' + " ".repeat(LENGTH) + '\r');
      System.err.flush();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** {@code measuring [======== ] 42%, 3 s}; without a total, a mark moves back and forth. */
  static String line(String task, long done, long total, double seconds, int tick) {
    String bar;
    String share = "";
    if (total == 0) {
      int room = TRACK - MARK.length();
      int phase = tick % (2 * room);
      bar = " ".repeat(Math.min(phase, 2 * room - phase)) + MARK;
    } else {
      bar = "=".repeat((int) (TRACK * done / total));
      share = message("%3d%%, ", 100 * done / total);
    }
    String line = message("%.26s [%-" + TRACK + "s] %s%.0f s", task, bar, share, seconds);
    return message("%-" + LENGTH + "s", line);
  }

  @Override
  public void close() {
    end.countDown();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
