// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Pieces;
import java.lang.foreign.MemorySegment;

/** The per-row records of a call: the statistics of rows, and the states of their chunks. */
public final class RowRecords {
  /** The statistics of all rows that the caller keeps, or NULL. */
  public MemorySegment saved = MemorySegment.NULL;

  /** The statistics of the rows of the current piece, for class ranges of a row. */
  public MemorySegment statistics = MemorySegment.NULL;

  /** The logits of all rows of a linear layer that are kept for its gradients, or NULL. */
  public MemorySegment logits = MemorySegment.NULL;

  /** Whether states are computed a second time, for rows with a shift. */
  public boolean secondRound;

  /** The states of rows of the current piece, starting with {@link #stateRow}. */
  private MemorySegment states = MemorySegment.NULL;

  private long stateRow;
  private long stateEnd;
  private final CallMemory ownStatistics = new CallMemory(true);
  private final CallMemory ownStates = new CallMemory(true);
  private final CallMemory ownLogits = new CallMemory(true);

  /**
   * Reserves the statistics of the rows of the current piece: the caller's memory, if there is any.
   */
  public void reserveStatistics(Pieces pieces) {
    if (saved.byteSize() != 0) {
      statistics = savedOf(pieces);
      return;
    }
    statistics = ownStatistics.reserve(pieces.rows * Records.STATISTICS, true);
  }

  /** Reserves memory for the statistics of all rows, in a call whose caller does not keep them. */
  public void saveStatistics(long rows) {
    saved = ownStatistics.reserveRows(rows, Records.STATISTICS, "statistics");
  }

  /** The saved statistics of the rows of the current piece, or NULL. */
  public MemorySegment savedOf(Pieces pieces) {
    return pieces.count == 1 || saved.byteSize() == 0
        ? saved
        : saved.asSlice(pieces.firstRow * Records.STATISTICS);
  }

  /** Reserves memory for the logits of all rows, one row after the other. */
  public void keepLogits(long rows, long classes) {
    logits = ownLogits.reserve(rows * classes * Float.BYTES, true);
  }

  /** Reserves memory for the states of some rows. */
  public void reserveStates(long begin, long end, long classes) {
    states = ownStates.reserve((end - begin) * Chunks.of(classes) * Records.STATE, true);
    stateRow = begin;
    stateEnd = end;
  }

  /** The first row that {@link #reserveStates} reserved states for. */
  public long firstState() {
    return stateRow;
  }

  /** The row after the last one with reserved states. */
  public long endOfStates() {
    return stateEnd;
  }

  /** The states from a row on. */
  public MemorySegment states(long row, long classes) {
    return row == stateRow
        ? states
        : states.asSlice((row - stateRow) * Chunks.of(classes) * Records.STATE);
  }

  /** Drops large memory for logits, because the next call may be another thread's. */
  void dropLarge() {
    ownLogits.dropLarge();
  }

  /** Copies the records of another thread's call. */
  void follow(RowRecords other) {
    saved = Memory.accessible(other.saved);
    statistics = Memory.accessible(other.statistics);
    states = other.states;
    stateRow = other.stateRow;
    stateEnd = other.stateEnd;
    secondRound = other.secondRound;
    logits = other.logits;
  }

  /** Drops references to the caller's memory, and frees the memory of this call. */
  void release() {
    states = MemorySegment.NULL;
    logits = MemorySegment.NULL;
    if (saved != MemorySegment.NULL) {
      saved = MemorySegment.NULL;
      ownStatistics.endCall();
    }
    if (statistics != MemorySegment.NULL) {
      statistics = MemorySegment.NULL;
    }
  }
}
