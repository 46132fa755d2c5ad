// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import dev.xent.internal.plan.options.TargetKind;
import org.jspecify.annotations.Nullable;

/**
 * A loss: the forward pass, which also writes the requested gradient. Its steps are the same for
 * all losses; a loss takes its own arrays, and computes its own rows.
 */
public abstract class LossPlan extends Plan {
  protected final LossSpec spec;
  protected final Options options;
  protected final Reductions reductions;

  /** The kernel that computes the loss; null if plain Java does. */
  private final @Nullable Function function;

  private final String name;

  /**
   * Creates a loss.
   *
   * @param function the kernel that computes it, or null
   * @param name its name in a flight recording
   */
  protected LossPlan(Engine engine, LossSpec spec, @Nullable Function function, String name) {
    super(engine);
    this.spec = spec;
    this.options = spec.options();
    this.reductions = spec.reductions();
    this.function = function;
    this.name = name;
  }

  /** The class axis; of a linear layer the axis of the features. */
  public final int axis() {
    return spec.axis();
  }

  @Override
  protected String event(CallArguments arguments) {
    return arguments.gradient == null ? name : name + " with gradient";
  }

  // ---- taking arrays ---------------------------------------------------------------------------

  /**
   * Takes the targets, the other inputs that a function has, and the weights of classes. Rejects
   * options that targets of this kind do not support.
   */
  protected final void takeTargets(Call call, CallArguments arguments, Function of) {
    Losses.takeTargets(call, options, arguments.targets, arguments.inputs);
    call.takeInputs(of, arguments.inputs);
    call.takeIfPresent(Rule.CLASS_WEIGHTS, spec.classWeights());
  }

  /**
   * Takes the last arrays of a loss with targets: the gradient, which may overwrite the inputs, and
   * the requested outputs.
   */
  protected final void takeOutputs(Call call, Function of, @Nullable View gradient) {
    Outputs outputs = call.outputs();
    Losses.takeOutputs(call, of, gradient, outputs, call.kind);
    ready(call, outputs, call.lead().type);
  }

  /**
   * Takes the last arrays of a loss that has no outputs but the losses, and computes whole rows.
   *
   * @param arithmetic F64 if losses are computed in double
   * @param why the rest of the message about other outputs, from "and" on
   */
  protected final void takeLosses(
      Call call, CallArguments arguments, ElementType arithmetic, String why) {
    Outputs outputs = call.outputs();
    outputs.require(Outputs.LOSSES, why);
    Losses.takeOutputs(call, function, arguments.gradient, outputs);
    call.needsWholeRows = true;
    ready(call, outputs, arithmetic);
  }

  /**
   * Stores the losses of few rows in memory of this thread, if neither the losses nor an exact sum
   * are requested. Finds the pieces of the arrays.
   */
  private static void ready(Call call, Outputs outputs, ElementType arithmetic) {
    if (outputs.exactSum == null) {
      call.keepFewLosses(arithmetic);
    }
    call.ready();
  }

  // ---- computing -------------------------------------------------------------------------------

  /**
   * Sets {@link Call#validRows}, and rejects invalid targets and weights, unless the kernel does.
   *
   * @return the divisor of means, unless the options have another one
   */
  protected double weightOfRows(Call call, CallArguments arguments) {
    return Losses.weightOfRows(call);
  }

  /** Computes the losses of all rows, and the gradients if the call writes them. */
  protected abstract void computeRows(Call call, CallArguments arguments);

  @Override
  protected final double compute(Call call, CallArguments arguments) {
    Outputs outputs = call.outputs();
    boolean ignores = options.ignoresIn(call.kind);
    call.structs.options(options, ignores);
    double weight = weightOfRows(call, arguments);
    boolean gradients =
        arguments.gradient != null
            || arguments.gradients != null
            || outputs.has(Array.TARGET_GRADIENT);
    double denominator = Losses.beginReduction(weight, call, reductions, outputs, gradients);
    if (function == null) {
      computeRows(call, arguments);
      return Losses.reduce(weight, denominator, call, reductions, outputs);
    }
    if (call.writesGradient) {
      call.structs.options(options, ignores, call.scale);
    }
    call.records.saved = outputs.statisticsFor(call.dimensions.rows);
    computeRows(call, arguments);
    double reduced = Losses.reduce(weight, denominator, call, reductions, outputs);
    outputs.saved(call, call.records.saved, call.kind, options);
    return reduced;
  }

  // ---- backward --------------------------------------------------------------------------------

  /** The backward pass of a loss: computes the gradient alone, from what a forward pass saved. */
  protected abstract class Backward extends Plan {
    protected Backward() {
      super(LossPlan.this.engine);
    }

    @Override
    protected final String event(CallArguments arguments) {
      return name + " backward";
    }

    /** Uses what the forward pass saved, or rejects it. */
    protected void takeSaved(Call call, Outputs saved) {
      call.records.saved = saved.statisticsOf(call, call.kind, options);
    }

    protected abstract void computeGradients(Call call);

    /** Writes a gradient that is 0. */
    protected void clear(Call call) {
      Memory.clear(call.arguments.gradient);
    }

    @Override
    protected final double compute(Call call, CallArguments arguments) {
      TargetKind kind = call.kind;
      takeSaved(call, arguments.saved);
      double denominator = reductions.denominator(arguments.saved.countedWeight);
      boolean scaled = Losses.scaleGradient(denominator, call, reductions);
      call.structs.options(options, options.ignoresIn(kind), call.scale);
      Losses.weightOfRows(call);
      if (scaled) {
        computeGradients(call);
      } else {
        clear(call);
      }
      return Double.NaN;
    }
  }
}
