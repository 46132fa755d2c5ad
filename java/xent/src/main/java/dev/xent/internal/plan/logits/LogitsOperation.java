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
 * A function of logits without targets: a kind of the table below. Calls pass the arrays of the
 * kind in its order, and inputs.
 */
public class LogitsOperation extends Operation {
  /** The functions: the name of the type, that of calls, and the arrays of each call in order. */
  public enum Kind {
    /** {@code exp(x) / sum exp(x)}. */
    SOFTMAX("Softmax", "softmax", Function.SOFTMAX, false, Array.LOGITS, Array.OUTPUT),
    /** {@code x - log sum exp(x)}. */
    LOG_SOFTMAX(
        "LogSoftmax", "log-softmax", Function.LOG_SOFTMAX, false, Array.LOGITS, Array.OUTPUT),
    /** {@code dx} from {@code y} and {@code dy}. */
    SOFTMAX_BACKWARD(
        "Softmax",
        "softmax backward",
        Function.SOFTMAX_BACKWARD,
        false,
        Array.OUTPUT,
        Array.UPSTREAM,
        Array.GRADIENT),
    LOG_SOFTMAX_BACKWARD(
        "LogSoftmax",
        "log-softmax backward",
        Function.LOG_SOFTMAX_BACKWARD,
        false,
        Array.OUTPUT,
        Array.UPSTREAM,
        Array.GRADIENT),
    /** {@code 1 / (1 + exp(-x))} of each element. */
    SIGMOID("Sigmoid", "sigmoid", Function.SIGMOID, true, Array.LOGITS, Array.OUTPUT),
    /** Its logarithm. */
    LOG_SIGMOID(
        "LogSigmoid", "log-sigmoid", Function.LOG_SIGMOID, true, Array.LOGITS, Array.OUTPUT),
    /** {@code dx} from {@code x} and {@code dy}. */
    SIGMOID_BACKWARD(
        "Sigmoid",
        "sigmoid backward",
        Function.SIGMOID_BACKWARD,
        true,
        Array.LOGITS,
        Array.UPSTREAM,
        Array.GRADIENT),
    LOG_SIGMOID_BACKWARD(
        "LogSigmoid",
        "log-sigmoid backward",
        Function.LOG_SIGMOID_BACKWARD,
        true,
        Array.LOGITS,
        Array.UPSTREAM,
        Array.GRADIENT),
    /** {@code log sum exp(x)}: one number per row. */
    LOG_SUM_EXP(
        "LogSumExp", "log-sum-exp", Function.LOG_SUM_EXP, false, Array.LOGITS, Array.LOG_SUM_EXP),
    /** The class of the largest logit. */
    ARGMAX("Argmax", "argmax", Function.CROSS_ENTROPY, true, Array.LOGITS, Array.ARGMAX),
    /** {@code - sum p log p}. */
    ENTROPY("Entropy", "entropy", Function.CROSS_ENTROPY, true, Array.LOGITS, Array.ENTROPIES),
    /** The largest classes of each row, and the logarithms of their probabilities. */
    TOP(
        "TopK",
        "top-k",
        Function.CROSS_ENTROPY,
        true,
        Array.LOGITS,
        Array.TOP_CLASSES,
        Array.TOP_LOG_PROBABILITIES),
    /** Hessian-vector products of cross-entropy. */
    HVP(
        "CrossEntropyHvp",
        "cross-entropy hvp",
        Function.CROSS_ENTROPY_HVP,
        true,
        Array.LOGITS,
        Array.UPSTREAM,
        Array.OUTPUT);

    final String type;
    final String text;
    final Function function;

    /** Whether the results of a row need the whole row. */
    final boolean wholeRows;

    final Array[] arrays;

    Kind(String type, String text, Function function, boolean wholeRows, Array... arrays) {
      this.type = type;
      this.text = text;
      this.function = function;
      this.wholeRows = wholeRows;
      this.arrays = arrays;
    }

    /** Whether each element is computed by itself. */
    boolean isElementwise() {
      return switch (this) {
        case SIGMOID, LOG_SIGMOID, SIGMOID_BACKWARD, LOG_SIGMOID_BACKWARD -> true;
        default -> false;
      };
    }
  }

  private final Kind kind;

  /** The places of the arrays that each call has. */
  private final int arrays;

  private final double gradientScale;

  /** The number of largest classes; 0 for an operation without them. */
  private final int k;

  private final LongRows longRows = new LongRows();
  private final RowTask rows = this::rows;
  private final RowTask splitRows = this::splitRows;
  private final ChunkTask range = this::range;

  public LogitsOperation(Kind kind, Engine engine, Options options, int axis) {
    this(kind, engine, options, axis, 1, 0);
  }

  LogitsOperation(
      Kind kind, Engine engine, Options options, int axis, double gradientScale, int k) {
    super(kind.function, kind.text, engine, options, axis);
    this.kind = kind;
    this.gradientScale = gradientScale;
    this.k = k;
    this.arrays = mask(kind.arrays);
  }

  /** The {@code k} largest classes of each row, and the logarithms of their probabilities. */
  public static LogitsOperation topLogProbabilities(
      Engine engine, Options options, int axis, int k) {
    return new LogitsOperation(Kind.TOP, engine, options, axis, 1, k);
  }

  /** Hessian-vector products of cross-entropy. */
  public static LogitsOperation hvp(
      Engine engine, Options options, int axis, double gradientScale) {
    options.refuseSoftcapOfHessian();
    return new LogitsOperation(Kind.HVP, engine, options, axis, gradientScale, 0);
  }

  /** The backward pass: of softmax and log-softmax from y and dy, of sigmoids from x and dy. */
  public LogitsOperation backward() {
    Kind pass = Kind.valueOf(kind.name() + "_BACKWARD");
    return new LogitsOperation(pass, engine, options, axis);
  }

  /** Returns the operation for rows whose classes are divided among shards. */
  public Shard onShard(long firstClass, long allClasses) {
    return Shard.ofSoftmax(engine, options, axis, kind == Kind.LOG_SOFTMAX, firstClass, allClasses);
  }

  @Override
  public String toString() {
    Described text = new Described(kind.type).option("k", k, 0);
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
    return kind == Kind.ARGMAX ? typeOfClasses(logits) : typeOfValues(logits);
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Computes; the arrays are those of its kind. */
  public final void run(View first, View second, @Nullable View third) {
    run(arrays, first, second, third, null, null, null, null, 0, null);
  }

  /** Creates a bound call; the arrays are those of its kind. */
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
    if (kind == Kind.SOFTMAX_BACKWARD || kind == Kind.LOG_SOFTMAX_BACKWARD) {
      options.refuseSoftcap(name.substring(0, name.indexOf(' ')));
    }
    if (kind.isElementwise()) {
      check.leadElements(axis);
    } else {
      check.lead(axis);
    }
    check.inputs();
    check.outputs();
    if (k != 0 && check.call.shape.topCount != k) {
      throw new ShapeException(
          message(
              "topClasses is %s, k is %d; expected the shape %s",
              check.view(Array.TOP_CLASSES),
              k,
              check.dimensions.entriesShape(Integer.toString(k))));
    }
    if (kind == Kind.HVP) {
      requireExact(check.view(Array.OUTPUT), check.lead());
    }
    if (kind.wholeRows) {
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
  protected boolean takeKernels(Site site, Checked call) {
    return !call.has(Array.ROW_WEIGHTS) && super.takeKernels(site, call);
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
