// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.LossOperation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Binary cross-entropy of logits, in which every element is a separate row. */
public final class BinaryOperation extends LossOperation {
  private static final long RESULTS = ArrayViews.bit(Array.LOSSES) | ArrayViews.bit(Array.GRADIENT);

  private final int arrays;
  private final int withGradient;
  private final RowTask count = this::count;
  private final RowTask elements = this::elements;

  public BinaryOperation(Engine engine, LossSpec spec) {
    super(Function.BINARY_CROSS_ENTROPY, "binary cross-entropy", engine, spec);
    this.arrays = mask(Array.LOGITS, Array.TARGETS);
    this.withGradient = arrays | mask(Array.GRADIENT);
  }

  public BinaryOperation withDenominator(double value) {
    return new BinaryOperation(engine, spec.withDenominator(value));
  }

  @Override
  public String toString() {
    return spec.describe(new Described("BinaryCrossEntropy"), engine);
  }

  /** Returns the loss, and writes its gradient unless that is null. */
  public double loss(View logits, View targets, @Nullable View gradient) {
    return gradient == null
        ? run(arrays, logits, targets, null, null, null, null, null, 0, null)
        : run(withGradient, logits, targets, gradient, null, null, null, null, 0, null);
  }

  /** Creates a bound call, which writes a gradient unless that is null. */
  public LossBinding bind(View logits, View targets, @Nullable View gradient) {
    return new LossBinding(this, null, withGradient, logits, targets, gradient);
  }

  @Override
  protected void requireOutputs(Outputs outputs) {
    outputs.require(
        Outputs.LOSSES,
        "and binary cross-entropy has losses and lossSum alone; expected outputs without it");
  }

  @Override
  protected void take(Check check) {
    check.leadElements(axis);
    check.elementTargets();
    if (options.hasIgnoreIndex() && !check.call.hasLabels()) {
      throw new OptionException(
          "ignoreIndex is "
              + options.ignoreIndex()
              + ", targets are numbers "
              + check.view(Array.TARGETS).described()
              + "; expected labels of an integer type, or weights of 0, or build the operation without"
              + " ignoreIndex");
    }
    check.inputs();
    check.needWholeRows();
    takeOutputs(check, check.lead().type);
  }

  /** Whether a kernel rejects invalid labels and counts the elements that are not ignored. */
  @Override
  protected boolean checksFirst(Checked call) {
    return call.hasLabels() || call.has(Array.ELEMENT_WEIGHTS);
  }

  @Override
  protected boolean takeCheck(Site site, Checked call) {
    return call.checks.take(function, call, RESULTS);
  }

  @Override
  protected double weightOf(Checked call, long validRows) {
    return validRows;
  }

  @Override
  protected double weightOfRows(Run run) {
    if (checksFirst(run.call)) {
      run.validRows = 0;
      run.run(count);
    } else {
      run.validRows = run.call.dimensions.rows;
    }
    return run.validRows;
  }

  @Override
  protected void computeRows(Run run) {
    run.run(elements);
  }

  private void elements(Run run, long begin, long end) {
    long most = run.rowsPerKernel();
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      FunctionCall kernel = run.kernel(function, row, Math.min(row + most, end));
      if (!run.writesGradient) {
        kernel.set(Array.GRADIENT, MemorySegment.NULL);
      }
      run.run(kernel.set(Array.EXACT_SUM, run.exactSum()));
    }
  }

  private void count(Run run, long begin, long end) {
    long most = run.rowsPerKernel();
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      run.run(
          run.kernel(function, row, Math.min(row + most, end))
              .set(Array.LOSSES, MemorySegment.NULL)
              .set(Array.GRADIENT, MemorySegment.NULL));
      run.validRows += xent_report.valid_rows(run.report);
    }
  }
}
