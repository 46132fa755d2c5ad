// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.Losses;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.PreparedCall;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import org.jspecify.annotations.Nullable;

/**
 * Functions of logits without targets: the largest classes and their probabilities, argmax,
 * entropy.
 */
public final class LogitsPlan extends AxisPlan {
  private final String name;
  private final String event;

  /** The number of largest classes; 0 for an operation without them. */
  private final int k;

  private final Result result;
  private final RowTask rows = this::rows;

  private LogitsPlan(
      String name, String event, Engine engine, Options options, int axis, int k, Result result) {
    super(engine, options, axis, result.kernel);
    this.name = name;
    this.event = event;
    this.k = k;
    this.result = result;
  }

  /** Returns the class of the largest logit. */
  public static LogitsPlan argmax(Engine engine, Options options, int axis) {
    return new LogitsPlan("Argmax", "argmax", engine, options, axis, 0, Result.ARGMAX);
  }

  /** The entropy, {@code - sum p log p}. */
  public static LogitsPlan entropy(Engine engine, Options options, int axis) {
    return new LogitsPlan("Entropy", "entropy", engine, options, axis, 0, Result.ENTROPY);
  }

  /** The {@code k} largest classes of each row, and the logarithms of their probabilities. */
  public static LogitsPlan topLogProbabilities(Engine engine, Options options, int axis, int k) {
    return new LogitsPlan("TopK", "top-k", engine, options, axis, k, Result.LOG_PROBABILITIES);
  }

  /** The {@code k} largest classes of each row, and their probabilities. */
  public static LogitsPlan topProbabilities(Engine engine, Options options, int axis, int k) {
    return new LogitsPlan("TopK", "top-k", engine, options, axis, k, Result.PROBABILITIES);
  }

  /**
   * Returns the value.
   *
   * @throws OptionException unless it is 1 or more
   */
  public static int requireCount(int k) {
    if (k < 1) {
      throw new OptionException("k is " + k + ": request 1 or more of the largest classes");
    }
    return k;
  }

  @Override
  public String toString() {
    return describe(new Described(name).option("k", k, 0), 1);
  }

  // ---- tensors for results ---------------------------------------------------------------------

  /** The shape of the largest classes of these logits. */
  public long[] topShape(View logits) {
    int d = Strides.axis(axis, logits.shape);
    Dimensions.requireClasses("logits", logits, d);
    if (k > logits.shape[d]) {
      throw new ShapeException(
          message(
              "k is %d, logits is %s with %s along axis %d; expected a k of at most %d",
              k, logits, plural(logits.shape[d], "class"), d, logits.shape[d]));
    }
    long[] shape = logits.shape.clone();
    shape[d] = k;
    return shape;
  }

  /** The type that can represent every class index. */
  public ElementType typeOfClasses(View logits) {
    long classes = logits.shape[Strides.axis(axis, logits.shape)];
    return classes - 1 > Integer.MAX_VALUE ? ElementType.I64 : ElementType.I32;
  }

  @Override
  public ElementType typeOfRows(View logits) {
    return result == Result.ARGMAX ? typeOfClasses(logits) : typeOfValues(logits);
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** The result that is written for each row, and its arrays. */
  private enum Result {
    ARGMAX(Array.ARGMAX, null, null),
    ENTROPY(Array.ENTROPIES, null, null),
    LOG_PROBABILITIES(Array.TOP_CLASSES, Array.TOP_LOG_PROBABILITIES, null),
    /** The probabilities are computed from the statistics: {@link TopProbabilities}. */
    PROBABILITIES(Array.TOP_CLASSES, null, Array.STATISTICS);

    final KernelArrays kernel;

    Result(Array second, @Nullable Array third, @Nullable Array own) {
      kernel = new KernelArrays(Function.CROSS_ENTROPY, Array.LOGITS, second, third, own);
    }
  }

  @Override
  protected String event(CallArguments arguments) {
    return event;
  }

  @Override
  protected void setViews(
      CallArguments arguments, View logits, @Nullable View output, @Nullable View values) {
    arguments.lead = logits;
    arguments.output = output;
    arguments.secondOutput = values;
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    call.lead(Function.LOG_SUM_EXP, event, arguments.lead, axis, arguments.inputs);
    call.takeInputs(Function.LOG_SUM_EXP, arguments.inputs);
    call.unusual = true;
    call.needsWholeRows = true;
    switch (result) {
      case ARGMAX -> call.take(Rule.ARGMAX, arguments.output);
      case ENTROPY -> call.take(Rule.ENTROPIES, arguments.output);
      case LOG_PROBABILITIES -> {
        call.take(Rule.TOP_CLASSES, arguments.output);
        call.take(Rule.TOP_LOG_PROBABILITIES, arguments.secondOutput);
      }
      case PROBABILITIES -> {
        call.take(Rule.TOP_CLASSES, arguments.output);
        call.takeTopProbabilities(arguments.secondOutput);
      }
    }
    requireTopCount(call);
    call.requireWritable();
    call.ready();
  }

  @Override
  protected double compute(Call call, CallArguments arguments) {
    call.structs.options(options, false, 1);
    if (result == Result.PROBABILITIES) {
      call.records.saveStatistics(call.dimensions.rows);
    }
    call.partition.run(Function.CROSS_ENTROPY, rows, rows);
    return Double.NaN;
  }

  @Override
  protected void remember(Call call, CallArguments arguments) {
    if (result != Result.PROBABILITIES) {
      remember(call, arguments, arguments.output, arguments.secondOutput);
    } else if (arguments.inputs == InputViews.NONE
        && PreparedTopProbabilities.fits(
            call, arguments.lead, arguments.output, arguments.secondOutput)) {
      View statistics = PreparedTopProbabilities.of(call).statistics;
      call.remember(
          number,
          null,
          result.kernel,
          arguments.lead,
          arguments.output,
          arguments.secondOutput,
          statistics);
    }
  }

  @Override
  protected boolean runKernels(
      Call call,
      PreparedCall preparedCall,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable Outputs outputs) {
    if (!super.runKernels(call, preparedCall, first, second, third, outputs)) {
      return false;
    }
    if (result == Result.PROBABILITIES) {
      PreparedTopProbabilities.of(call).write(call, kernels, preparedCall, first, second, third);
    }
    return true;
  }

  private void requireTopCount(Call call) {
    if (call.topCount != k) {
      throw new ShapeException(
          message(
              "topClasses is %s, k is %d; expected the shape %s",
              call.view(Array.TOP_CLASSES), k, call.dimensions.entriesShape(Integer.toString(k))));
    }
  }

  private void rows(Call call, long begin, long end) {
    long step = call.partition.rowsPerKernel();
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      Failures.check(kernels.run(Losses.kernel(call, row, stop)), call);
      if (call.topProbabilities.view != null) {
        TopProbabilities.of(call).write(call, kernels, row, stop);
      }
    }
  }
}
