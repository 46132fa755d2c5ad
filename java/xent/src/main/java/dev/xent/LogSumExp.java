// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.internal.plan.logits.LogitsOperation;
import dev.xent.internal.plan.logits.LogitsOperation.Kind;
import dev.xent.internal.plan.options.Engine;

/**
 * Log-sum-exp along one axis: {@code log sum exp(x)}, one number per row.
 *
 * <p>Takes tensors of any rank and any strides. Logits of any finite size are exact: nothing
 * overflows on the way, and a result next to 0 keeps its digits. A row with NaN is NaN, another row
 * with +inf is +inf; a row that is all -inf follows {@link Builder#fullyMasked}.
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
 */
public final class LogSumExp extends RowOperation {
  private LogSumExp(LogitsOperation operation) {
    super(operation);
  }

  /**
   * Returns an operation along an axis, with the defaults of {@link Builder}.
   *
   * @param axis of the classes; negative ones count from the end
   */
  public static LogSumExp along(int axis) {
    return builder().axis(axis).build();
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns the log-sum-exp of one row.
   *
   * @param logits {@code x}
   */
  public float forward(float[] logits) {
    return forward(JavaArrays.row(logits, "logits")).getFloat(0);
  }

  /**
   * Returns the log-sum-exp of each of some rows. They are copied; for many or large ones use
   * tensors.
   *
   * @param logits {@code x}, rows of one length
   */
  public float[] forward(float[][] logits) {
    return forward(JavaArrays.rows(logits, "logits")).toFloatArray();
  }

  /** Options of {@link LogSumExp}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public LogSumExp build() {
      Engine engine = engine();
      return new LogSumExp(new LogitsOperation(Kind.LOG_SUM_EXP, engine, options(engine), axis));
    }
  }
}
