// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.ArrayRow;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.Failures;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The probabilities of the largest classes, computed from the statistics of their rows. The logits
 * of these classes are gathered, and the softmax kernel computes their probabilities as for any
 * part of a row. The bits are the same, and only a few more numbers are read. Each thread of a call
 * has one.
 *
 * <p>The numbers are gathered in Java arrays, because an access to a single element of a memory
 * segment takes a microsecond in code that the JVM has not compiled.
 */
final class TopProbabilities {
  /** The maximum number of entries per softmax call, if they are of several rows. */
  private static final int ENTRIES = 1024;

  /** The maximum number of rows of a short call. */
  static final int ROWS = 128;

  /** The statistics of the rows of a short call. */
  final View statistics = View.room(ElementType.I64, ROWS * (Records.STATISTICS / Long.BYTES));

  private final CallShape shape = new CallShape();
  private final MemorySegment report;
  private final FunctionCall kernel;
  private int describedRows;
  private int describedPlaces;
  private boolean describedWide;

  private final int[] ints = new int[ENTRIES];
  private final float[] floatsOfX = new float[ENTRIES];
  private final float[] floatsOfY = new float[ENTRIES];
  private final MemorySegment floatX = MemorySegment.ofArray(floatsOfX);
  private final MemorySegment floatY = MemorySegment.ofArray(floatsOfY);

  /** For logits in double; most threads never need them. */
  private double @Nullable [] doublesOfX;

  private double @Nullable [] doublesOfY;
  private MemorySegment doubleX = MemorySegment.NULL;
  private MemorySegment doubleY = MemorySegment.NULL;

  private final ArrayRow logits = new ArrayRow();
  private final ArrayRow classes = new ArrayRow();
  private final ArrayRow probabilities = new ArrayRow();

  // ---- the current rows ------------------------------------------------------------------------

  private Checked call;

  /** The Java array of the logits and the index of their first one, if it is one of floats. */
  private float @Nullable [] array;

  private int first;

  /** Whether the logits are F64. */
  private boolean wide;

  TopProbabilities() {
    Arena arena = Arena.ofAuto();
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    kernel = new FunctionCall(arena);
    shape.inner = 1;
  }

  /**
   * Writes the probabilities for some rows of a piece, whose classes and statistics have been
   * computed.
   *
   * @param view the logits; the segments are those of the piece
   */
  void write(
      Kernels kernels,
      Checked of,
      View view,
      MemorySegment ofLogits,
      MemorySegment ofClasses,
      MemorySegment ofProbabilities,
      MemorySegment ofStatistics,
      long begin,
      long end) {
    call = of;
    wide = of.leadType() == ElementType.F64;
    if (wide && doublesOfX == null) {
      doublesOfX = new double[ENTRIES];
      doublesOfY = new double[ENTRIES];
      doubleX = MemorySegment.ofArray(doublesOfX);
      doubleY = MemorySegment.ofArray(doublesOfY);
    }
    array = view.array instanceof float[] floats && view.type == ElementType.F32 ? floats : null;
    first = array == null ? 0 : (int) (ofLogits.address() / Float.BYTES);
    logits.take(of.array(Array.LOGITS), ofLogits);
    classes.take(of.array(Array.TOP_CLASSES), ofClasses);
    probabilities.take(of.array(Array.TOP_LOG_PROBABILITIES), ofProbabilities);
    try {
      long k = of.shape.topCount;
      long atOnce = of.dimensions.ragged ? 1 : Math.max(ENTRIES / Math.max(k, 2), 1);
      for (long row = begin; row < end; row += atOnce) {
        int rows = (int) Math.min(atOnce, end - row);
        for (long from = 0; from < k; from += ENTRIES) {
          int count = (int) Math.min(ENTRIES, k - from);
          write(kernels, ofClasses, ofProbabilities, ofStatistics, row, rows, from, count);
        }
      }
    } finally {
      array = null;
      logits.release();
      classes.release();
      probabilities.release();
      kernel.clear();
    }
  }

