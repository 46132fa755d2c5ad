// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Pieces;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Where a call keeps what rows leave behind: their statistics, and the states of their chunks. */
public final class RowRecords {
  /** What is kept for the next call, at most, where its size is that of the call. */
  static final long KEPT_BYTES = 1 << 20;

  /** Statistics of all rows that the caller keeps, or NULL. */
  public MemorySegment saved = MemorySegment.NULL;

  /** Statistics of the rows of the current piece, for class ranges of a row. */
  public MemorySegment statistics = MemorySegment.NULL;

  /** Logits of all rows of a linear layer that are kept for its gradients, or NULL. */
  public MemorySegment logits = MemorySegment.NULL;

  /** What so many shards say of rows that are sampled, or NULL and 0. */
  private MemorySegment gathered = MemorySegment.NULL;

  public int shards;

  /** Whether states are computed once more, for rows with a shift. */
  public boolean secondRound;

  /** States of rows of the current piece, those of {@link #stateRow} first. */
  private MemorySegment states = MemorySegment.NULL;

  private long stateRow;
  private long stateEnd;
  private MemorySegment ownStatistics = MemorySegment.NULL;
  private MemorySegment ownStates = MemorySegment.NULL;
  private MemorySegment ownLogits = MemorySegment.NULL;
  private MemorySegment ownGathered = MemorySegment.NULL;

  /** Frees what is kept for this call alone. */
  private @Nullable Arena large;

  /** Statistics of the rows of the current piece: the caller's where there are any. */
  public void reserveStatistics(Pieces pieces) {
    if (saved.byteSize() != 0) {
      statistics = savedOf(pieces);
      return;
    }
    ownStatistics = reserve(ownStatistics, pieces.rows, Records.STATISTICS);
    statistics = ownStatistics;
  }

  /** RowRecords for the statistics of all rows of a call whose caller keeps none. */
  public void saveStatistics(long rows) {
    if (rows * Records.STATISTICS > KEPT_BYTES) {
      saved = Memory.allocateRows(forThisCall(), rows, Records.STATISTICS, "statistics");
    } else {
      ownStatistics = reserve(ownStatistics, rows, Records.STATISTICS);
      saved = ownStatistics;
    }
  }

  /** The saved statistics of the rows of the current piece, or NULL. */
  public MemorySegment savedOf(Pieces pieces) {
    return pieces.count == 1 || saved.byteSize() == 0
        ? saved
        : saved.asSlice(pieces.firstRow * Records.STATISTICS);
  }

  /** RowRecords for the logits of all rows, row after row. */
  public void keepLogits(long rows, long classes) {
    ownLogits = reserve(ownLogits, rows * classes, Float.BYTES);
    logits = ownLogits;
  }

  /** RowRecords for what the shards of a sampler said of the rows of the call. */
  public MemorySegment reserveGathered(long rows, int newShards, String name) {
    long records = rows * newShards;
    if (records <= KEPT_BYTES / Records.SAMPLE_STATE) {
      ownGathered = reserve(ownGathered, records, Records.SAMPLE_STATE);
      gathered = ownGathered;
    } else {
      gathered = Memory.allocateRows(forThisCall(), records, Records.SAMPLE_STATE, name);
    }
    shards = newShards;
    return gathered;
  }

  /** What was gathered of the rows of the current piece. */
  public MemorySegment gatheredOf(Pieces pieces) {
    return shards == 0
        ? MemorySegment.NULL
        : gathered.asSlice(pieces.firstRow * shards * Records.SAMPLE_STATE);
  }

  /** RowRecords for the states of some rows. */
  public void reserveStates(long begin, long end, long classes) {
    ownStates = reserve(ownStates, (end - begin) * Chunks.of(classes), Records.STATE);
    states = ownStates;
    stateRow = begin;
    stateEnd = end;
  }

  /** The first of the rows that {@link #reserveStates} made room for. */
  public long firstState() {
    return stateRow;
  }

  /** The row after the last of them. */
  public long endOfStates() {
    return stateEnd;
  }

  /** The states of the rows of the current piece lie in memory of the caller's. */
  public void useStates(MemorySegment ofAllRows, Pieces pieces, long classes) {
    states = ofAllRows.asSlice(pieces.firstRow * Chunks.of(classes) * Records.STATE);
    stateRow = 0;
  }

  /** The states from a row on. */
  public MemorySegment states(long row, long classes) {
    return row == stateRow
        ? states
        : states.asSlice((row - stateRow) * Chunks.of(classes) * Records.STATE);
  }

  /** Shared, as helpers work there too. */
  private Arena forThisCall() {
    if (large == null) {
      large = Arena.ofShared();
    }
    return large;
  }

  private static MemorySegment reserve(MemorySegment present, long count, long size) {
    return present.byteSize() >= count * size ? present : Arena.ofAuto().allocate(count * size, 64);
  }

  /** Forgets logits that are many: the next call may be another thread's. */
  void dropLargeLogits() {
    if (ownLogits.byteSize() > KEPT_BYTES) {
      ownLogits = MemorySegment.NULL;
    }
  }

  /** As in the call that is followed. */
  void follow(RowRecords other) {
    saved = Memory.accessible(other.saved);
    statistics = Memory.accessible(other.statistics);
    states = other.states;
    stateRow = other.stateRow;
    stateEnd = other.stateEnd;
    secondRound = other.secondRound;
    logits = other.logits;
    gathered = other.gathered;
    shards = other.shards;
  }

  /** Lets go of what was the caller's. */
  void release() {
    states = MemorySegment.NULL;
    logits = MemorySegment.NULL;
    gathered = MemorySegment.NULL;
    shards = 0;
    if (large != null) {
      large.close();
      large = null;
    }
    if (saved != MemorySegment.NULL) {
      saved = MemorySegment.NULL;
    }
    if (statistics != MemorySegment.NULL) {
      statistics = MemorySegment.NULL;
    }
  }
}
