// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.parallel.Job;
import dev.xent.internal.parallel.Threads;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The threads that work on one call. Every helper has a {@link Call} of its own, which follows the
 * caller's; what it counted is added to the caller's when all are done.
 */
final class Crew implements Job.Crew {
  /**
   * Fewer elements stay with the caller. These take ten microseconds, in which a thread that looks
   * out for work saves one or two; with half of them it costs more than it saves.
   */
  static final long FEW = 1 << 15;

  /**
   * From so many elements on, which take some eighty microseconds, sleeping threads are woken. That
   * costs the caller up to ten microseconds, and the sleeper takes tens more until it runs.
   */
  private static final long MANY = 1 << 18;

  /**
   * Elements of a claim, at least: a claim costs a tenth of a microsecond, these take one or two.
   */
  private static final long LEAST = 1 << 13;

  /** Elements of a claim, at most: some tenths of a millisecond, after which threads look up. */
  private static final long MOST = 1 << 20;

  /** Kernels work on so many rows side by side. */
  private static final long ROWS_SIDE_BY_SIDE = 16;

  private final Call caller;
  private final Job job = new Job(this);
  private final AtomicReference<@Nullable Call> done = new AtomicReference<>();

  // What the current job is about: one of them.
  private @Nullable RowWork rowWork;
  private @Nullable ChunkWork chunkWork;

  Crew(Call caller) {
    this.caller = caller;
  }

  /** Whether the caller of work that costs so many elements is better off alone. */
  static boolean isAlone(Threads threads, long elements) {
    return elements < FEW || threads.most() == 1 || (threads.executor() != null && elements < MANY);
  }

  // ---- for the caller --------------------------------------------------------------------------

  /**
   * Works on all rows of all pieces.
   *
   * @param perRow what a row costs, in elements
   */
  void rows(Threads threads, Kernels kernels, RowWork work, long perRow) {
    rowWork = work;
    long least = Math.max(LEAST / perRow, 1);
    long most = Math.max(MOST / perRow, 1);
    long step = Math.min(ROWS_SIDE_BY_SIDE, least);
    try {
      boolean many = caller.rows >= Math.max(MANY / perRow, 1);
      run(threads, kernels, many, caller.rows, least, most, step);
    } finally {
      rowWork = null;
    }
  }

  /** Works on all chunks of rows of the current piece. */
  void chunks(Threads threads, Kernels kernels, ChunkWork work) {
    chunkWork = work;
    long count = caller.pieceRows * Chunks.of(caller.classes);
    try {
      run(threads, kernels, count * Chunks.SIZE >= MANY, count, 1, MOST / Chunks.SIZE, 1);
    } finally {
      chunkWork = null;
    }
  }

  private void run(
      Threads threads,
      Kernels kernels,
      boolean many,
      long count,
      long least,
      long most,
      long step) {
    int helpers = (int) Math.min(threads.most(), (count + least - 1) / least) - 1;
    caller.share(this);
    job.open(helpers, count, least, most, step);
    try {
      if (helpers > 0) {
        threads.call(job, helpers, many);
      }
      work(caller);
    } finally {
      threads.dismiss(job);
      job.close();
      collect(kernels);
    }
    job.throwFailure();
  }

  /** Takes over what helpers counted. */
  private void collect(Kernels kernels) {
    caller.share(null);
    int threads = 1;
    Call own = done.getAndSet(null);
    while (own != null) {
      if (own.claimed != Call.UNCLAIMED) {
        threads++;
        caller.addCounts(own, kernels);
      }
      Call next = own.nextDone;
      own.nextDone = null;
      own.unfollow();
      own = next;
    }
    caller.workedBy(threads);
  }

  // ---- for everyone ----------------------------------------------------------------------------

  @Override
  public void help() {
    Call own = Calls.take();
    own.follow(caller);
    work(own);
    do {
      own.nextDone = done.get();
    } while (!done.compareAndSet(own.nextDone, own));
  }

  private void work(Call own) {
    long begin = Job.NONE;
    try {
      while ((begin = job.claim()) != Job.NONE) {
        own.claimed = begin;
        long end = job.end(begin);
        if (rowWork != null) {
          own.rows(rowWork, begin, end);
        } else {
          own.chunks(chunkWork, begin, end);
        }
      }
    } catch (RuntimeException | Error e) {
      job.fail(begin, e);
    }
  }

  /** Whether an earlier claim than this one failed. */
  boolean isInVain(long claimed) {
    return job.isInVain(claimed);
  }
}
