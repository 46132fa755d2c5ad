// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Cost;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.options.Engine;
import org.jspecify.annotations.Nullable;

/**
 * Divides the rows of a call: the number of rows per kernel call, and whether one thread processes
 * all rows, several threads process separate rows, or several threads divide the classes of one
 * row.
 */
public final class Partition {
  /** The task of an operation on some rows; the same for every thread of a call. */
  @FunctionalInterface
  public interface RowTask {
    /** Processes rows of the current piece. */
    void run(Call call, long begin, long end);
  }

  /** The task of an operation on a class range of one row. */
  @FunctionalInterface
  public interface ChunkTask {
    /**
     * Processes a class range of a row of the current piece; the range begins and ends at chunk
     * boundaries.
     */
    void run(Call call, long row, long from, long to);
  }

  /**
   * The maximum {@link Cost} of a kernel call on Java arrays, which takes some microseconds. Such a
   * kernel stalls the garbage collector while it runs.
   */
  public static final long HEAP_ELEMENTS = 16384;

  /**
   * The maximum cost if the arrays are copied, so that the collector does not wait: two copies stay
   * in a cache.
   */
  private static final long COPIED_ELEMENTS = 1 << 17;

  /** The value of {@link #claimed} without a claim. */
  static final long UNCLAIMED = -1;

  private final Call call;

  /** The first row or chunk of the current claim of this thread, if several threads work. */
  long claimed = UNCLAIMED;

  /** The threads that work on this call, if there are several. */
  private @Nullable Workers workers;

  /** Created on first use. */
  private @Nullable Workers ownWorkers;

  Partition(Call call) {
    this.call = call;
  }

  /** Whether one kernel call computes all rows, with the structs as they are. */
  public boolean isOneKernel() {
    return call.pieces.count == 1
        && call.dimensions.rows > 0
        && !call.dimensions.ragged
        && isAlone(call.engine().threads())
        && rowsPerKernel() >= call.dimensions.rows;
  }

  // ---- rows per kernel call --------------------------------------------------------------------

  /**
   * The maximum number of rows of a piece per kernel call; 0 if even one row is too large and can
   * be divided.
   */
  public long rowsPerKernel() {
    long classes = call.dimensions.classes;
    if (call.dimensions.hasElements()) {
      return call.onHeap ? HEAP_ELEMENTS : call.pieces.rows;
    }
    return call.onHeap && classes > heapElements() && isDivisible() ? 0 : rowsPerKernel(classes);
  }

  /** The maximum {@link Cost} of a kernel call on Java arrays. */
  private long heapElements() {
    return call.engine().kernels().copiesArrays() ? COPIED_ELEMENTS : HEAP_ELEMENTS;
  }

  /**
   * The maximum number of rows per kernel call, if rows are not divided.
   *
   * @param perRow the cost of a row, in elements
   */
  public long rowsPerKernel(long perRow) {
    if (!call.onHeap || Cost.of(call.dimensions.rows, perRow) <= heapElements()) {
      return call.pieces.rows;
    }
    long rows = Cost.rows(heapElements(), perRow);
    return rows < Workers.ROWS_SIDE_BY_SIDE ? rows : rows - rows % Workers.ROWS_SIDE_BY_SIDE;
  }

  /** Whether rows can be divided into class ranges. */
  private boolean isDivisible() {
    return !call.needsWholeRows && !call.dimensions.ragged;
  }

  /** The maximum number of rows per kernel call that reads targets. */
  long targetsPerKernel() {
    if (!call.onHeap) {
      return call.pieces.rows;
    }
    return Math.max(1, HEAP_ELEMENTS / Math.max(call.targetCount, 1));
  }

  /** The maximum number of chunks of a row per kernel call. */
  private long chunksPerKernel() {
    return call.onHeap ? HEAP_ELEMENTS / Chunks.SIZE : Long.MAX_VALUE;
  }

  // ---- several threads -------------------------------------------------------------------------

