// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.LossPlan;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;

/** A divergence between a student and its teacher. */
public final class DivergencePlan extends LossPlan {
  private final String kind;
  private final Function function;
  private final RowTask rows;

  private DivergencePlan(String kind, Function function, Engine engine, LossSpec spec) {
    super(engine, spec, function, "divergence");
    this.kind = kind;
    this.function = function;
    this.rows =
        new KernelRows(kernels, (call, row, end) -> Losses.kernel(call, function, row, end));
  }

  /** The Kullback-Leibler divergence, {@code sum p log(p / q)} for the teacher p. */
  public static DivergencePlan kullbackLeibler(Engine engine, LossSpec spec) {
    return new DivergencePlan("KULLBACK_LEIBLER", Function.KL_DIVERGENCE, engine, spec);
  }

  /** The Jensen-Shannon divergence: the mean of the divergences of both from their mixture. */
  public static DivergencePlan jensenShannon(Engine engine, LossSpec spec) {
    return new DivergencePlan("JENSEN_SHANNON", Function.JENSEN_SHANNON_DIVERGENCE, engine, spec);
  }

  /** The total variation: half the sum of the absolute differences. */
  public static DivergencePlan totalVariation(Engine engine, LossSpec spec) {
    return new DivergencePlan("TOTAL_VARIATION", Function.TOTAL_VARIATION, engine, spec);
  }

  public DivergencePlan withDenominator(double value) {
    return new DivergencePlan(kind, function, engine, spec.withDenominator(value));
  }

  @Override
  public String toString() {
    return spec.describe(new Described("Divergence").with("kind", kind), engine);
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    call.lead(function, "a divergence", arguments.lead, spec.axis(), arguments.inputs);
    call.allowAnyFloats();
    call.take(Rule.TEACHER, arguments.targets);
    call.takeInputs(function, arguments.inputs);
    takeLosses(
        call,
        arguments,
        ElementType.F64,
        "and a divergence has losses and lossSum alone; expected outputs without it");
  }

  @Override
  protected double weightOfRows(Call call, CallArguments arguments) {
    call.validRows = RowWeights.count(call);
    return RowWeights.sum(call);
  }

  @Override
  protected void computeRows(Call call, CallArguments arguments) {
    call.partition.run(function, rows, rows);
  }
}
