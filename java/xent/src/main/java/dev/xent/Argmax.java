// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.logits.LogitsOperation;
import dev.xent.internal.plan.logits.LogitsOperation.Kind;
import dev.xent.internal.plan.options.Engine;

/**
 * The class of the largest number along one axis: the lowest class among equals, -1 in a row that
 * has a NaN or +inf, or whose classes are all -inf or masked. {@link TopK} returns more than one.
 *
 * <p>Takes tensors F32, F64, F16 or BF16 of any rank and any strides. A bound call accepts {@link
 * Inputs}: a class mask, or row offsets of ragged rows, whose classes count from the beginning of
 * the row.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls with your output
 * allocate nothing; large calls use more threads ({@link Execution#withThreads}). Every method
 * throws {@link ShapeException}, {@link DTypeException}, {@link MemoryException} or {@link
 * OptionException} for arguments that do not fit, before anything is written.
 */
public final class Argmax extends RowOperation {
  private Argmax(LogitsOperation operation) {
    super(operation);
  }

  /**
   * Returns an operation along an axis, with the defaults of {@link Builder}.
   *
   * @param axis of the classes; negative ones count from the end
   */
  public static Argmax along(int axis) {
    return builder().axis(axis).build();
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns the class of the largest number of one row.
   *
   * @param logits {@code x}
   */
  public int forward(float[] logits) {
    return (int) forward(JavaArrays.row(logits, "logits")).getLong(0);
  }

  /**
   * Returns the class of the largest number of each of some rows. They are copied; for many or
   * large ones use tensors.
   *
   * @param logits {@code x}, rows of one length
   */
  public int[] forward(float[][] logits) {
    return forward(JavaArrays.rows(logits, "logits")).toIntArray();
  }

  /** Options of {@link Argmax}. Not safe for use by several threads at once. */
  public static final class Builder extends OperationBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public Argmax build() {
      Engine engine = engine();
      return new Argmax(new LogitsOperation(Kind.ARGMAX, engine, options(engine), axis));
    }
  }
}
