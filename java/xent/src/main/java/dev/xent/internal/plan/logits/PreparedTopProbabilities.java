// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.PreparedCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@link TopProbabilities} in prepared calls of few contiguous rows of F32 with classes of I32. An
 * access to a single element of a memory segment takes microseconds in code that the JVM has not
 * compiled, so this class uses Java arrays. There is one instance per {@link Call}.
 */
final class PreparedTopProbabilities {
  /** The maximum number of entries; each row has two or more. */
  private static final int ENTRIES = 256;

  /** The statistics of the rows. */
  final View statistics =
      View.room(ElementType.I64, ENTRIES / 2 * (Records.STATISTICS / Long.BYTES));

  private final MemorySegment shape = ShapeStruct.allocate(Arena.ofAuto());
  private final MemorySegment layoutOfX = ShapeStruct.layout(shape, Array.LOGITS);
  private final MemorySegment layoutOfY = ShapeStruct.layout(shape, Array.OUTPUT);
  private int describedRows;
  private int describedPlaces;
  private final MemorySegment report = Arena.ofAuto().allocate(xent_report.layout());
  private final int[] classes = new int[ENTRIES];
  private final float[] x = new float[ENTRIES];
  private final float[] y = new float[ENTRIES];
  private final MemorySegment ofX = MemorySegment.ofArray(x);
  private final MemorySegment ofY = MemorySegment.ofArray(y);

  private PreparedTopProbabilities() {
    xent_report.size(report, xent_report.sizeof());
    ShapeStruct.inner(shape, 1);
  }

  static PreparedTopProbabilities of(Call call) {
    return call.scratch(PreparedTopProbabilities.class, made -> new PreparedTopProbabilities());
  }

  /** Whether a prepared call can repeat a call. */
  static boolean fits(Call call, View logits, View topClasses, View probabilities) {
    return call.isOfContiguousRows()
        && call.dimensions.rows <= ENTRIES / Math.max(call.topCount, 2)
        && logits.type == ElementType.F32
        && topClasses.type == ElementType.I32
        && probabilities.type == ElementType.F32
        && logits.isHeld()
        && topClasses.isHeld()
        && probabilities.isHeld();
  }

  /** Writes the probabilities of a prepared call, whose classes have been computed. */
  void write(
      Call call,
      Kernels kernels,
      PreparedCall preparedCall,
      View logits,
      View topClasses,
      View probabilities) {
    int rows = (int) preparedCall.rows();
    int length = (int) (logits.elements / rows);
    int k = (int) (topClasses.elements / rows);
    // As in TopProbabilities, only the class of a row with one class has a place alone.
    int places = length == 1 ? 1 : Math.max(k, 2);
    MemorySegment.copy(topClasses.segment, ValueLayout.JAVA_INT, 0, classes, 0, rows * k);
    gather(logits, rows, length, k, places);
    describe(rows, places);
    FunctionCall kernel =
        call.functionCall
            .begin(Function.SOFTMAX, shape, preparedCall.options(), report)
            .rows(0, rows)
            .classes(0, places);
    kernel.offer(Array.LOGITS, ofX, x, true);
    kernel.offer(Array.STATISTICS, statistics.segment, null, true);
    kernel.offer(Array.OUTPUT, ofY, y, true);
    Failures.check(kernels.run(kernel), call);
    kernel.clear();
    for (int row = 1; places > k && row < rows; row++) {
      y[row] = y[row * places];
    }
    MemorySegment.copy(y, 0, probabilities.segment, ValueLayout.JAVA_FLOAT, 0, rows * k);
  }

  private void gather(View logits, int rows, int length, int k, int places) {
    float[] array = logits.array instanceof float[] floats ? floats : null;
    int first = (int) (logits.address / Float.BYTES);
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < places; i++) {
        int chosen = i < k ? classes[row * k + i] : -1;
        // Another thread may have changed the class since it was computed.
        boolean isClass = chosen >= 0 && chosen < length;
        long at = (long) row * length + chosen;
        x[row * places + i] =
            !isClass
                ? Float.NEGATIVE_INFINITY
                : array != null
                    ? array[(int) (first + at)]
                    : logits.segment.getAtIndex(ValueLayout.JAVA_FLOAT, at);
      }
    }
  }

  private void describe(int rows, int places) {
    if (rows == describedRows && places == describedPlaces) {
      return;
    }
    ShapeStruct.outer(shape, rows);
    ShapeStruct.classes(shape, places);
    TopProbabilities.dense(layoutOfX, places, ElementType.F32.number());
    TopProbabilities.dense(layoutOfY, places, ElementType.F32.number());
    describedRows = rows;
    describedPlaces = places;
  }
}