  /** Processes all rows without dividing any. */
  public void run(RowTask rows) {
    run(rows, rows);
  }

  /** Processes all rows, with a single kernel call if the function is prepared for this call. */
  public void run(Function function, RowTask rows, RowTask split) {
    if (!call.runBoundKernel(function)) {
      run(rows, split);
    }
  }

  /**
   * Processes all rows.
   *
   * @param rows the task of each thread on separate rows
   * @param split the task of the caller on rows whose classes several threads divide
   */
  public void run(RowTask rows, RowTask split) {
    Engine by = call.engine();
    if (isAlone(by.threads())) {
      runAlone(rows);
    } else if (splitsRows(by.threads())) {
      runAlone(split);
    } else if (call.dimensions.rows == 1) { // helpers cannot divide one row
      runAlone(rows);
    } else {
      workers().rows(by, rows, call.dimensions.classes);
    }
  }

  /**
   * Processes all rows without dividing any.
   *
   * @param perRow the cost of a row, in elements
   */
  public void run(RowTask rows, long perRow) {
    Engine by = call.engine();
    if (call.dimensions.rows == 1 || Workers.isAlone(by.threads(), call.dimensions.rows * perRow)) {
      runAlone(rows);
    } else {
      workers().rows(by, rows, perRow);
    }
  }

  /** Processes all rows, piece by piece, on this thread. A task that divides rows uses helpers. */
  public void runAlone(RowTask rows) {
    for (long piece = 0; piece < call.pieces.count; piece++) {
      call.enter(piece);
      rows.run(call, 0, call.pieces.rows);
    }
  }

  /**
   * Whether there are too few rows to use all threads well, and rows are long enough to be divided.
   */
  private boolean splitsRows(Threads threads) {
    long rows = call.dimensions.rows;
    int number = threads.number(call.lead().elements);
    long rounds = (rows + number - 1) / number;
    return isDivisible() && call.dimensions.classes > Chunks.SIZE && rows * 5 < rounds * number * 4;
  }

  /** Whether the call is faster without helper threads. */
  public boolean isAlone(Threads threads) {
    return Workers.isAlone(threads, call.lead().elements);
  }

  /** The helper threads of this call. */
  public Workers workers() {
    if (ownWorkers == null) {
      ownWorkers = new Workers(call);
    }
    return ownWorkers;
  }

  /** Sets the threads that share the work; null if only one thread works. */
  void share(@Nullable Workers sharing) {
    workers = sharing;
    claimed = UNCLAIMED;
  }

  /** Uses the threads of the call that this one follows. */
  void follow(Partition other) {
    share(other.workers);
  }

  /** Whether another thread failed, so that the result of this one is not needed. */
  public boolean isInVain() {
    return workers != null && workers.isInVain(claimed);
  }

  /** Processes rows of all pieces. */
  void rows(RowTask task, long begin, long end) {
    if (call.pieces.count == 1) {
      task.run(call, begin, end);
      return;
    }
    long row = begin;
    while (row < end && !isInVain()) {
      call.enter(row / call.pieces.rows);
      long pieceEnd = Math.min(end - call.pieces.firstRow, call.pieces.rows);
      task.run(call, row - call.pieces.firstRow, pieceEnd);
      row = call.pieces.firstRow + pieceEnd;
    }
  }

  /** Processes chunks of rows of the current piece, numbered through all its rows. */
  public void chunks(ChunkTask task, long begin, long end) {
    long classes = call.dimensions.classes;
    long perRow = Chunks.of(classes);
    long at = begin;
    while (at < end && !isInVain()) {
      long row = at / perRow;
      long rowBegin = row * perRow;
      long atOnce = Math.min(end - at, chunksPerKernel());
      long next = Math.min(at + atOnce, rowBegin + perRow);
      long to = Math.min((next - rowBegin) * Chunks.SIZE, classes);
      task.run(call, row, (at - rowBegin) * Chunks.SIZE, to);
      at = next;
    }
  }
}
