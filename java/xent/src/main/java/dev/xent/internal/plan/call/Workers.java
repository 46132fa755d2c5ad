// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.parallel.Job;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.options.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The threads that work on one call. Every helper has a {@link Call} of its own, which follows the
 * caller's; what helpers counted is added to the caller's when all are done.
 */
public final class Workers implements Job.Workers {
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
   * Elements of a claim, at least: these take four microseconds, and kernels need up to one of them
   * to begin and to end.
   */
  private static final long LEAST = 1 << 14;

  /** Elements of a claim, at most: some tenths of a millisecond, after which threads look up. */
  private static final long MOST = 1 << 20;

  /** More than there are between {@link #run} or {@link #help} and any kernel, or their ends. */
  private static final int STACK_FRAMES = 200;

  /** Kernels work on so many rows side by side. */
  private static final long ROWS_SIDE_BY_SIDE = 16;

  private final Call caller;
  private final Job job = new Job(this);
  // What the current job is about: one kind of work.
  private @Nullable RowWork rowWork;
  private @Nullable ChunkWork chunkWork;
  private @Nullable RowWork rangeWork;

  // What helpers of the current job counted, to be read when it is closed.
  private int helpers;
  private int schedule;
  private long validRows;
  private boolean added;
  private final MemorySegment exactSum = Arena.ofAuto().allocate(xent_exact_sum.layout());

  Workers(Call caller) {
    this.caller = caller;
  }

  /** Whether the caller of work that costs so many elements is better off alone. */
  public static boolean isAlone(Threads threads, long elements) {
    return elements < FEW || threads.most() == 1 || (threads.executor() != null && elements < MANY);
  }

  // ---- for the caller --------------------------------------------------------------------------

  /**
   * Works on all rows of all pieces.
   *
   * @param perRow what a row costs, in elements
   */
  void rows(Engine who, RowWork work, long perRow) {
    rowWork = work;
    long least = Math.max(LEAST / perRow, 1);
    long most = Math.max(MOST / perRow, 1);
    long few = Math.max(caller.dimensions.rows / (4L * who.threads().most()), 1);
    long step = Math.min(ROWS_SIDE_BY_SIDE, Long.highestOneBit(few));
    try {
      boolean many = caller.dimensions.rows >= Math.max(MANY / perRow, 1);
      run(who, many, caller.dimensions.rows, least, most, step);
    } finally {
      rowWork = null;
    }
  }

  /** Works on all chunks of rows of the current piece. */
  public void chunks(Engine who, ChunkWork work) {
    chunkWork = work;
    long count = caller.pieces.rows * Chunks.of(caller.dimensions.classes);
    try {
      run(who, count * Chunks.SIZE >= MANY, count, 1, MOST / Chunks.SIZE, 1);
    } finally {
      chunkWork = null;
    }
  }

  /**
   * Works on all rows of all pieces.
   *
   * @param claim how many of them go together
   */
  public void rowsTogether(Engine who, RowWork work, long claim) {
    rowWork = work;
    try {
      run(who, true, caller.dimensions.rows, claim, claim, 1);
    } finally {
      rowWork = null;
    }
  }

  /**
   * Works on ranges of numbers that are no rows.
   *
   * @param count how many numbers
   * @param claim how many of them go together
   */
  public void ranges(Engine who, RowWork work, long count, long claim) {
    rangeWork = work;
    try {
      run(who, true, count, claim, claim, claim);
    } finally {
      rangeWork = null;
    }
  }

  /**
   * Whether a kernel finds enough stack below so many frames. It computes nothing: it has no rows.
   */
  private static boolean hasStack(int frames, Call own) {
    if (frames > 0) {
      return hasStack(frames - 1, own);
    }
    Work probe = own.work.begin(Function.SOFTMAX, own.structs.shape, own.structs.options, NULL);
    return own.engine().kernels().run(probe.rows(0, 0).classes(0, 0)) != Status.OUT_OF_STACK;
  }