  /** Writes some entries of some rows. */
  private void write(
      Kernels kernels,
      MemorySegment ofClasses,
      MemorySegment ofProbabilities,
      MemorySegment ofStatistics,
      long row,
      int rows,
      long from,
      int count) {
    long ofRow = call.dimensions.ragged ? call.lengthOfRow(row) : call.dimensions.classes;
    // Softmax treats the only class of a row as certain. A single entry of a longer row must not be
    // treated so, so it gets a second place.
    int places = ofRow == 1 ? 1 : Math.max(count, 2);
    describe(rows, places);
    boolean all = count == call.shape.topCount;
    boolean inBlock = all && isBlock(Array.TOP_CLASSES, ElementType.I32);
    if (inBlock) {
      long at = row * count * Integer.BYTES;
      MemorySegment.copy(ofClasses, ValueLayout.JAVA_INT, at, ints, 0, rows * count);
    }
    for (int i = 0; i < rows; i++) {
      gather(row + i, inBlock ? i * count : -1, from, Math.min(count, places), i * places, places);
    }
    kernel.begin(Function.SOFTMAX, shape, call.options, report).rows(0, rows).classes(0, places);
    kernel.offer(Array.LOGITS, wide ? doubleX : floatX, ofX(), true);
    kernel.offer(
        Array.STATISTICS,
        row == 0 ? ofStatistics : ofStatistics.asSlice(row * Records.STATISTICS),
        null,
        true);
    kernel.offer(Array.OUTPUT, wide ? doubleY : floatY, ofY(), true);
    Failures.check(kernels.run(kernel), call, report);
    if (all && places == count && !wide && isBlock(Array.TOP_LOG_PROBABILITIES, ElementType.F32)) {
      long at = row * count * Float.BYTES;
      MemorySegment.copy(floatsOfY, 0, ofProbabilities, ValueLayout.JAVA_FLOAT, at, rows * count);
      return;
    }
    for (int i = 0; i < rows; i++) {
      scatter(row + i, from, count, i * places, places);
    }
  }

  private Object ofX() {
    return wide ? doublesOfX : floatsOfX;
  }

  private Object ofY() {
    return wide ? doublesOfY : floatsOfY;
  }

  /** Whether an array has the entries of all rows of the piece next to each other. */
  private boolean isBlock(Array id, ElementType type) {
    Layout layout = call.array(id);
    return layout.type == type
        && layout.classes == 1
        && layout.outer == call.shape.topCount
        && call.pieces.inner == 1;
  }

  /** Describes contiguous rows of {@code places} entries. */
  private void describe(int rows, int places) {
    if (rows == describedRows && places == describedPlaces && wide == describedWide) {
      return;
    }
    ElementType type = wide ? ElementType.F64 : ElementType.F32;
    shape.outer = rows;
    shape.classes = places;
    shape.set(Array.LOGITS, places, 1, 1, type);
    shape.set(Array.OUTPUT, places, 1, 1, type);
    describedRows = rows;
    describedPlaces = places;
    describedWide = wide;
  }

  /**
   * Gathers the logits of a row's entries; -inf for entries without a class.
   *
   * @param ofInts the index of the row's first class in {@link #ints}; -1 if they are not there
   */
  private void gather(long row, int ofInts, long from, int count, int at, int places) {
    long ofRow = call.dimensions.classes;
    long start = 0;
    Layout layout = call.array(Array.LOGITS);
    if (call.dimensions.ragged) {
      start = call.firstOfRow(row) * layout.classes;
      logits.enterRagged(call.firstOfRow(row));
      ofRow = call.lengthOfRow(row);
    } else if (array == null) {
      logits.enter(row, call.pieces.inner);
    } else {
      start = layout.at(call.pieces, row);
    }
    if (ofInts < 0) {
      classes.enter(row, call.pieces.inner);
    }
    for (int i = 0; i < places; i++) {
      long chosen = i >= count ? -1 : ofInts < 0 ? classes.integer(from + i) : ints[ofInts + i];
      // Another thread may have changed the class since it was computed.
      boolean isClass = chosen >= 0 && chosen < ofRow;
      double value =
          !isClass
              ? Double.NEGATIVE_INFINITY
              : array == null
                  ? logits.get(chosen)
                  : array[(int) (first + start + chosen * layout.classes)];
      if (wide) {
        doublesOfX[at + i] = value;
      } else {
        floatsOfX[at + i] = (float) value;
      }
    }
  }

  private void scatter(long row, long from, int count, int at, int places) {
    probabilities.enter(row, call.pieces.inner);
    for (int i = 0; i < count; i++) {
      // A row with a single class has no further entries: they are 0, or NaN if its probability is
      // NaN.
      double value = i < places ? result(at + i) : Math.min(0, result(at));
      probabilities.set(from + i, value);
    }
  }

  private double result(int at) {
    return wide ? doublesOfY[at] : floatsOfY[at];
  }
}
