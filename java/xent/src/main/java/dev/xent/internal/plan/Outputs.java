// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.OptionException;
import dev.xent.internal.ffi.xent_statistics;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** What a loss hands out beside its value: the tensors that were asked for, and its numbers. */
public final class Outputs {
  public @Nullable View losses;
  public @Nullable View logSumExp;
  public @Nullable View hits;
  public boolean countCorrect;

  public double loss;
  public double sum;
  public long rows;
  public long counted;
  public double denominator;
  public long correct = -1;

  private @Nullable View ownHits;

  private @Nullable Arena arena;
  private MemorySegment statistics = MemorySegment.NULL;
  private long savedRows = -1;
  private long savedClasses;
  private boolean savedLabels;

  /** All of them, empty. */
  public Outputs() {}

  /** Asks for statistics, in memory of this arena. */
  public void saveStatistics(Arena newArena) {
    if (newArena != arena) {
      arena = newArena;
      statistics = MemorySegment.NULL;
      savedRows = -1;
    }
  }

  /** The numbers of a call that succeeded. */
  public void set(
      double newLoss,
      double newSum,
      long newRows,
      long newCounted,
      double newDenominator,
      long newCorrect) {
    loss = newLoss;
    sum = newSum;
    rows = newRows;
    counted = newCounted;
    denominator = newDenominator;
    correct = newCorrect;
  }

  /** Where the hits go: the caller's tensor, memory of this object, or null where nobody asked. */
  @Nullable View hitsFor(Call call) {
    if (hits != null || !countCorrect) {
      return hits;
    }
    if (ownHits == null || !call.rowsHaveShape(ownHits)) {
      long[] shape = call.rowShape();
      MemorySegment memory = Memory.allocate(Arena.ofAuto(), DType.U8, Strides.elements(shape));
      ownHits = View.of(memory, DType.U8, shape, Strides.rowMajor(shape), null);
    }
    return ownHits;
  }

  // ---- statistics ------------------------------------------------------------------------------

  /** Room for the statistics of so many rows, or NULL where nobody asked. */
  MemorySegment statisticsFor(long rowCount) {
    if (arena == null) {
      return MemorySegment.NULL;
    }
    savedRows = -1;
    long bytes = rowCount * xent_statistics.sizeof();
    if (statistics.byteSize() < bytes) {
      statistics = Memory.allocate(arena, DType.U8, bytes);
    }
    Memory.requireAccess(statistics, "the memory of saveStatistics");
    return statistics;
  }

  /** The next backward has nothing to go by: another operation's numbers are here now. */
  void forgetStatistics() {
    savedRows = -1;
  }

  /** The statistics are whole. */
  void saved(long rowCount, long classes, boolean labels) {
    savedRows = arena == null ? -1 : rowCount;
    savedClasses = classes;
    savedLabels = labels;
  }

  /**
   * The statistics of a forward like this call.
   *
   * @throws OptionException when there are none
   */
  MemorySegment statisticsOf(Call call, boolean labels) {
    if (savedRows < 0) {
      throw new OptionException(
          "the outcome holds no statistics for backward: ask for them with saveStatistics(arena) before"
              + " the forward, and let it succeed");
    }
    if (savedRows != call.rows || savedClasses != call.classes || savedLabels != labels) {
      throw new OptionException(
          "the outcome holds statistics of %d rows, %d classes and %s, backward was given %d rows, %d classes and %s: give it what the forward had"
              .formatted(
                  savedRows,
                  savedClasses,
                  targetsKind(savedLabels),
                  call.rows,
                  call.classes,
                  targetsKind(labels)));
    }
    Memory.requireAccess(statistics, "the memory of saveStatistics");
    return statistics;
  }

  private static String targetsKind(boolean labels) {
    return labels ? "class indices" : "probability rows";
  }
}
