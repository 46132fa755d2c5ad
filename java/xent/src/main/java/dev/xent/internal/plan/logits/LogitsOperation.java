// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.logits;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.DTypeException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Binding;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.ChunkTask;
import dev.xent.internal.plan.call.LongRows;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.shard.Shard;
import org.jspecify.annotations.Nullable;

/**
 * A function of logits without targets: a row of the table below. Calls pass the arrays of the row
 * in its order, and inputs.
 */
public class LogitsOperation extends Operation {
  private final String type;

  /** The arrays that each call has. */
  private final int arrays;

  /** Whether the results of a row need the whole row. */
  private final boolean wholeRows;

  private final double gradientScale;

  /** The number of largest classes; 0 for an operation without them. */
  private final int k;

  private final LongRows longRows = new LongRows();
  private final RowTask rows = this::rows;
  private final RowTask splitRows = this::splitRows;
  private final ChunkTask range = this::range;

  LogitsOperation(
      String type,
      String name,
      Engine engine,
      Options options,
      int axis,
      Function function,
      boolean wholeRows,
      double gradientScale,
      int k,
      Array... arrays) {
    super(function, name, engine, options, axis);
    this.type = type;
    this.wholeRows = wholeRows;
    this.gradientScale = gradientScale;
    this.k = k;
    this.arrays = mask(arrays);
  }

  // ---- the table -------------------------------------------------------------------------------

  /** Softmax, {@code exp(x) / sum exp(x)}. */
  public static LogitsOperation softmax(Engine engine, Options options, int axis) {
    return new LogitsOperation(
        "Softmax",
        "softmax",
        engine,
        options,
        axis,
        Function.SOFTMAX,
        false,
        1,
        0,
        Array.LOGITS,
        Array.OUTPUT);
  }

  /** Log-softmax, {@code x - log sum exp(x)}. */
  public static LogitsOperation logSoftmax(Engine engine, Options options, int axis) {
    return new LogitsOperation(
        "LogSoftmax",
        "log-softmax",
        engine,
        options,
        axis,
        Function.LOG_SOFTMAX,
        false,
        1,
        0,
        Array.LOGITS,
        Array.OUTPUT);
  }

  /** Log-sum-exp, {@code log sum exp(x)}: one number per row. */
  public static LogitsOperation logSumExp(Engine engine, Options options, int axis) {
    return new LogitsOperation(
        "LogSumExp",
        "log-sum-exp",
        engine,
        options,
        axis,
        Function.LOG_SUM_EXP,
        false,
        1,
        0,
        Array.LOGITS,
        Array.LOG_SUM_EXP);
  }

  /** The class of the largest logit. */
  public static LogitsOperation argmax(Engine engine, Options options, int axis) {
    return new LogitsOperation(
        "Argmax",
        "argmax",
        engine,
        options,
        axis,
        Function.CROSS_ENTROPY,
        true,
        1,
        0,
        Array.LOGITS,
        Array.ARGMAX);
  }

  /** The entropy, {@code - sum p log p}. */
  public static LogitsOperation entropy(Engine engine, Options options, int axis) {
    return new LogitsOperation(
        "Entropy",
        "entropy",
        engine,
        options,
        axis,
        Function.CROSS_ENTROPY,
        true,
        1,
        0,
        Array.LOGITS,
        Array.ENTROPIES);
  }

  /** The {@code k} largest classes of each row, and the logarithms of their probabilities. */
  public static LogitsOperation topLogProbabilities(
      Engine engine, Options options, int axis, int k) {
    return new LogitsOperation(
        "TopK",
        "top-k",
        engine,
        options,
        axis,
        Function.CROSS_ENTROPY,
        true,
        1,
        k,
        Array.LOGITS,
        Array.TOP_CLASSES,
        Array.TOP_LOG_PROBABILITIES);
  }

  /** Hessian-vector products of cross-entropy. */
  public static LogitsOperation hvp(
      Engine engine, Options options, int axis, double gradientScale) {
    options.refuseSoftcapOfHessian();
    return new LogitsOperation(
        "CrossEntropyHvp",
        "cross-entropy hvp",
        engine,
        options,
        axis,
        Function.CROSS_ENTROPY_HVP,
        true,
        gradientScale,
        0,
        Array.LOGITS,
        Array.UPSTREAM,
        Array.OUTPUT);
  }

