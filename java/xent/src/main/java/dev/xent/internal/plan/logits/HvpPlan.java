// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.DTypeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import org.jspecify.annotations.Nullable;

/** Hessian-vector products of cross-entropy. */
public final class HvpPlan extends AxisPlan {
  private static final String NAME = "cross-entropy hvp";
  private static final KernelArrays KERNEL =
      new KernelArrays(
          Function.CROSS_ENTROPY_HVP, Array.LOGITS, Array.UPSTREAM, Array.OUTPUT, null);

  private final double gradientScale;
  private final RowTask rows;

  public HvpPlan(Engine engine, Options options, int axis, double gradientScale) {
    super(engine, options, axis, KERNEL);
    options.refuseSoftcapOfHessian();
    this.gradientScale = gradientScale;
    this.rows = new KernelRows(kernels, HvpPlan::kernel);
  }

  @Override
  public String toString() {
    return describe(new Described("CrossEntropyHvp"), gradientScale);
  }

  @Override
  protected String event(CallArguments arguments) {
    return NAME;
  }

  @Override
  protected void setViews(
      CallArguments arguments, View logits, @Nullable View upstream, @Nullable View output) {
    arguments.lead = logits;
    arguments.upstream = upstream;
    arguments.output = output;
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    call.lead(Function.CROSS_ENTROPY_HVP, NAME, arguments.lead, axis, arguments.inputs);
    call.takeInputs(Function.CROSS_ENTROPY_HVP, arguments.inputs);
    call.take(Rule.UPSTREAM, arguments.upstream);
    call.take(Rule.OUTPUT_ARRAY, arguments.output);
    requireExact(arguments.output, arguments.lead);
    call.requireWritable();
    call.needsWholeRows = true;
    call.ready();
  }

  @Override
  protected double compute(Call call, CallArguments arguments) {
    call.structs.options(options, false, gradientScale);
    RowWeights.count(call);
    call.partition.run(Function.CROSS_ENTROPY_HVP, rows, rows);
    return Double.NaN;
  }

  @Override
  protected void remember(Call call, CallArguments arguments) {
    remember(call, arguments, arguments.upstream, arguments.output);
  }

  /**
   * Requires an output of the type of the arithmetic: it holds the probabilities temporarily, which
   * must not be rounded.
   */
  private static void requireExact(View output, View logits) {
    ElementType type = typeOfValues(logits);
    if (output.type != type) {
      throw new DTypeException(
          message("output is %s, logits is %s; expected output of type %s", output, logits, type));
    }
  }

  private static FunctionCall kernel(Call call, long row, long rowEnd) {
    return call.kernel(Function.CROSS_ENTROPY_HVP, row, rowEnd);
  }
}
