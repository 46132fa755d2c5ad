// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.LossOperation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A divergence between a student and its teacher. */
public final class DivergenceOperation extends LossOperation {
  private final String kind;
  private final int arrays = mask(Array.LOGITS, Array.TEACHER);
  private final int withGradient = arrays | mask(Array.GRADIENT);
  private final RowTask rows = this::rows;

  private DivergenceOperation(String kind, Function function, Engine engine, LossSpec spec) {
    super(function, "divergence", engine, spec);
    this.kind = kind;
  }

  /** The Kullback-Leibler divergence, {@code sum p log(p / q)} for the teacher p. */
  public static DivergenceOperation kullbackLeibler(Engine engine, LossSpec spec) {
    return new DivergenceOperation("KULLBACK_LEIBLER", Function.KL_DIVERGENCE, engine, spec);
  }

  /** The Jensen-Shannon divergence: the mean of the divergences of both from their mixture. */
  public static DivergenceOperation jensenShannon(Engine engine, LossSpec spec) {
    return new DivergenceOperation(
        "JENSEN_SHANNON", Function.JENSEN_SHANNON_DIVERGENCE, engine, spec);
  }

  /** The total variation: half the sum of the absolute differences. */
  public static DivergenceOperation totalVariation(Engine engine, LossSpec spec) {
    return new DivergenceOperation("TOTAL_VARIATION", Function.TOTAL_VARIATION, engine, spec);
  }

  public DivergenceOperation withDenominator(double value) {
    return new DivergenceOperation(kind, function, engine, spec.withDenominator(value));
  }

  @Override
  public String toString() {
    return spec.describe(new Described("Divergence").with("kind", kind), engine);
  }

  /** Returns the divergence, and writes its gradient unless that is null. */
  public double loss(View logits, View teacher, @Nullable View gradient) {
    return run(
        gradient == null ? arrays : withGradient,
        logits,
        teacher,
        gradient,
        null,
        null,
        null,
        null,
        0,
        null);
  }

  /** Creates a bound call, which writes a gradient unless that is null. */
  public LossBinding bind(View logits, View teacher, @Nullable View gradient) {
    return new LossBinding(this, null, withGradient, logits, teacher, gradient);
  }

  @Override
  protected String nameOfOperation() {
    return "a divergence";
  }

  @Override
  protected void requireOutputs(Outputs outputs) {
    outputs.require(
        Outputs.LOSSES,
        "and a divergence has losses and lossSum alone; expected outputs without it");
  }

  @Override
  protected void take(Check check) {
    check.lead(axis);
    check.allowAnyFloats();
    check.inputs();
    check.needWholeRows();
    takeOutputs(check, ElementType.F64);
  }

  @Override
  protected boolean checksFirst(Checked call) {
    return false;
  }

  /** The weights of rows are checked without a kernel. */
  @Override
  protected boolean takeKernels(Site site, Checked call) {
    return !call.has(Array.ROW_WEIGHTS) && super.takeKernels(site, call);
  }

  @Override
  protected double weightOfRows(Run run) {
    run.validRows = RowWeights.count(run);
    return RowWeights.sum(run);
  }

  @Override
  protected void computeRows(Run run) {
    run.run(rows);
  }

  private void rows(Run run, long begin, long end) {
    long most = run.rowsPerKernel();
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      FunctionCall kernel = run.kernel(function, row, Math.min(row + most, end));
      if (!run.writesGradient) {
        kernel.set(Array.GRADIENT, MemorySegment.NULL);
      }
      run.run(kernel.set(Array.EXACT_SUM, run.exactSum()));
    }
  }
}