  /** The backward pass of softmax or log-softmax: writes dx from y and dy. */
  public LogitsOperation backward() {
    boolean log = function == Function.LOG_SOFTMAX;
    return new LogitsOperation(
        type,
        name + " backward",
        engine,
        options,
        axis,
        log ? Function.LOG_SOFTMAX_BACKWARD : Function.SOFTMAX_BACKWARD,
        false,
        1,
        0,
        Array.OUTPUT,
        Array.UPSTREAM,
        Array.GRADIENT);
  }

  /** Returns the operation for rows whose classes are divided among shards. */
  public Shard onShard(long firstClass, long allClasses) {
    boolean log = function == Function.LOG_SOFTMAX;
    return Shard.ofSoftmax(engine, options, axis, log, firstClass, allClasses);
  }

  @Override
  public String toString() {
    Described text = new Described(type).option("k", k, 0);
    text.option("axis", axis, -1).option("gradientScale", gradientScale, 1.0);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  // ---- tensors for results ---------------------------------------------------------------------

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

  /** The type that results are computed in. */
  public static ElementType typeOfValues(View logits) {
    return logits.type == ElementType.F64 ? ElementType.F64 : ElementType.F32;
  }

  /** The type that can represent every class index. */
  public ElementType typeOfClasses(View logits) {
    long classes = logits.shape[Strides.axis(axis, logits.shape)];
    return classes - 1 > Integer.MAX_VALUE ? ElementType.I64 : ElementType.I32;
  }

  /** The type of a new tensor for one result per row. */
  public ElementType typeOfRows(View logits) {
    int argmax = function.place(Array.ARGMAX);
    return argmax >= 0 && (arrays >> argmax & 1) != 0
        ? typeOfClasses(logits)
        : typeOfValues(logits);
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Computes; the arrays are those of the row of the table. */
  public final void run(View first, View second, @Nullable View third) {
    run(arrays, first, second, third, null, null, null, null, 0);
  }

  /** Creates a bound call; the arrays are those of the row of the table. */
  public final Binding bind(View first, View second, @Nullable View third) {
    return new Binding(this, arrays, first, second, third);
  }

  @Override
  protected Function inputs() {
    return function == Function.CROSS_ENTROPY ? Function.LOG_SUM_EXP : function;
  }

  @Override
  protected double gradientScale() {
    return gradientScale;
  }

  @Override
  protected void take(Check check) {
    if (function == Function.SOFTMAX_BACKWARD || function == Function.LOG_SOFTMAX_BACKWARD) {
      options.refuseSoftcap(name.substring(0, name.indexOf(' ')));
    }
    check.lead(axis);
    check.inputs();
    check.outputs();
    if (k != 0 && check.call.topCount != k) {
      throw new ShapeException(
          message(
              "topClasses is %s, k is %d; expected the shape %s",
              check.view(Array.TOP_CLASSES),
              k,
              check.dimensions.entriesShape(Integer.toString(k))));
    }
    if (function == Function.CROSS_ENTROPY_HVP) {
      requireExact(check.view(Array.OUTPUT), check.lead());
    }
    if (wholeRows) {
      check.needWholeRows();
    }
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

  /** The weights of rows are checked without a kernel. */
  @Override
  protected boolean takeSteps(Site site, Checked call) {
    return !call.has(Array.ROW_WEIGHTS) && super.takeSteps(site, call);
  }

  @Override
  protected double compute(Run run) {
    RowWeights.count(run);
    run.run(rows, splitRows);
    return Double.NaN;
  }

  /** Computes some rows of the current piece. */
  void rows(Run run, long begin, long end) {
    if (run.rowsPerKernel() == 0) {
      run.reserveStatistics();
      for (long row = begin; row < end && !run.isInVain(); row++) {
        inRanges(run, row, row + 1, false);
      }
    } else {
      run.rows(function, begin, end);
    }
  }

  private void splitRows(Run run, long begin, long end) {
    run.reserveStatistics();
    inRanges(run, begin, end, true);
  }

  /** Computes long rows in class ranges, after their statistics. */
  private void inRanges(Run run, long begin, long end, boolean split) {
    switch (function) {
      case SOFTMAX_BACKWARD -> longRows.backward(run, begin, end, split, false);
      case LOG_SOFTMAX_BACKWARD -> longRows.backward(run, begin, end, split, true);
      default -> longRows.forward(run, begin, end, split);
    }
    if (function != Function.LOG_SUM_EXP) {
      longRows.each(run, begin, end, split, range);
    }
  }

  private void range(Run run, long row, long from, long to) {
    run.run(
        run.kernel(function, row, row + 1).classes(from, to).set(Array.STATISTICS, run.statistics));
  }
}
