// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Sums;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;

/** Exact sums of log-probabilities over sequences. */
public final class SequenceSums {
  private SequenceSums() {}

  /** Writes the exact sum of each sequence, rounded once. */
  public static void write(Kernels kernels, View logProbabilities, View offsets, View sums) {
    requireSummands("logProbabilities", logProbabilities);
    requireSummands("sums", sums);
    Types.requireIndex("offsets", offsets);
    long sequences = offsets.elements - 1;
    if (offsets.rank() != 1 || sequences < 0 || !offsets.contiguous) {
      throw refusal(
          "offsets is %s; expected one dimension of sequences + 1 numbers without gaps", offsets);
    }
    if (logProbabilities.rank() > 2) {
      throw refusal(
          "logProbabilities is %s; expected them as [rows] or [rows, k], as reshape does",
          logProbabilities);
    }
    if (sums.rank() != 1 || sums.elements != sequences) {
      throw refusal(
          "sums is %s, offsets is %s, of %s; expected one sum each. n sequences need n + 1 offsets",
          sums, offsets, plural(sequences, "sequence"));
    }
    requireAccess(logProbabilities, offsets, sums);
    Memory.requireWritable(sums, "sums");
    if (sums.overlaps(logProbabilities)) {
      throw Memory.overlap("sums", "logProbabilities", false);
    }
    if (sums.overlaps(offsets)) {
      throw Memory.overlap("sums", "offsets", false);
    }
    kernels.beginCall();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(offsets.bytes, Long.BYTES);
      copy.copyFrom(offsets.segment);
      requireOffsets(offsets, copy, logProbabilities);
      MemorySegment exactSum = arena.allocate(xent_exact_sum.layout());
      for (long s = 0; s < sequences; s++) {
        long begin = RowOffsets.at(copy, offsets.type, s);
        long end = RowOffsets.at(copy, offsets.type, s + 1);
        store(sums, s, sum(kernels, exactSum, logProbabilities, begin, end, sums.type));
      }
    } catch (IllegalStateException | WrongThreadException e) {
      requireAccess(logProbabilities, offsets, sums);
      throw e;
    } finally {
      Reference.reachabilityFence(logProbabilities);
      Reference.reachabilityFence(offsets);
      Reference.reachabilityFence(sums);
    }
  }

  private static void requireAccess(View logProbabilities, View offsets, View sums) {
    Memory.requireAccess(logProbabilities, "logProbabilities");
    Memory.requireAccess(offsets, "offsets");
    Memory.requireAccess(sums, "sums");
  }

  private static void requireSummands(String name, View view) {
    if (view.type != ElementType.F32 && view.type != ElementType.F64) {
      throw new DTypeException(
          name + " is " + view.described() + "; expected a tensor of type F32 or F64");
    }
  }

  /**
   * Rejects offsets that decrease or exceed the rows.
   *
   * @param copy a copy of the offsets that no other thread can write
   */
  private static void requireOffsets(View offsets, MemorySegment copy, View logProbabilities) {
    long before = 0;
    for (long s = 0; s < offsets.elements; s++) {
      long own = RowOffsets.at(copy, offsets.type, s);
      if (own < before || own > logProbabilities.shape[0]) {
        throw refusal(
            "offsets[%d] is %d%s, logProbabilities is %s with %s; expected offsets that do not fall, from 0 to %d%s",
            s,
            own,
            s > 0 && own < before ? " after " + before : "",
            logProbabilities,
            plural(logProbabilities.shape[0], "row"),
            logProbabilities.shape[0],
            fitsFlat(own, logProbabilities)
                ? ", or reshape logProbabilities to [" + logProbabilities.elements + "]"
                : "");
      }
      before = own;
    }
  }

  /** Whether an offset appears to count elements instead of rows, in rows of several elements. */
  private static boolean fitsFlat(long offset, View logProbabilities) {
    return logProbabilities.rank() == 2
        && logProbabilities.shape[1] > 1
        && offset > logProbabilities.shape[0]
        && offset <= logProbabilities.elements;
  }

  private static ShapeException refusal(String format, Object... arguments) {
    return new ShapeException(message(format, arguments));
  }

  /** The exact sum of some rows, as a double that rounds to the number that {@code type} has. */
  private static double sum(
      Kernels kernels,
      MemorySegment exactSum,
      View values,
      long begin,
      long end,
      ElementType type) {
    Sums.clear(exactSum);
    long columns = values.rank() == 1 ? 1 : values.shape[1];
    long apart = values.rank() == 1 ? 0 : values.strides[1];
    for (long column = 0; column < columns; column++) {
      for (long row = begin; row < end; row += Run.HEAP_ELEMENTS) {
        long count = Math.min(Run.HEAP_ELEMENTS, end - row);
        long offset = row * values.strides[0] + column * apart;
        long span = (count - 1) * values.strides[0] + 1;
        int size = values.type.byteSize();
        Sums.check(
            kernels.exactSumAdd(
                exactSum,
                values.segment.asSlice(offset * size, span * size),
                values.type,
                values.strides[0],
                count));
      }
    }
    double nearest = kernels.exactSumValue(exactSum);
    return type == ElementType.F64 ? nearest : roundedToOdd(kernels, exactSum, nearest);
  }

  /**
   * An exact sum rounded to odd, so that a second rounding to float is that of the exact sum.
   *
   * @param nearest the double next to the sum
   */
  private static double roundedToOdd(Kernels kernels, MemorySegment exactSum, double nearest) {
    boolean odd = (Double.doubleToRawLongBits(nearest) & 1) != 0;
    if (odd || !Double.isFinite(nearest)) {
      return nearest;
    }
    MemorySegment subtracted = MemorySegment.ofArray(new double[] {-nearest});
    Sums.check(kernels.exactSumAdd(exactSum, subtracted, ElementType.F64, 1, 1));
    double rest = kernels.exactSumValue(exactSum);
    return rest == 0 ? nearest : rest > 0 ? Math.nextUp(nearest) : Math.nextDown(nearest);
  }

  private static void store(View sums, long index, double value) {
    long at = index * sums.strides[0];
    if (sums.type == ElementType.F32) {
      sums.segment.setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) value);
    } else {
      sums.segment.setAtIndex(ValueLayout.JAVA_DOUBLE, at, value);
    }
  }
}
