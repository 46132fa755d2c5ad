// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.RowOffsets;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelRows;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.call.SingleCall;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/** Log-probabilities of selected classes, their gradient, and their sums over sequences. */
public final class SelectedPlan extends AxisPlan {
  private static final String NAME = "selected log-probabilities";

  private final double gradientScale;
  private final Plan backward;
  private final RowTask forwardRows;
  private final RowTask backwardRows;

  public SelectedPlan(Engine engine, Options options, int axis, double gradientScale) {
    super(engine, options, axis, null);
    this.gradientScale = gradientScale;
    this.backward = new GradientAlone();
    this.forwardRows = new KernelRows(kernels, SelectedPlan::forwardKernel);
    this.backwardRows = new KernelRows(kernels, SelectedPlan::backwardKernel);
  }

  @Override
  public String toString() {
    return describe(new Described("SelectedLogProbabilities"), gradientScale);
  }

  @Override
  public Bound bind(View logits, @Nullable View targets, @Nullable View logProbabilities) {
    return new Bound(this, backward, logits, targets, logProbabilities);
  }

  @Override
  protected String event(CallArguments arguments) {
    return arguments.gradient == null ? NAME : NAME + " with gradient";
  }

  @Override
  protected void setViews(
      CallArguments arguments,
      View logits,
      @Nullable View targets,
      @Nullable View logProbabilities) {
    arguments.lead = logits;
    arguments.targets = targets;
    arguments.output = logProbabilities;
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    takeInputs(call, arguments);
    call.take(Rule.SELECTED_LOG_PROBABILITIES, arguments.output);
    call.requireWritable();
    call.ready();
  }

  @Override
  protected double compute(Call call, CallArguments arguments) {
    begin(call);
    Outputs saved = arguments.outputs;
    if (saved != null) {
      call.records.saved = saved.statisticsFor(call.dimensions.rows);
    }
    call.partition.run(Function.SELECTED_LOG_PROBABILITIES, forwardRows, forwardRows);
    if (saved != null) {
      saved.saved(call, call.records.saved, TargetKind.LABELS, options);
    }
    return Double.NaN;
  }

  /** Computes the gradient from statistics that a forward pass saved. */
  private final class GradientAlone extends Plan {
    GradientAlone() {
      super(SelectedPlan.this.engine);
    }

    @Override
    protected String event(CallArguments arguments) {
      return NAME + " backward";
    }

    @Override
    protected void take(Call call, CallArguments arguments) {
      takeInputs(call, arguments);
      call.requireWritable();
      call.ready();
    }

    @Override
    protected double compute(Call call, CallArguments arguments) {
      call.records.saved = arguments.saved.statisticsOf(call, TargetKind.LABELS, options);
      begin(call);
      call.partition.run(backwardRows);
      return Double.NaN;
    }
  }

  /** Takes the arrays of both passes. */
  private void takeInputs(Call call, CallArguments arguments) {
    InputViews inputs = arguments.inputs;
    Function function = Function.SELECTED_LOG_PROBABILITIES;
    call.lead(function, NAME, arguments.lead, axis, inputs);
    call.selected(arguments.targets);
    call.takeInputs(function, inputs);
    call.unusual = true;
    call.needsWholeRows = true;
    call.takeIfPresent(Rule.SELECTED_UPSTREAM, arguments.upstream);
    call.takeIfPresent(Rule.GRADIENT, arguments.gradient);
  }

  /**
   * The last step before the rows are processed: rejects selected classes that are out of range.
   */
  private void begin(Call call) {
    call.structs.options(options, options.hasIgnoreIndex(), gradientScale);
    Losses.countTargets(call);
  }

  private static FunctionCall forwardKernel(Call call, long row, long rowEnd) {
    return call.kernel(Function.SELECTED_LOG_PROBABILITIES, row, rowEnd)
        .set(Array.STATISTICS, call.records.savedOf(call.pieces));
  }

  private static FunctionCall backwardKernel(Call call, long row, long rowEnd) {
    return call.kernel(Function.SELECTED_LOG_PROBABILITIES_BACKWARD, row, rowEnd)
        .set(Array.STATISTICS, call.records.savedOf(call.pieces));
  }

  // ---- sums of sequences -----------------------------------------------------------------------

