// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.ArrayRow;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Floats;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.PreparedCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The probabilities of the largest classes, computed from the statistics of their rows. The logits
 * of these classes are gathered, and the softmax kernel computes their probabilities as for any
 * part of a row. The bits are the same, and only a few more numbers are read. There is one instance
 * per thread.
 */
final class TopProbabilities {
  /** The maximum number of entries per softmax call, if they are of several rows. */
  private static final int ENTRIES = 1024;

  /** The statistics of the rows of a prepared call. */
  final View statistics =
      View.room(ElementType.I64, ENTRIES / 2 * (Records.STATISTICS / Long.BYTES));

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

  // Of the current call.

  private long k;
  private long inner;

  /** The number of classes of each row that is not ragged. */
  private long length;

  private @Nullable CallArray offsets;

  private TopProbabilities() {
    xent_report.size(report, xent_report.sizeof());
  }

  /** The instance of a call. */
  static TopProbabilities of(Call call) {
    return call.scratch.get(TopProbabilities.class, made -> new TopProbabilities());
  }

  /** Whether a prepared call can repeat this call: its rows are contiguous, and there are few. */
  static boolean canPrepare(Call call) {
    return call.isOfContiguousRows()
        && call.dimensions.rows <= ENTRIES / Math.max(call.topCount, 2)
        && call.view(Array.LOGITS).isHeld()
        && call.view(Array.TOP_CLASSES).isHeld()
        && call.topProbabilities.view.isHeld();
  }

  /**
   * Writes the probabilities for some rows of the current piece, whose classes and statistics have
   * been computed.
   */
  void write(Call call, Kernels kernels, long begin, long end) {
    logits.take(call.part(Array.LOGITS));
    classes.take(call.part(Array.TOP_CLASSES));
    probabilities.take(call.topProbabilities);
    k = call.topCount;
    inner = call.pieces.inner;
    length = call.dimensions.classes;
    offsets = call.dimensions.ragged ? call.part(Array.ROW_OFFSETS) : null;
    MemorySegment saved = call.records.savedOf(call.pieces);
    try {
      long atOnce = offsets != null ? 1 : Math.max(ENTRIES / Math.max(k, 2), 1);
      for (long row = begin; row < end; row += atOnce) {
        int rows = (int) Math.min(atOnce, end - row);
        MemorySegment ofRows = row == 0 ? saved : saved.asSlice(row * Records.STATISTICS);
        for (long from = 0; from < k; from += ENTRIES) {
          int count = (int) Math.min(ENTRIES, k - from);
          write(call, kernels, call.structs.options, ofRows, row, rows, from, count);
        }
      }
    } finally {
      release();
    }
  }

  /** Writes the probabilities of a prepared call, whose classes have been computed. */
  void write(
      Call call, PreparedCall prepared, Kernels kernels, View ofLogits, View ofClasses, View to) {
    int rows = (int) prepared.rows();
    k = ofClasses.elements / rows;
    inner = 1;
    length = ofLogits.elements / rows;
    offsets = null;
    logits.take(ofLogits, length);
    classes.take(ofClasses, k);
    probabilities.take(to, k);
    try {
      write(call, kernels, prepared.options(), statistics.segment, 0, rows, 0, (int) k);
    } finally {
      release();
      call.work.clear();
    }
  }

  private void release() {
    logits.release();
    classes.release();
    probabilities.release();
    offsets = null;
  }

  /** Writes some entries of some rows. */
  private void write(
      Call call,
      Kernels kernels,
      MemorySegment options,
      MemorySegment ofRows,
      long row,
      int rows,
      long from,
      int count) {
    // Softmax treats the only class of a row as certain. A single entry of a longer row must not be
    // treated so, so it gets a second place.
    int places = lengthOf(row) == 1 ? 1 : Math.max(count, 2);
    describe(rows, places);
    for (int i = 0; i < rows; i++) {
      gather(row + i, from, Math.min(count, places), i * places, places);
    }
    Work work =
        call.work
            .begin(Function.SOFTMAX, shape, options, report)
            .rows(0, rows)
            .classes(0, places)
            .set(Array.LOGITS, x)
            .set(Array.STATISTICS, ofRows)
            .set(Array.OUTPUT, y);
    Failures.check(kernels.run(work), call);
    for (int i = 0; i < rows; i++) {
      scatter(row + i, from, count, i * places, places);
    }
  }

  private long lengthOf(long row) {
    return offsets == null ? length : RowOffsets.length(offsets, row);
  }

  private void describe(int rows, int places) {
    ShapeStruct.outer(shape, rows);
    ShapeStruct.classes(shape, places);
    ShapeStruct.inner(shape, 1);
    dense(layoutOfX, places, logits.type().number());
    dense(layoutOfY, places, probabilities.type().number());
  }

  private static void dense(MemorySegment layout, int places, int type) {
    xent_layout.outer(layout, places);
    xent_layout.classes(layout, 1);
    xent_layout.inner(layout, 1);
    xent_layout.type(layout, type);
  }

  /** Gathers the logits of a row's entries; -inf for entries without a class. */
  private void gather(long row, long from, int count, int at, int places) {
    long ofRow = lengthOf(row);
    if (offsets != null) {
      logits.enterRagged(RowOffsets.first(offsets, row));
    } else {
      logits.enter(row, inner);
    }
    classes.enter(row, inner);
    for (int i = 0; i < places; i++) {
      long chosen = i < count ? classes.integer(from + i) : -1;
      // Another thread may have changed the class since it was computed.
      boolean isClass = chosen >= 0 && chosen < ofRow;
      double value = isClass ? logits.get(chosen) : Double.NEGATIVE_INFINITY;
      Floats.set(x, logits.type(), at + i, value);
    }
  }

  private void scatter(long row, long from, int count, int at, int places) {
    probabilities.enter(row, inner);
    for (int i = 0; i < count; i++) {
      // A row with a single class has no further entries: they are 0, or NaN if its probability is
      // NaN.
      double value =
          i < places
              ? Floats.get(y, probabilities.type(), at + i)
              : Math.min(0, Floats.get(y, probabilities.type(), at));
      probabilities.set(from + i, value);
    }
  }
}
