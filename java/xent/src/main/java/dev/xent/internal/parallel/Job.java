// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Work on the numbers from 0 to a count, in one share per thread. A thread begins with its own
 * share, whose data may be in its caches from an earlier call, and then helps with the other
 * shares. It claims half of what is left of a share at a time, but at least an eighth of the share,
 * because each kernel has to fill its pipeline. The caller works like the helpers, so the work
 * completes even without helpers.
 *
 * <p>An instance belongs to one thread and serves its calls one after another. The thread divides
 * and opens the job, claims ranges, and closes it. After the close, no helper works on the job and
 * none can enter.
 */
public final class Job {
  /** The work of the helpers. */
  public interface Workers {
    /**
     * Claims ranges and works on them until nothing is left; runs on the helper's thread.
     *
     * @param share the share to begin with
     */
    void help(int share);
  }

  /** The result of {@link #claim} if nothing is left. */
  public static final long NONE = -1;

  /** Two elements of an array of longs that are this far apart are on different cache lines. */
  private static final int LINE = 16;

  /** In {@link #state}: no helper may enter. */
  private static final long CLOSED = 1L << 31;

  /** In {@link #state}: the mask of the number of helpers inside. */
  private static final long INSIDE = CLOSED - 1;

  /** In {@link #state}: the shift of the number of times the job was opened. */
  private static final int ROUND_SHIFT = 32;

  private final Workers workers;
  private final BooleanSupplier empty = this::isEmpty;

  /** One element, at {@link #LINE}. */
  private final AtomicLongArray state = new AtomicLongArray(2 * LINE);

  /** The first number of each share that no thread has claimed; {@link #at} says where. */
  private AtomicLongArray next = new AtomicLongArray(0);

  private volatile long failedAt = Long.MAX_VALUE;
  private volatile @Nullable Thread waiting;

  // Written only while the job is closed.
  private int shares = 1;
  private long shareSize;
  private long count;
  private long least;
  private long most;
  private long step;

  private @Nullable Throwable failure;
  private @Nullable Thread failedOn;

  /** Creates a closed job. */
  public Job(Workers workers) {
    this.workers = workers;
    state.set(LINE, CLOSED);
  }

  // ---- for the caller --------------------------------------------------------------------------

  /**
   * Sets the numbers of the closed job.
   *
   * @param newCount number of items
   * @param leastClaim minimum size of a claim
   * @param mostClaim maximum size of a claim
   * @param newStep claims end at multiples of this, or at the count
   */
  public void divide(long newCount, long leastClaim, long mostClaim, long newStep) {
    count = newCount;
    least = leastClaim;
    most = mostClaim;
    step = newStep;
  }

  /** Opens the job to this number of helpers at most. */
  void open(int helpers) {
    shares = helpers + 1;
    shareSize = multiple((count + helpers) / shares, step);
    failure = null;
    failedOn = null;
    failedAt = Long.MAX_VALUE;
    if (next.length() <= at(shares)) {
      next = new AtomicLongArray(at(shares) + 1);
    }
    for (int share = 0; share < shares; share++) {
      next.set(at(share), share * shareSize);
    }
    state.set(LINE, (round() + 1) << ROUND_SHIFT);
  }

  /** The least multiple of a step that is at least a number. */
  private static long multiple(long number, long step) {
    return (number + step - 1) / step * step;
  }

  /** The place of a share in {@link #next}. */
  private static int at(int share) {
    return (share + 1) * LINE;
  }

  /** Closes the job to helpers and waits until all have left; interrupts do not end the wait. */
  void close() {
    long before = state.getAndAccumulate(LINE, CLOSED, (present, closed) -> present | closed);
    if ((before & INSIDE) != 0 && !Spinning.until(empty)) {
      parkUntilEmpty();
    }
  }

  private boolean isEmpty() {
    return (state.get(LINE) & INSIDE) == 0;
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

  /**
   * Claims a range and returns its first number, or {@link #NONE}.
   *
   * @param first the share to begin with; 0 for the caller
   */
  public long claim(int first) {
    for (int i = 0; i < shares; i++) {
      long begin = claimOf((first + i) % shares);
      if (begin != NONE) {
        return begin;
      }
    }
    return NONE;
  }

  private long claimOf(int share) {
    long begin = next.get(at(share));
    while (begin < needed(share)) {
      long found = next.compareAndExchange(at(share), begin, end(begin));
      if (found == begin) {
        return begin;
      }
      begin = found;
    }
    return NONE;
  }

  /** The end of what is needed of a share: the end of the share, or an earlier failure. */
  private long needed(int share) {
    return Math.min(Math.min((share + 1) * shareSize, count), failedAt);
  }

  /** The end of the range that begins at {@code begin}. */
  public long end(long begin) {
    long shareEnd = Math.min((begin / shareSize + 1) * shareSize, count);
    long left = shareEnd - begin;
    long part = shares == 1 ? left : Math.max(left / 2, shareSize / 8);
    long size = Math.min(Math.max(part, least), most);
    return Math.min(multiple(begin + size, step), shareEnd);
  }

  /** Records that the work on a claim failed; what follows it is not needed. */
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

  /** Whether there are numbers left to claim; only a hint, as the job may be opened meanwhile. */
  boolean hasWork() {
    AtomicLongArray present = next;
    for (int share = 0; share < shares && at(share) < present.length(); share++) {
      if (present.get(at(share)) < needed(share)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Enters and works, if the job is open and not full. Returns whether it did.
   *
   * @param worker the number of the helper, from 0
   */
  boolean help(int worker) {
    return help(worker, round());
  }

  private boolean help(int worker, long round) {
    if (!enter(round)) {
      return false;
    }
    try {
      workers.help((worker + 1) % shares);
    } finally {
      leave();
    }
    return true;
  }

  private boolean enter(long round) {
    long present = state.get(LINE);
    while (present >>> ROUND_SHIFT == round && (present & INSIDE) < shares - 1 && hasWork()) {
      if ((present & CLOSED) != 0) {
        return false;
      }
      long found = state.compareAndExchange(LINE, present, present + 1);
      if (found == present) {
        return true;
      }
      present = found;
    }
    return false;
  }

  private void leave() {
    long before = state.getAndDecrement(LINE);
    if ((before & CLOSED) != 0 && (before & INSIDE) == 1) {
      // The job may serve another call by now; its caller then wakes up once without need.
      LockSupport.unpark(waiting);
    }
  }

  /**
   * A task for an executor. It helps in this round of the job, and does nothing if it runs later.
   *
   * @param worker the number of the helper, from 0
   */
  Runnable invitation(int worker) {
    return new Invitation(this, worker, round());
  }

  private long round() {
    return state.get(LINE) >>> ROUND_SHIFT;
  }

  private record Invitation(Job job, int worker, long round) implements Runnable {
    @Override
    public void run() {
      job.help(worker, round);
    }
  }
}
