// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.LossPlan;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import org.jspecify.annotations.Nullable;

/** Binary cross-entropy of logits, in which every element is a separate row. */
public final class BinaryPlan extends LossPlan {
  private final @Nullable View positiveWeights;
  private final RowTask count = this::count;
  private final RowTask elements;

  /**
   * Creates a plan.
   *
   * @param positiveWeights the factors of the positive terms of the losses, or null
   */
  public BinaryPlan(Engine engine, LossSpec spec, @Nullable View positiveWeights) {
    super(engine, spec, Function.BINARY_CROSS_ENTROPY, "binary cross-entropy");
    this.positiveWeights = positiveWeights;
    this.elements =
        new KernelRows(
            kernels,
            (call, row, end) -> Losses.kernel(call, Function.BINARY_CROSS_ENTROPY, row, end));
  }

  public BinaryPlan withDenominator(double value) {
    return new BinaryPlan(engine, spec.withDenominator(value), positiveWeights);
  }

  @Override
  public String toString() {
    Described text = new Described("BinaryCrossEntropy");
    text.option("positiveWeights", positiveWeights, null);
    return spec.describe(text, engine);
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    View targets = arguments.targets;
    arguments.inputs.requireFor(Function.BINARY_CROSS_ENTROPY, "binary cross-entropy");
    call.leadElements(Rule.LOGITS, arguments.lead, spec.axis());
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
    call.takeIfPresent(Rule.ELEMENT_WEIGHTS, arguments.weights);
    call.takeIfPresent(Rule.POSITIVE_WEIGHTS, positiveWeights);
    takeLosses(
        call,
        arguments,
        call.lead().type,
        "and binary cross-entropy has losses and lossSum alone; expected outputs without it");
  }

  @Override
  protected double weightOfRows(Call call, CallArguments arguments) {
    if (call.hasLabels() || arguments.weights != null) {
      call.validRows = 0;
      call.partition.run(count);
    } else {
      call.validRows = call.dimensions.rows;
    }
    return call.validRows;
  }

  @Override
  protected void computeRows(Call call, CallArguments arguments) {
    call.partition.run(Function.BINARY_CROSS_ENTROPY, elements, elements);
  }

  /** Rejects invalid labels, and counts the elements that are not ignored. */
  private void count(Call call, long begin, long end) {
    long step = call.partition.rowsPerKernel();
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      FunctionCall kernel =
          call.kernel(Function.BINARY_CROSS_ENTROPY, row, Math.min(row + step, end));
      Failures.check(kernels.run(kernel.set(Array.LOSSES, NULL).set(Array.GRADIENT, NULL)), call);
      call.validRows += xent_report.valid_rows(call.report);
    }
  }
}
