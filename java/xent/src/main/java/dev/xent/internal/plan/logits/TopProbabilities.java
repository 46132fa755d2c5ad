// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.plan.arrays.ArrayRow;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Failures;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The probabilities of the largest classes, computed from the statistics of their rows. The logits
 * of these classes are gathered, and the softmax kernel computes their probabilities as for any
 * part of a row. The bits are the same, and only a few more numbers are read. There is one instance
 * per thread.
 */
final class TopProbabilities {
  /** The maximum number of entries per softmax call, if they are of several rows. */
  private static final int ENTRIES = 1024;

  private final MemorySegment shape = ShapeStruct.allocate(Arena.ofAuto());
  private final MemorySegment layoutOfX = ShapeStruct.layout(shape, Array.LOGITS);
  private final MemorySegment layoutOfY = ShapeStruct.layout(shape, Array.OUTPUT);
  private final MemorySegment report = Arena.ofAuto().allocate(xent_report.layout());

  /** Memory for any floating-point type that the logits and probabilities of the call have. */
  private final MemorySegment x =
      Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(ENTRIES, ValueLayout.JAVA_DOUBLE));

  private final MemorySegment y =
      Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(ENTRIES, ValueLayout.JAVA_DOUBLE));

  private final ArrayRow logits = new ArrayRow();
  private final ArrayRow classes = new ArrayRow();
  private final ArrayRow probabilities = new ArrayRow();

  private TopProbabilities() {
    xent_report.size(report, xent_report.sizeof());
  }

  static TopProbabilities of(Call call) {
    return call.scratch(TopProbabilities.class, made -> new TopProbabilities());
  }

  /**
   * Writes the probabilities for some rows of the current piece, whose classes and statistics have
   * been computed.
   */
  void write(Call call, Kernels kernels, long begin, long end) {
    logits.take(call.array(Array.LOGITS));
    classes.take(call.array(Array.TOP_CLASSES));
    probabilities.take(call.topProbabilities);
    try {
      long k = call.topCount;
      long atOnce = call.dimensions.ragged ? 1 : Math.max(ENTRIES / Math.max(k, 2), 1);
      for (long row = begin; row < end; row += atOnce) {
        int rows = (int) Math.min(atOnce, end - row);
        for (long from = 0; from < k; from += ENTRIES) {
          write(call, kernels, row, rows, from, (int) Math.min(ENTRIES, k - from));
        }
      }
    } finally {
      logits.release();
      classes.release();
      probabilities.release();
    }
  }

  /** Writes some entries of some rows. */
  private void write(Call call, Kernels kernels, long row, int rows, long from, int count) {
    long ofRow =
        call.dimensions.ragged
            ? RowOffsets.length(call.array(Array.ROW_OFFSETS), row)
            : call.dimensions.classes;
    // Softmax treats the only class of a row as certain. A single entry of a longer row must not be
    // treated so, so it gets a second place.
    int places = ofRow == 1 ? 1 : Math.max(count, 2);
    describe(call, rows, places);
    for (int i = 0; i < rows; i++) {
      gather(call, row + i, from, Math.min(count, places), i * places, places);
    }
    MemorySegment statistics = call.records.savedOf(call.pieces);
    FunctionCall kernel =
        call.functionCall
            .begin(Function.SOFTMAX, shape, call.structs.options, report)
            .rows(0, rows)
            .classes(0, places)
            .set(Array.LOGITS, x)
            .set(
                Array.STATISTICS,
                row == 0 ? statistics : statistics.asSlice(row * Records.STATISTICS))
            .set(Array.OUTPUT, y);
    Failures.check(kernels.run(kernel), call);
    for (int i = 0; i < rows; i++) {
      scatter(call, row + i, from, count, i * places, places);
    }
  }

  private void describe(Call call, int rows, int places) {
    ShapeStruct.outer(shape, rows);
    ShapeStruct.classes(shape, places);
    ShapeStruct.inner(shape, 1);
    dense(layoutOfX, places, call.view(Array.LOGITS).type.number());
    dense(layoutOfY, places, call.topProbabilities.view.type.number());
  }

  /** Describes contiguous rows of {@code places} entries. */
  static void dense(MemorySegment layout, int places, int type) {
    xent_layout.outer(layout, places);
    xent_layout.classes(layout, 1);
    xent_layout.inner(layout, 1);
    xent_layout.type(layout, type);
  }

  /** Gathers the logits of a row's entries; -inf for entries without a class. */
  private void gather(Call call, long row, long from, int count, int at, int places) {
    long ofRow = call.dimensions.classes;
    if (call.dimensions.ragged) {
      logits.enterRagged(RowOffsets.first(call.array(Array.ROW_OFFSETS), row));
      ofRow = RowOffsets.length(call.array(Array.ROW_OFFSETS), row);
    } else {
      logits.enter(row, call.pieces.inner);
    }
    classes.enter(row, call.pieces.inner);
    ElementType type = call.view(Array.LOGITS).type;
    for (int i = 0; i < places; i++) {
      long chosen = i < count ? classes.integer(from + i) : -1;
      // Another thread may have changed the class since it was computed.
      boolean isClass = chosen >= 0 && chosen < ofRow;
      type.set(x, at + i, isClass ? logits.get(chosen) : Double.NEGATIVE_INFINITY);
    }
  }

  private void scatter(Call call, long row, long from, int count, int at, int places) {
    probabilities.enter(row, call.pieces.inner);
    ElementType type = call.topProbabilities.view.type;
    for (int i = 0; i < count; i++) {
      // A row with a single class has no further entries: they are 0, or NaN if its probability is
      // NaN.
      double value = i < places ? type.get(y, at + i) : Math.min(0, type.get(y, at));
      probabilities.set(from + i, value);
    }
  }
}
