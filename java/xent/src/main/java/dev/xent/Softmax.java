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
 * Softmax along one axis: {@code y = exp(x) / sum exp(x)}.
 *
 * <p>Takes and writes tensors of equal shapes, of any rank and any strides. Logits of any finite
 * size are exact: nothing overflows. NaN or +inf in a row makes the whole row NaN; -inf is exactly
 * +0; a row of one class is 1; a row that is all -inf follows {@link Builder#fullyMasked}.
 *
 * <p><b>Types.</b> If the logits (in a backward, the output) are F32, F16 or BF16, everything is
 * computed as for F32 and each tensor may have any of these types: inputs are widened exactly,
 * results rounded once to nearest even. If they are F64, everything is computed in double and each
 * tensor may be F64 or F32.
 *
 * <p>A bound call accepts {@link Inputs}: a class mask, a sink, or row offsets of ragged rows.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls with your output
 * allocate nothing; large calls use more threads ({@link Execution#withThreads}). The bits do not
 * depend on backend, instruction set, number of threads, strides, batch size or kind of memory.
 *
 * <p>Every method throws {@link ShapeException}, {@link DTypeException} or {@link MemoryException}
 * for tensors that do not fit, and {@link OptionException} for options that the type or the method
 * cannot have, before anything is written.
 */
public final class Softmax extends SoftmaxOperation {
  private Softmax(LogitsOperation operation) {
    super(operation);
  }

  /**
   * Returns an operation along an axis, with the defaults of {@link Builder}.
   *
   * @param axis of the classes; negative ones count from the end
   */
  public static Softmax along(int axis) {
    return builder().axis(axis).build();
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Options of {@link Softmax}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public Softmax build() {
      Engine engine = engine();
      return new Softmax(new LogitsOperation(Kind.SOFTMAX, engine, options(engine), axis));
    }
  }
}
