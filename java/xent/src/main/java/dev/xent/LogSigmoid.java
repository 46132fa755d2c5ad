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
 * Logarithm of the sigmoid of each element: {@code y = -log(1 + exp(-x))}, never above 0.
 *
 * <p>Takes and writes tensors of equal shapes, of any rank and any strides. Nothing overflows or
 * cancels: of -100 it is -100, of 100 it is -3.8e-44. A NaN stays NaN; +inf is 0, -inf is -inf.
 *
 * <p><b>Types.</b> If the logits are F32, F16 or BF16, everything is computed as for F32 and each
 * tensor may have any of these types: inputs are widened exactly, results rounded once to nearest
 * even. If they are F64, everything is computed in double and each tensor may be F64 or F32.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls with your output
 * allocate nothing; large calls use more threads ({@link Execution#withThreads}). The bits do not
 * depend on backend, instruction set, number of threads, strides, batch size or kind of memory.
 * Every method throws {@link ShapeException}, {@link DTypeException}, {@link MemoryException} or
 * {@link OptionException} for arguments that do not fit, before anything is written.
 */
public final class LogSigmoid extends SigmoidOperation {
  private LogSigmoid(LogitsOperation operation) {
    super(operation);
  }

  /** Returns the operation with the defaults of {@link Builder}. */
  public static LogSigmoid create() {
    return builder().build();
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Options of {@link LogSigmoid}. Not safe for use by several threads at once. */
  public static final class Builder extends SigmoidBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public LogSigmoid build() {
      Engine engine = engine();
      return new LogSigmoid(new LogitsOperation(Kind.LOG_SIGMOID, engine, options(engine), axis));
    }
  }
}
