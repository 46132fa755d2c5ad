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
 * The entropy of softmax along one axis: {@code - sum p log p} with {@code p = softmax(x)}, one
 * number per row, in natural units. A class of probability 0 adds nothing.
 *
 * <p>Takes tensors of any rank and any strides. A row with NaN or +inf is NaN; a row of one class
 * is 0; a row that is all -inf follows {@link Builder#fullyMasked}. The bits are those of {@link
 * LossOutputs#entropies}, which a loss writes in the same read.
 *
 * <p><b>Types.</b> If the logits are F32, F16 or BF16, everything is computed as for F32 and each
 * tensor may have any of these types: inputs are widened exactly, results rounded once to nearest
 * even. If they are F64, everything is computed in double and each tensor may be F64 or F32.
 *
 * <p>A bound call accepts {@link Inputs}: a class mask, a sink, or row offsets of ragged rows.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls with your output
 * allocate nothing; large calls use more threads ({@link Execution#withThreads}). The bits do not
 * depend on backend, instruction set, number of threads, strides, batch size or kind of memory.
 * Every method throws {@link ShapeException}, {@link DTypeException}, {@link MemoryException} or
 * {@link OptionException} for arguments that do not fit, before anything is written.
 */
public final class Entropy extends RowOperation {
  private Entropy(LogitsOperation operation) {
    super(operation);
  }

  /**
   * Returns an operation along an axis, with the defaults of {@link Builder}.
   *
   * @param axis of the classes; negative ones count from the end
   */
  public static Entropy along(int axis) {
    return builder().axis(axis).build();
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns the entropy of one row.
   *
   * @param logits {@code x}
   */
  public float forward(float[] logits) {
    return forward(JavaArrays.row(logits, "logits")).getFloat(0);
  }

  /**
   * Returns the entropy of each of some rows. They are copied; for many or large ones use tensors.
   *
   * @param logits {@code x}, rows of one length
   */
  public float[] forward(float[][] logits) {
    return forward(JavaArrays.rows(logits, "logits")).toFloatArray();
  }

  /** Options of {@link Entropy}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public Entropy build() {
      Engine engine = engine();
      return new Entropy(new LogitsOperation(Kind.ENTROPY, engine, options(engine), axis));
    }
  }
}