  /** Writes the exact sum of each sequence, rounded once. */
  public void sumSequences(View logProbabilities, View offsets, View sums) {
    requireSummands("logProbabilities", logProbabilities);
    requireSummands("sums", sums);
    Types.requireIndex("offsets", offsets);
    long sequences = offsets.elements - 1;
    if (offsets.rank() != 1 || sequences < 0 || !offsets.contiguous) {
      throw refusal(
          "offsets is %s; expected one dimension of sequences + 1 numbers without gaps", offsets);
    }
    if (logProbabilities.rank() > 2) {
      throw refusal(
          "logProbabilities is %s; expected them as [rows] or [rows, k], as reshape does",
          logProbabilities);
    }
    if (sums.rank() != 1 || sums.elements != sequences) {
      throw refusal(
          "sums is %s, offsets is %s, of %s; expected one sum each. n sequences need n + 1 offsets",
          sums, offsets, plural(sequences, "sequence"));
    }
    requireAccess(logProbabilities, offsets, sums);
    Memory.requireWritable(sums, "sums");
    if (sums.overlaps(logProbabilities)) {
      throw Memory.overlap("sums", "logProbabilities", false);
    }
    if (sums.overlaps(offsets)) {
      throw Memory.overlap("sums", "offsets", false);
    }
    new SingleCall<@Nullable Void>(engine, "sums of sequences") {
      @Override
      public @Nullable Void call(Call call) {
        try {
          MemorySegment copy = call.copyOf(offsets, "offsets");
          requireOffsets(offsets, copy, logProbabilities);
          for (long s = 0; s < sequences; s++) {
            long begin = RowOffsets.at(copy, offsets.type, s);
            long end = RowOffsets.at(copy, offsets.type, s + 1);
            store(sums, s, sum(call, logProbabilities, begin, end, sums.type));
          }
        } catch (IllegalStateException | WrongThreadException e) {
          requireAccess(logProbabilities, offsets, sums);
          throw e;
        } finally {
          Reference.reachabilityFence(logProbabilities);
          Reference.reachabilityFence(offsets);
          Reference.reachabilityFence(sums);
        }
        return null;
      }
    }.run();
  }

  private static void requireAccess(View logProbabilities, View offsets, View sums) {
    Memory.requireAccess(logProbabilities, "logProbabilities");
    Memory.requireAccess(offsets, "offsets");
    Memory.requireAccess(sums, "sums");
  }

  private static void requireSummands(String name, View view) {
    if (view.type != ElementType.F32 && view.type != ElementType.F64) {
      throw new DTypeException(name + " is " + view + "; expected a tensor of type F32 or F64");
    }
  }

  /**
   * Rejects offsets that decrease or exceed the rows.
   *
   * @param copy a copy of the offsets that no other thread can write
   */
  private static void requireOffsets(View offsets, MemorySegment copy, View logProbabilities) {
    long before = 0;
    for (long s = 0; s < offsets.elements; s++) {
      long own = RowOffsets.at(copy, offsets.type, s);
      if (own < before || own > logProbabilities.shape[0]) {
        throw refusal(
            "offsets[%d] is %d%s, logProbabilities is %s with %s; expected offsets that do not fall, from 0 to %d%s",
            s,
            own,
            s > 0 && own < before ? " after " + before : "",
            logProbabilities,
            plural(logProbabilities.shape[0], "row"),
            logProbabilities.shape[0],
            fitsFlat(own, logProbabilities)
                ? ", or reshape logProbabilities to [" + logProbabilities.elements + "]"
                : "");
      }
      before = own;
    }
  }

  /** Whether an offset appears to count elements instead of rows, in rows of several elements. */
  private static boolean fitsFlat(long offset, View logProbabilities) {
    return logProbabilities.rank() == 2
        && logProbabilities.shape[1] > 1
        && offset > logProbabilities.shape[0]
        && offset <= logProbabilities.elements;
  }

  private static ShapeException refusal(String format, Object... arguments) {
    return new ShapeException(message(format, arguments));
  }

  /** The exact sum of some rows, as a double that rounds to the number that {@code type} has. */
  private double sum(Call call, View values, long begin, long end, ElementType type) {
    MemorySegment exactSum = call.emptyExactSum();
    long columns = values.rank() == 1 ? 1 : values.shape[1];
    long apart = values.rank() == 1 ? 0 : values.strides[1];
    for (long column = 0; column < columns; column++) {
      for (long row = begin; row < end; row += Partition.HEAP_ELEMENTS) {
        long count = Math.min(Partition.HEAP_ELEMENTS, end - row);
        long offset = row * values.strides[0] + column * apart;
        long span = (count - 1) * values.strides[0] + 1;
        int size = values.type.byteSize();
        Failures.check(
            kernels.exactSumAdd(
                exactSum,
                values.segment.asSlice(offset * size, span * size),
                values.type,
                values.strides[0],
                count),
            call);
      }
    }
    double nearest = kernels.exactSumValue(exactSum);
    return type == ElementType.F64 ? nearest : roundedToOdd(call, exactSum, nearest);
  }

  /**
   * An exact sum rounded to odd, so that a second rounding to float is that of the exact sum.
   *
   * @param nearest the double next to the sum
   */
  private double roundedToOdd(Call call, MemorySegment exactSum, double nearest) {
    boolean odd = (Double.doubleToRawLongBits(nearest) & 1) != 0;
    if (odd || !Double.isFinite(nearest)) {
      return nearest;
    }
    MemorySegment subtracted = MemorySegment.ofArray(new double[] {-nearest});
    Failures.check(kernels.exactSumAdd(exactSum, subtracted, ElementType.F64, 1, 1), call);
    double rest = kernels.exactSumValue(exactSum);
    return rest == 0 ? nearest : rest > 0 ? Math.nextUp(nearest) : Math.nextDown(nearest);
  }

  private static void store(View sums, long index, double value) {
    long at = index * sums.strides[0];
    if (sums.type == ElementType.F32) {
      sums.segment.setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) value);
    } else {
      sums.segment.setAtIndex(ValueLayout.JAVA_DOUBLE, at, value);
    }
  }
}
