// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.JavaStack;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.parallel.Job;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.arrays.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The threads that work on one call. Every helper thread has its own {@link Run}, which follows the
 * caller's. The counts of the helpers are added to the caller's when all have finished.
 */
public final class Team implements Job.Workers {
  /**
   * The minimum number of elements of a claim. They take four microseconds; the start and end of
   * kernels take up to one.
   */
  private static final long LEAST = 1 << 14;

  /**
   * The maximum number of elements of a claim. They take some tenths of a millisecond, after which
   * threads check for failures.
   */
  private static final long MOST = 1 << 20;

  /**
   * An upper bound on the stack frames from {@link #run} or {@link #help} to any kernel, or to
   * their ends.
   */
  private static final int STACK_FRAMES = 200;

  /**
   * A stack that is certainly large enough for these frames and a kernel, in bytes. With less, or
   * where its size is unknown, a recursion measures whether they fit, which takes a microsecond.
   */
  private static final long AMPLE_STACK = 256 << 10;

  /** The number of rows that kernels process side by side. */
  static final long ROWS_SIDE_BY_SIDE = 16;

  private final Run caller;
  private final Job job = new Job(this);
  // The task of the current job: exactly one of these is set.
  private @Nullable RowTask rowTask;
  private @Nullable ChunkTask chunkTask;
  private @Nullable RowTask rangeTask;

  // The counts of the helpers of the current job, read when it is closed.
  private int helpers;
  private int path;
  private long validRows;
  private boolean added;
  private final MemorySegment exactSum = Arena.ofAuto().allocate(xent_exact_sum.layout());

  Team(Run caller) {
    this.caller = caller;
  }

  /** Whether work with a cost of {@code elements} is faster without helper threads. */
  public static boolean isAlone(Threads threads, long elements) {
    return threads.number(elements) == 1;
  }

  // ---- called by the caller of the operation ---------------------------------------------------

  /**
   * Processes all rows of all pieces.
   *
   * @param perRow the cost of a row, in elements
   */
  void rows(RowTask task, long perRow) {
    rowTask = task;
    long least = Math.max(LEAST / perRow, 1);
    long most = Math.max(MOST / perRow, 1);
    long count = caller.call.dimensions.rows;
    long cost = count * perRow;
    long few = Math.max(count / (4L * caller.engine().threads().number(cost)), 1);
    long step = Math.min(ROWS_SIDE_BY_SIDE, Long.highestOneBit(few));
    run(cost, count, least, most, step);
  }

  /** Processes all chunks of rows of the current piece. */
  public void chunks(ChunkTask task) {
    chunkTask = task;
    long count = caller.call.pieces.rows * Chunks.of(caller.call.dimensions.classes);
    run(count * Chunks.SIZE, count, 1, MOST / Chunks.SIZE, 1);
  }

  /**
   * Processes all rows of all pieces.
   *
   * @param cost the cost of all rows, in elements
   * @param claim the number of rows that are claimed together
   */
  public void rowsTogether(RowTask task, long cost, long claim) {
    rowTask = task;
    run(cost, caller.call.dimensions.rows, claim, claim, 1);
  }

  /**
   * Processes ranges of numbers other than rows.
   *
   * @param cost the cost of all numbers, in elements
   * @param count the size of the number range
   * @param claim the number of consecutive numbers that are claimed together
   */
  public void ranges(RowTask task, long cost, long count, long claim) {
    rangeTask = task;
    run(cost, count, claim, claim, claim);
  }

  /** Whether this thread has enough stack for kernels on all ways to them. */
  private static boolean hasStack(Run own) {
    return isAmple(own) || hasStack(STACK_FRAMES, own);
  }

  private static boolean isAmple(Run own) {
    return own.kernels().hasStack(AMPLE_STACK);
  }

  /**
   * Whether a kernel has enough stack {@code frames} frames below this one. The probe has no rows
   * and computes nothing.
   */
  private static boolean hasStack(int frames, Run own) {
    if (frames > 0) {
      return hasStack(frames - 1, own);
    }
    FunctionCall probe =
        own.functionCall.begin(Function.SOFTMAX, own.call.shape, own.call.options, NULL);
    return own.kernels().run(probe.rows(0, 0).classes(0, 0)) != Status.OUT_OF_STACK;
  }

