// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.RowWork;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.Reductions;
import org.jspecify.annotations.Nullable;

/** Binary cross-entropy of logits, in which every element is a separate row. */
public final class BinaryPlan {
  private final Engine engine;
  private final Kernels kernels;
  private final LossSpec spec;
  private final Options options;
  private final Reductions reductions;
  private final @Nullable View positiveWeights;
  private final Operation forward;
  private final RowWork count = this::count;
  private final RowWork elements;

  /**
   * Creates a plan.
   *
   * @param positiveWeights the factors of the positive terms of the losses, or null
   */
  public BinaryPlan(Engine engine, LossSpec spec, @Nullable View positiveWeights) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.spec = spec;
    this.options = spec.options();
    this.reductions = spec.reductions();
    this.positiveWeights = positiveWeights;
    this.forward = new Forward(engine);
    this.elements =
        new KernelRows(
            kernels,
            (call, row, end) -> Losses.kernel(call, Function.BINARY_CROSS_ENTROPY, row, end));
  }

  /** Returns a copy with another denominator. */
  public BinaryPlan withDenominator(double value) {
    return new BinaryPlan(engine, spec.withDenominator(value), positiveWeights);
  }

  /** The axis along which a vector of positive weights extends. */
  public int axis() {
    return spec.axis();
  }

  @Override
  public String toString() {
    Described text = new Described("BinaryCrossEntropy");
    text.option("positiveWeights", positiveWeights, null);
    return spec.describe(text, engine);
  }

  /** Returns the reduced loss, and writes its gradient unless it is null. */
  public double forward(View logits, View targets, @Nullable View gradient) {
    return forward.run(logits, targets, gradient);
  }

  /** Creates a bound call of {@link #forward}. */
  public Bound bind(View logits, View targets, @Nullable View weights) {
    return new Bound(forward, logits, targets, null).weights(weights);
  }

  private final class Forward extends Operation {
    Forward(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments given) {
      return given.gradient == null ? "binary cross-entropy" : "binary cross-entropy with gradient";
    }

    @Override
    protected void take(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      takeInputs(call, given.lead, given.targets, given.weights, given.inputs);
      outputs.require(
          Outputs.LOSSES,
          "and binary cross-entropy has losses and lossSum alone; expected outputs without it");
      Losses.takeOutputs(call, Function.BINARY_CROSS_ENTROPY, given.gradient, outputs);
      call.needsWholeRows = true;
      Losses.keepFewLosses(call, outputs, given.lead.type);
      call.ready();
    }

    @Override
    protected double compute(Call call, CallArguments given) {
      Outputs outputs = call.outputs();
      boolean ignores = call.hasLabels() && options.hasIgnoreIndex();
      call.options(options, ignores);
      if (call.hasLabels() || given.weights != null) {
        call.validRows = 0;
        call.partition.run(count);
      } else {
        call.validRows = call.dimensions.rows;
      }
      Losses.beginReduction(call.validRows, call, reductions, outputs, given.gradient != null);
      if (call.writesGradient) {
        call.options(options, ignores, call.scale);
      }
      call.partition.run(Function.BINARY_CROSS_ENTROPY, elements, elements);
      return Losses.reduce(call.validRows, call, reductions, outputs);
    }
  }

  private void takeInputs(
      Call call, View logits, View targets, @Nullable View weights, InputViews inputs) {
    inputs.requireFor(Function.BINARY_CROSS_ENTROPY, "binary cross-entropy");
    call.leadElements(Rule.LOGITS, logits, spec.axis());
    call.elementTargets(targets);
    if (options.hasIgnoreIndex() && !call.hasLabels()) {
      throw new OptionException(
          "ignoreIndex is "
              + options.ignoreIndex()
              + ", targets are numbers "
              + targets
              + "; expected labels of an integer type, or weights of 0, or build the operation without"
              + " ignoreIndex");
    }
    call.takeIfGiven(Rule.ELEMENT_WEIGHTS, weights);
    call.takeIfGiven(Rule.POSITIVE_WEIGHTS, positiveWeights);
  }

  /** Rejects invalid labels, and counts the elements that are not ignored. */
  private void count(Call call, long begin, long end) {
    long step = call.partition.rowsPerKernel();
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      Work work = call.kernel(Function.BINARY_CROSS_ENTROPY, row, Math.min(row + step, end));
      Failures.check(kernels.run(work.set(Array.LOSSES, NULL).set(Array.GRADIENT, NULL)), call);
      call.validRows += xent_report.valid_rows(call.report);
    }
  }
}
