// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Work on the numbers from 0 to a count, shared among threads. Each thread claims the next range
 * until nothing is left; the last ranges are small. The caller works like the helpers, so the work
 * completes even without helpers.
 *
 * <p>An instance belongs to one thread and serves its calls one after another. The thread opens the
 * job, claims ranges, and closes the job. After the close, no helper works on the job and none can
 * enter.
 */
public final class Job {
  /** The work of the helpers. */
  public interface Workers {
    /** Claims ranges and works on them until nothing is left; runs on the helper's thread. */
    void help();
  }

  /** The result of {@link #claim} if nothing is left. */
  public static final long NONE = -1;

  /**
   * The last part of the count, one in this many numbers, is left until each thread could have had
   * its share of the rest. Threads that finish early claim it in small ranges.
   */
  private static final int LEFT_FOR_LAST = 8;

  /** In {@link #state}: no helper may enter. */
  private static final long CLOSED = 1L << 31;

  /** In {@link #state}: the mask of the number of helpers inside. */
  private static final long INSIDE = CLOSED - 1;

  /** In {@link #state}: the shift of the number of times the job was opened. */
  private static final int ROUND_SHIFT = 32;

  private static final VarHandle STATE;
  private static final VarHandle NEXT;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(Job.class, "state", long.class);
      NEXT = lookup.findVarHandle(Job.class, "next", long.class);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  private final Workers workers;
  private final BooleanSupplier empty = this::isEmpty;

  private volatile long state = CLOSED;
  private volatile long next;
  private volatile long failedAt = Long.MAX_VALUE;
  private volatile @Nullable Thread waiting;

  // Written only while the job is closed.
  private int helpers;
  private int threads;
  private long count;
  private long least;
  private long most;
  private long step;

  private @Nullable Throwable failure;
  private @Nullable Thread failedOn;

  /** Creates a closed job. */
  public Job(Workers workers) {
    this.workers = workers;
  }

  // ---- for the caller --------------------------------------------------------------------------

  /**
   * Opens the job to helpers.
   *
   * @param helperCount maximum number of helpers
   * @param newCount number of items
   * @param leastClaim minimum size of a claim
   * @param mostClaim maximum size of a claim
   * @param newStep claims end at multiples of this, or at the count
   */
  public void open(int helperCount, long newCount, long leastClaim, long mostClaim, long newStep) {
    helpers = helperCount;
    threads = helperCount + 1;
    count = newCount;
    least = leastClaim;
    most = mostClaim;
    step = newStep;
    failure = null;
    failedOn = null;
    failedAt = Long.MAX_VALUE;
    next = 0;
    state = ((state >>> ROUND_SHIFT) + 1) << ROUND_SHIFT;
  }

  /** Closes the job to helpers and waits until all have left; interrupts do not end the wait. */
  public void close() {
    long before = (long) STATE.getAndBitwiseOr(this, CLOSED);
    if ((before & INSIDE) != 0 && !Spinning.until(empty)) {
      parkUntilEmpty();
    }
  }

  private boolean isEmpty() {
    return (state & INSIDE) == 0;
  }

  private void parkUntilEmpty() {
    boolean interrupted = false;
    waiting = Thread.currentThread();
    while (!isEmpty()) {
      LockSupport.park(this);
      interrupted |= Thread.interrupted();
    }
    waiting = null;
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Throws the failure with the lowest number, if there is one. Call this after {@link #close}. */
  public void throwFailure() {
    Throwable thrown = failure;
    if (thrown == null) {
      return;
    }
    if (failedOn != Thread.currentThread()) {
      appendCaller(thrown);
    }
    failure = null;
    failedOn = null;
    if (thrown instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) thrown;
  }

  /** Appends the caller's stack trace, without which the trace would not show which call failed. */
  private static void appendCaller(Throwable thrown) {
    StackTraceElement[] theirs = thrown.getStackTrace();
    StackTraceElement[] ours = new Throwable().getStackTrace();
    StackTraceElement[] both = new StackTraceElement[theirs.length + ours.length];
    System.arraycopy(theirs, 0, both, 0, theirs.length);
    System.arraycopy(ours, 0, both, theirs.length, ours.length);
    thrown.setStackTrace(both);
  }

  // ---- for the caller and helpers --------------------------------------------------------------

  /** Claims a range and returns its first number, or {@link #NONE}. */
  public long claim() {
    long begin = next;
    while (begin < count && failedAt == Long.MAX_VALUE) {
      long found = (long) NEXT.compareAndExchange(this, begin, end(begin));
      if (found == begin) {
        return begin;
      }
      begin = found;
    }
    return NONE;
  }

  /** The end of the range that begins at {@code begin}. */
  public long end(long begin) {
    long left = count - begin;
    long last = count / LEFT_FOR_LAST;
    long share = (left > last ? count - last : left) / threads;
    long size = Math.min(Math.max(share, least), most);
    long end = (begin + size + step - 1) / step * step;
    return Math.min(end, count);
  }

  /** Records that the work on a claim failed; later claims need not be finished. */
  public synchronized void fail(long begin, Throwable thrown) {
    if (begin < failedAt) {
      failure = thrown;
      failedOn = Thread.currentThread();
      failedAt = begin;
    }
  }

  /** Whether the work on a claim is unnecessary because an earlier claim failed. */
  public boolean isInVain(long begin) {
    return failedAt < begin;
  }

  // ---- for helpers -----------------------------------------------------------------------------

  /** Whether there are numbers left to claim; only a hint. */
  boolean hasWork() {
    return next < count && failedAt == Long.MAX_VALUE;
  }

  /** Enters and works, if the job is open and not full. Returns whether it did. */
  boolean help() {
    return help(round());
  }

  private boolean help(long round) {
    if (!enter(round)) {
      return false;
    }
    try {
      workers.help();
    } finally {
      leave();
    }
    return true;
  }

  private boolean enter(long round) {
    long present = state;
    while (present >>> ROUND_SHIFT == round && (present & INSIDE) < helpers && hasWork()) {
      if ((present & CLOSED) != 0) {
        return false;
      }
      long found = (long) STATE.compareAndExchange(this, present, present + 1);
      if (found == present) {
        return true;
      }
      present = found;
    }
    return false;
  }

  private void leave() {
    long before = (long) STATE.getAndAdd(this, -1L);
    if ((before & CLOSED) != 0 && (before & INSIDE) == 1) {
      // The job may serve another call by now; its caller then wakes up once without need.
      LockSupport.unpark(waiting);
    }
  }

  /**
   * A task for an executor. It helps in this round of the job, and does nothing if it runs later.
   */
  Runnable invitation() {
    return new Invitation(this, round());
  }

  private long round() {
    return state >>> ROUND_SHIFT;
  }

  private record Invitation(Job job, long round) implements Runnable {
    @Override
    public void run() {
      job.help(round);
    }
  }
}