  /**
   * Shares the work out.
   *
   * @param cost the cost of all work, in elements, which limits the number of threads
   */
  private void run(long cost, long count, long least, long most, long step) {
    try {
      // After a helper has written a row, this thread must not fail before it has joined the
      // helpers.
      if (!hasStack(caller)) {
        throw Failures.outOfStack();
      }
      Threads threads = caller.engine().threads();
      int useful = (int) Math.min(threads.number(cost), (count - 1) / least + 1) - 1;
      helpers = 0;
      path = 0;
      validRows = 0;
      added = false;
      // Helpers use confined memory by its address alone, so no foreign code may close it while
      // they work. The call has asked owners and log handlers before it looked whether its memory
      // is open. An executor would run foreign code on this thread after helpers have started, so
      // it gets no confined memory.
      boolean lent = Memory.canBeLentToHelpers() && !threads.runsForeignCode();
      int wanted = !lent && useful > 0 && caller.isConfined() ? 0 : useful;
      caller.team = this;
      caller.claimed = Run.UNCLAIMED;
      job.divide(count, least, most, step);
      try {
        threads.open(job, wanted);
        runClaims(caller, 0);
      } finally {
        threads.close(job);
        collect();
      }
      job.throwFailure();
    } finally {
      rowTask = null;
      chunkTask = null;
      rangeTask = null;
    }
  }

  /** Adds the counts of the helpers to the caller's. */
  private void collect() {
    if (caller.claimed == Run.UNCLAIMED) { // helpers did all the work
      xent_report.path(caller.report, path);
    }
    caller.team = null;
    caller.claimed = Run.UNCLAIMED;
    caller.threads = Math.max(caller.threads, 1 + helpers);
    caller.validRows += validRows;
    if (added) {
      Failures.check(caller.kernels().exactSumMerge(caller.exactSum(), exactSum), caller);
    }
  }

  // ---- called by all threads -------------------------------------------------------------------

  /**
   * Works on the current job. A thread with too little stack claims nothing; the other threads do
   * the work.
   */
  @Override
  public void help(int first) {
    if (hasStackOfJava()) {
      helpWithStack(first);
    }
  }

  private boolean hasStackOfJava() {
    try {
      if (!isAmple(caller)) {
        JavaStack.require(STACK_FRAMES);
      }
      return true;
    } catch (StackOverflowError e) {
      return false;
    }
  }

  private void helpWithStack(int first) {
    Run known = caller.site.helpers.poll();
    Run own = known == null ? new Run(caller.site) : known;
    boolean usable = true;
    try {
      own.follow(caller);
      if (hasStack(own)) {
        usable = runClaims(own, first);
      }
    } catch (Error e) {
      usable = false;
      throw e;
    } finally {
      own.end();
    }
    if (usable) {
      caller.site.helpers.add(own);
    }
  }

  /** Returns whether no Error ended the work, so that the run can be used again. */
  private boolean runClaims(Run own, int share) {
    long begin = Job.NONE;
    try {
      while ((begin = job.claim(share)) != Job.NONE) {
        own.claimed = begin;
        long end = job.end(begin);
        if (rowTask != null) {
          own.rows(rowTask, begin, end);
        } else if (rangeTask != null) {
          rangeTask.run(own, begin, end);
        } else {
          own.chunks(chunkTask, begin, end);
        }
      }
      if (own != caller && own.claimed != Run.UNCLAIMED) {
        add(own);
      }
      return true;
    } catch (RuntimeException e) {
      job.fail(begin, e);
      return true;
    } catch (Error e) {
      job.fail(begin, e);
      return false;
    }
  }

  private synchronized void add(Run own) {
    helpers++;
    path = xent_report.path(own.report);
    validRows += own.validRows;
    MemorySegment theirs = own.exactSum();
    if (theirs.byteSize() == 0) {
      return;
    }
    if (added) {
      Failures.check(own.kernels().exactSumMerge(exactSum, theirs), own);
    } else {
      exactSum.copyFrom(theirs);
      added = true;
    }
  }

  /** Whether a claim before this one failed. */
  boolean isInVain(long claimed) {
    return job.isInVain(claimed);
  }
}
