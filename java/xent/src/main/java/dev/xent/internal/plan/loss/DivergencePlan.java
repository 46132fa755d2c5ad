// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.RowWork;
import dev.xent.internal.plan.nll.RowWeights;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import org.jspecify.annotations.Nullable;

/** A divergence between a student and its teacher. */
public final class DivergencePlan {
  private final String kind;
  private final Function function;
  private final Engine engine;
  private final Kernels kernels;
  private final LossSpec spec;
  private final Options options;
  private final Reductions reductions;
  private final Operation forward;
  private final RowWork rows;

  private DivergencePlan(String kind, Function function, Engine engine, LossSpec spec) {
    this.kind = kind;
    this.function = function;
    this.engine = engine;
    this.kernels = engine.kernels();
    this.spec = spec;
    this.options = spec.options();
    this.reductions = spec.reductions();
    this.forward = new Forward(engine);
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

  /** Returns a copy with another denominator. */
  public DivergencePlan withDenominator(double value) {
    return new DivergencePlan(kind, function, engine, spec.withDenominator(value));
  }

  /** The class axis. */
  public int axis() {
    return spec.axis();
  }

  @Override
  public String toString() {
    return spec.describe(new Described("Divergence").with("kind", kind), engine);
  }

  /** Returns the reduced loss, and writes its gradient unless it is null. */
  public double forward(View logits, View teacher, @Nullable View gradient) {
    return forward.run(logits, teacher, gradient);
  }

  /** Creates a bound call of {@link #forward}. */
  public Bound bind(View logits, View teacher) {
    return new Bound(forward, logits, teacher, null);
  }

  private final class Forward extends Operation {
    Forward(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments given) {
      return given.gradient == null ? "divergence" : "divergence with gradient";
    }

    @Override
    protected void take(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      takeInputs(call, given.lead, given.targets, given.inputs);
      outputs.require(
          Outputs.LOSSES,
          "and a divergence has losses and lossSum alone; expected outputs without it");
      Losses.takeOutputs(call, function, given.gradient, outputs);
      call.needsWholeRows = true;
      Losses.keepFewLosses(call, outputs, ElementType.F64);
      call.ready();
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      call.options(options, false);
      call.validRows = RowWeights.count(call);
      double weight = RowWeights.sum(call, kernels);
      Losses.beginReduction(weight, call, reductions, outputs, given.gradient != null);
      if (call.writesGradient) {
        call.options(options, call.scale);
      }
      call.partition.run(function, rows, rows);
      return Losses.reduce(weight, call, reductions, outputs);
    }
  }

  private void takeInputs(Call call, View logits, View teacher, InputViews inputs) {
    Losses.lead(call, function, "a divergence", logits, spec.axis(), inputs);
    call.allowAnyFloats();
    call.take(Rule.TEACHER, teacher);
    call.takeInputs(function, inputs);
  }
}
