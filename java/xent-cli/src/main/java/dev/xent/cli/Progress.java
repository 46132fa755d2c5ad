// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * A progress bar on standard error for work that takes longer than a second. It appears only on a
 * terminal, and erases itself at the end.
 */
public final class Progress implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final Duration INTERVAL = Duration.ofMillis(100);

  /** The total of work with unknown progress. */
  static final long UNKNOWN = -1;

  private final String task;
  private final long total;
  private final Duration patience;
  private final AtomicLong done = new AtomicLong();
  private final CountDownLatch end = new CountDownLatch(1);
  private final Thread thread;

  private Progress(String task, long total, Duration patience) {
    this.patience = patience;
    this.task = task;
    this.total = total;
    this.thread = Thread.ofPlatform().daemon().name("xent-progress").unstarted(this::show);
    if (Terminal.isStandardError()) {
      thread.start();
    }
  }

  /** Runs work with unknown progress; the bar moves and shows the elapsed time. */
  public static void during(String task, Runnable work) {
    Progress progress = new Progress(task, UNKNOWN, PATIENCE);
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

  private void show() {
    try {
      if (end.await(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
      // The bar does not close its line if it ends before its first update.
      try (StatusLine line = new StatusLine(System.err, Terminal::columns);
          ProgressBar bar = bar(task, total, line)) {
        do {
          bar.stepTo(done.get());
        } while (!end.await(INTERVAL.toMillis(), TimeUnit.MILLISECONDS));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The bar; without a known number of steps, it moves on its own. */
  static ProgressBar bar(String task, long total, ProgressBarConsumer line) {
    ProgressBarBuilder builder =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(total)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis((int) INTERVAL.toMillis())
            .setConsumer(line);
    if (total == UNKNOWN) {
      builder.setRenderer(new Shuttle(task)).continuousUpdate();
    }
    return builder.build();
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
