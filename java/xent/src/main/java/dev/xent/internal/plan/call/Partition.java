// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Cost;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.options.Engine;
import org.jspecify.annotations.Nullable;

/**
 * How the rows of a call are divided: how many of them a kernel takes at once, and whether one
 * thread works on all rows, several on rows of their own, or several on the classes of one row.
 */
public final class Partition {
  /**
   * A kernel that touches a Java array stalls the garbage collector while it runs; with so much
   * {@link Cost} it takes some microseconds.
   */
  public static final long HEAP_ELEMENTS = 16384;

  /** The same where the arrays are copied and nobody waits: two of them stay in a cache. */
  private static final long COPIED_ELEMENTS = 1 << 17;

  /** In place of the first row or chunk of a claim. */
  static final long UNCLAIMED = -1;

  private final Call call;

  /** The first row or chunk of what this thread works on, when several do. */
  long claimed = UNCLAIMED;

  /** Who works on this call, when several do. */
  private @Nullable Workers workers;

  /** Made when it is needed first. */
  private @Nullable Workers ownWorkers;

  Partition(Call call) {
    this.call = call;
  }

  /** Whether one kernel has all rows, with the structs as they are. */
  public boolean isOneKernel() {
    return call.pieces.count == 1
        && call.dimensions.rows > 0
        && !call.dimensions.ragged
        && isAlone(call.engine().threads())
        && rowsPerKernel() >= call.dimensions.rows;
  }

  // ---- how much at once ------------------------------------------------------------------------

  /** How many rows of a piece a kernel may take at once; 0: not even one whole row. */
  public long rowsPerKernel() {
    long classes = call.dimensions.classes;
    if (call.dimensions.hasElements()) {
      return call.onHeap ? HEAP_ELEMENTS : call.pieces.rows;
    }
    return call.onHeap && classes > heapElements() && isDivisible() ? 0 : rowsPerKernel(classes);
  }

  /** How many elements of Java arrays at once. */
  private long heapElements() {
    return call.engine().kernels().copiesArrays() ? COPIED_ELEMENTS : HEAP_ELEMENTS;
  }

  /**
   * The same of rows that are not divided.
   *
   * @param perRow what a row costs, in elements
   */
  public long rowsPerKernel(long perRow) {
    return !call.onHeap || Cost.of(call.dimensions.rows, perRow) <= heapElements()
        ? call.pieces.rows
        : Cost.rows(heapElements(), perRow);
  }

  /** Whether rows can be worked on in class ranges. */
  private boolean isDivisible() {
    return !call.needsWholeRows && !call.dimensions.ragged;
  }

  /** How many rows' targets a kernel may read at once. */
  long targetsPerKernel() {
    if (!call.onHeap) {
      return call.pieces.rows;
    }
    return Math.max(1, HEAP_ELEMENTS / Math.max(call.targetCount, 1));
  }

  /** How many chunks of a row a kernel may take at once. */
  private long chunksPerKernel() {
    return call.onHeap ? HEAP_ELEMENTS / Chunks.SIZE : Long.MAX_VALUE;
  }

  // ---- several threads -------------------------------------------------------------------------

  /** Works on all rows, of which none is divided. */
  public void run(RowWork rows) {
    run(rows, rows);
  }

  /** The same, by the kernel of a function alone where that is prepared for this call. */
  public void run(Function function, RowWork rows, RowWork shared) {
    if (!call.runPrepared(function)) {
      run(rows, shared);
    }
  }

  /**
   * Works on all rows.
   *
   * @param rows what each thread does with rows of its own
   * @param shared what the caller does with rows that threads share
   */
  public void run(RowWork rows, RowWork shared) {
    Engine by = call.engine();
    if (isAlone(by.threads())) {
      runAlone(rows);
    } else if (sharesRows(by.threads())) {
      runAlone(shared);
    } else if (call.dimensions.rows == 1) { // which nobody can help with
      runAlone(rows);
    } else {
      workers().rows(by, rows, call.dimensions.classes);
    }
  }

  /**
   * Works on all rows, of which none is divided.
   *
   * @param perRow what a row costs, in elements
   */
  public void run(RowWork rows, long perRow) {
    Engine by = call.engine();
    if (call.dimensions.rows == 1 || Workers.isAlone(by.threads(), call.dimensions.rows * perRow)) {
      runAlone(rows);
    } else {
      workers().rows(by, rows, perRow);
    }
  }

  /** Works on all rows without helpers. */
  public void runAlone(RowWork rows) {
    for (long piece = 0; piece < call.pieces.count; piece++) {
      call.enter(piece);
      rows.run(call, 0, call.pieces.rows);
    }
  }

  /**
   * Whether rows are too few to occupy all threads well, and so long that threads can share them.
   */
  private boolean sharesRows(Threads threads) {
    long rows = call.dimensions.rows;
    long rounds = (rows + threads.most() - 1) / threads.most();
    return isDivisible()
        && call.dimensions.classes > Chunks.SIZE
        && rows * 5 < rounds * threads.most() * 4;
  }

  /** Whether the caller is better off without helpers. */
  public boolean isAlone(Threads threads) {
    return Workers.isAlone(threads, call.lead().elements);
  }

  /** Those who help with this call. */
  public Workers workers() {
    if (ownWorkers == null) {
      ownWorkers = new Workers(call);
    }
    return ownWorkers;
  }

  /** Several threads work from now on, or no longer. */
  void share(@Nullable Workers sharing) {
    workers = sharing;
    claimed = UNCLAIMED;
  }

  /** Works for the threads of the call that is followed. */
  void follow(Partition other) {
    share(other.workers);
  }

  /** Whether another thread failed so that this one need not go on. */
  public boolean isInVain() {
    return workers != null && workers.isInVain(claimed);
  }

  /** Works on rows of all pieces. */
  void rows(RowWork work, long begin, long end) {
    if (call.pieces.count == 1) {
      work.run(call, begin, end);
      return;
    }
    long row = begin;
    while (row < end && !isInVain()) {
      call.enter(row / call.pieces.rows);
      long pieceEnd = Math.min(end - call.pieces.firstRow, call.pieces.rows);
      work.run(call, row - call.pieces.firstRow, pieceEnd);
      row = call.pieces.firstRow + pieceEnd;
    }
  }

  /** Works on chunks of rows of the current piece, counted through all its rows. */
  public void chunks(ChunkWork work, long begin, long end) {
    long classes = call.dimensions.classes;
    long perRow = Chunks.of(classes);
    long at = begin;
    while (at < end && !isInVain()) {
      long row = at / perRow;
      long rowBegin = row * perRow;
      long atOnce = Math.min(end - at, chunksPerKernel());
      long next = Math.min(at + atOnce, rowBegin + perRow);
      long to = Math.min((next - rowBegin) * Chunks.SIZE, classes);
      work.run(call, row, (at - rowBegin) * Chunks.SIZE, to);
      at = next;
    }
  }
}