  private void run(Engine who, boolean many, long count, long least, long most, long step) {
    // SingleCall a helper has written a row, nothing may keep this thread from the others.
    if (!hasStack(STACK_FRAMES, caller)) {
      Failures.check(Status.OUT_OF_STACK, caller);
    }
    Threads threads = who.threads();
    int useful = (int) Math.min(threads.most(), (count - 1) / least + 1) - 1;
    helpers = 0;
    schedule = 0;
    validRows = 0;
    added = false;
    // Owners and executors run their owners' code on this thread. It could close confined memory,
    // which helpers know by address alone: they come in when that code is done and the memory still
    // there.
    boolean confined = useful > 0 && caller.isConfined();
    int wanted = confined && !Memory.canBeLentToHelpers() ? 0 : useful;
    boolean early = confined && threads.runsForeignCode();
    if (early) {
      threads.callEarly(job, wanted);
      caller.requireAccess();
    }
    if (confined) {
      caller.requireOpen();
    }
    caller.partition.share(this);
    job.open(wanted, count, least, most, step);
    try {
      if (wanted > 0 && !early) {
        threads.call(job, wanted, many);
      }
      work(caller);
    } finally {
      if (wanted > 0) {
        threads.dismiss(job);
      }
      job.close();
      collect();
    }
    job.throwFailure();
  }

  /** Takes over what helpers counted. */
  private void collect() {
    if (caller.partition.claimed == Partition.UNCLAIMED) { // helpers took everything
      xent_report.schedule(caller.report, schedule);
    }
    caller.partition.share(null);
    caller.workedBy(1 + helpers);
    caller.validRows += validRows;
    if (added) {
      Failures.check(caller.engine().kernels().exactSumMerge(caller.exactSum(), exactSum), caller);
    }
  }

  // ---- for everyone ----------------------------------------------------------------------------

  /** On a thread that has too little stack nothing is claimed: the others do the work. */
  @Override
  public void help() {
    if (hasStackOfJava()) {
      helpWithStack();
    }
  }

  private static boolean hasStackOfJava() {
    try {
      return reach(STACK_FRAMES);
    } catch (StackOverflowError e) {
      return false;
    }
  }

  private static boolean reach(int frames) {
    return frames == 0 || reach(frames - 1);
  }

  private void helpWithStack() {
    Call own = Call.current();
    try {
      own.follow(caller);
      if (hasStack(STACK_FRAMES, own)) {
        work(own);
      }
    } catch (Error e) {
      own.broken = true;
      throw e;
    } finally {
      own.unfollow();
    }
  }

  private void work(Call own) {
    long begin = Job.NONE;
    try {
      while ((begin = job.claim()) != Job.NONE) {
        own.partition.claimed = begin;
        long end = job.end(begin);
        if (rowWork != null) {
          own.partition.rows(rowWork, begin, end);
        } else if (rangeWork != null) {
          rangeWork.run(own, begin, end);
        } else {
          own.partition.chunks(chunkWork, begin, end);
        }
      }
      if (own != caller && own.partition.claimed != Partition.UNCLAIMED) {
        add(own);
      }
    } catch (RuntimeException e) {
      job.fail(begin, e);
    } catch (Error e) {
      own.broken = true;
      job.fail(begin, e);
    }
  }

  private synchronized void add(Call own) {
    helpers++;
    schedule = xent_report.schedule(own.report);
    validRows += own.validRows;
    MemorySegment theirs = own.exactSum();
    if (theirs.byteSize() == 0) {
      return;
    }
    if (added) {
      Failures.check(own.engine().kernels().exactSumMerge(exactSum, theirs), own);
    } else {
      exactSum.copyFrom(theirs);
      added = true;
    }
  }

  /** Whether an earlier claim than this one failed. */
  boolean isInVain(long claimed) {
    return job.isInVain(claimed);
  }
}
