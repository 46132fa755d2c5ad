// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.DTypeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Partition.RowWork;
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
  private final RowWork rows;

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
  protected String event(CallArguments given) {
    return NAME;
  }

  @Override
  protected void give(
      CallArguments given, View logits, @Nullable View upstream, @Nullable View output) {
    given.lead = logits;
    given.upstream = upstream;
    given.output = output;
  }

  @Override
  protected void take(Call call, CallArguments given) {
    call.lead(Function.CROSS_ENTROPY_HVP, NAME, given.lead, axis, given.inputs);
    call.takeInputs(Function.CROSS_ENTROPY_HVP, given.inputs);
    call.take(Rule.UPSTREAM, given.upstream);
    call.take(Rule.OUTPUT_ARRAY, given.output);
    requireExact(given.output, given.lead);
    call.requireWritable();
    call.needsWholeRows = true;
    call.ready();
  }

  @Override
  protected double compute(Call call, CallArguments given) {
    call.structs.options(options, false, gradientScale);
    RowWeights.count(call);
    call.partition.run(Function.CROSS_ENTROPY_HVP, rows, rows);
    return Double.NaN;
  }

  @Override
  protected void remember(Call call, CallArguments given) {
    remember(call, given, given.upstream, given.output);
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

  private static Work kernel(Call call, long row, long rowEnd) {
    return call.kernel(Function.CROSS_ENTROPY_HVP, row, rowEnd);
  }
}
