// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Work on the numbers from 0 to a count, which threads share out among themselves: each claims the
 * next range until nothing is left, the last ones being small. The caller works as the others do,
 * so the work is done whether or not anyone comes to help.
 *
 * <p>An instance serves one call after another of the thread that has it. That thread opens it,
 * claims, and closes it, and after that no helper is inside and none comes in.
 */
public final class Job {
  /** What helpers do. */
  public interface Workers {
    /** Claims and works until nothing is left; on the helper's thread. */
    void help();
  }

  /** Nothing is left to claim. */
  public static final long NONE = -1;

  /**
   * One in so many numbers is left until each thread could have had its share of the others, and
   * claimed in small ranges by those who are done early.
   */
  private static final int LEFT_FOR_LAST = 8;

  /** In {@link #state}: nobody may come in. */
  private static final long CLOSED = 1L << 31;

  /** In {@link #state}: how many helpers are inside. */
  private static final long INSIDE = CLOSED - 1;

  /** In {@link #state}: how often the job was opened. */
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

  // Written while the job is closed.
  private int helpers;
  private int threads;
  private long count;
  private long least;
  private long most;
  private long step;

  private @Nullable Throwable failure;
  private @Nullable Thread failedOn;

  /** A job that is closed. */
  public Job(Workers workers) {
    this.workers = workers;
  }

  // ---- for the caller --------------------------------------------------------------------------

  /**
   * Lets helpers in.
   *
   * @param helperCount how many, at most
   * @param newCount how many numbers there are
   * @param leastClaim numbers of a claim, at least
   * @param mostClaim numbers of a claim, at most
   * @param newStep claims end at multiples of this, or with the count
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

  /** Lets nobody in any more and waits until all are out, through interrupts. */
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

  /** Throws what went wrong at the lowest number, if anything did. To be called after the close. */
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

  /** Otherwise the trace would not show which call failed. */
  private static void appendCaller(Throwable thrown) {
    StackTraceElement[] theirs = thrown.getStackTrace();
    StackTraceElement[] ours = new Throwable().getStackTrace();
    StackTraceElement[] both = new StackTraceElement[theirs.length + ours.length];
    System.arraycopy(theirs, 0, both, 0, theirs.length);
    System.arraycopy(ours, 0, both, theirs.length, ours.length);
    thrown.setStackTrace(both);
  }

  // ---- for everyone inside ---------------------------------------------------------------------

  /** The first number of a range that is the claimer's, or {@link #NONE}. */
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

  /** The end of the range that was claimed. */
  public long end(long begin) {
    long left = count - begin;
    long last = count / LEFT_FOR_LAST;
    long share = (left > last ? count - last : left) / threads;
    long size = Math.min(Math.max(share, least), most);
    long end = (begin + size + step - 1) / step * step;
    return Math.min(end, count);
  }

  /** Records that the work on a claim went wrong; later claims need not be finished. */
  public synchronized void fail(long begin, Throwable thrown) {
    if (begin < failedAt) {
      failure = thrown;
      failedOn = Thread.currentThread();
      failedAt = begin;
    }
  }

  /** Whether the work on a claim is in vain, as an earlier one failed. */
  public boolean isInVain(long begin) {
    return failedAt < begin;
  }

  // ---- for helpers -----------------------------------------------------------------------------

  /** Whether there is anything left to claim; only a hint. */
  boolean hasWork() {
    return next < count && failedAt == Long.MAX_VALUE;
  }

  /** Comes in, if the job is open and not full, and works. Returns whether it did. */
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
      // The job may serve another call by now, whose caller looks up once for nothing.
      LockSupport.unpark(waiting);
    }
  }

  /**
   * A task for an executor: helps in this round of the job, and does nothing when it comes late.
   */
  Runnable invitation() {
    return new Invitation(this, round());
  }

  /**
   * The same for the round that begins when the job is opened next. One that comes a little too
   * early waits, unless it is on the thread that is to open the job.
   */
  Runnable earlyInvitation() {
    return new EarlyInvitation(this, round(), Thread.currentThread().threadId());
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

  private record EarlyInvitation(Job job, long before, long opener) implements Runnable {
    @Override
    public void run() {
      if (Thread.currentThread().threadId() != opener
          && Spinning.until(() -> job.round() != before)) {
        job.help(before + 1);
      }
    }
  }
}
