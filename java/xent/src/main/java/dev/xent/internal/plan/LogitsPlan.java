// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Kernels;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What logits tell without targets: the largest classes and what they have, argmax, entropy. */
public final class LogitsPlan {
  private final String name;
  private final String event;
  private final Engine engine;
  private final Kernels kernels;
  private final Options options;
  private final int axis;

  /** How many of the largest classes; 0 for an operation that is not asked for any. */
  private final int k;

  private final RowWork rows = this::rows;

  private LogitsPlan(String name, String event, Engine engine, Options options, int axis, int k) {
    this.name = name;
    this.event = event;
    this.engine = engine;
    this.kernels = engine.kernels();
    this.options = options;
    this.axis = axis;
    this.k = k;
  }

  /** The class of the largest logit. */
  public static LogitsPlan argmax(Engine engine, Options options, int axis) {
    return new LogitsPlan("Argmax", "argmax", engine, options, axis, 0);
  }

  /** {@code - sum p log p}. */
  public static LogitsPlan entropy(Engine engine, Options options, int axis) {
    return new LogitsPlan("Entropy", "entropy", engine, options, axis, 0);
  }

  /** The largest classes, so many of each row. */
  public static LogitsPlan topK(Engine engine, Options options, int axis, int k) {
    return new LogitsPlan("TopK", "top-k", engine, options, axis, k);
  }

  /**
   * Returns the value.
   *
   * @throws OptionException unless it is 1 or more
   */
  public static int requireCount(int k) {
    if (k < 1) {
      throw new OptionException("k is " + k + ": ask for 1 or more of the largest classes");
    }
    return k;
  }

  @Override
  public String toString() {
    Described text = new Described(name).option("k", k, 0).option("axis", axis, -1);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  // ---- tensors for results ---------------------------------------------------------------------

  /** The shape of the largest classes of these logits. */
  public long[] topShape(View logits, InputViews inputs) {
    if (inputs.rowOffsets() != null) {
      return new long[] {Math.max(inputs.rowOffsets().elements - 1, 0), k};
    }
    int d = Strides.axis(axis, logits.shape);
    if (k > logits.shape[d]) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "k is %d, logits is %s with %s along axis %d: ask for 1 to %d of the largest classes",
              k,
              logits,
              Plural.of(logits.shape[d], "class"),
              d,
              logits.shape[d]));
    }
    long[] shape = logits.shape.clone();
    shape[d] = k;
    return shape;
  }

  /** The type that holds the number of every class. */
  public DType typeOfClasses(View logits, InputViews inputs) {
    long classes =
        inputs.rowOffsets() == null
            ? logits.shape[Strides.axis(axis, logits.shape)]
            : logits.elements;
    return classes - 1 > Integer.MAX_VALUE ? DType.I64 : DType.I32;
  }

  /** The type that results are computed in. */
  public static DType typeOfValues(View logits) {
    return logits.type == DType.F64 ? DType.F64 : DType.F32;
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Writes the class of the largest logit of each row. */
  public void argmax(View logits, InputViews inputs, View classes) {
    run(logits, inputs, classes, null, null, null, null);
  }

  /** Writes the entropy of each row. */
  public void entropy(View logits, InputViews inputs, View entropies) {
    run(logits, inputs, null, entropies, null, null, null);
  }

  /** Writes the largest classes of each row, and the logarithms of their probabilities. */
  public void logProbabilities(View logits, InputViews inputs, View topClasses, View top) {
    run(logits, inputs, null, null, topClasses, top, null);
  }

  /** Writes the largest classes of each row, and their probabilities. */
  public void probabilities(View logits, InputViews inputs, View topClasses, View top) {
    run(logits, inputs, null, null, topClasses, null, top);
  }

  private void run(
      View logits,
      InputViews inputs,
      @Nullable View argmax,
      @Nullable View entropies,
      @Nullable View topClasses,
      @Nullable View topLogProbabilities,
      @Nullable View topProbabilities) {
    Call call = Call.current();
    try {
      call.begin(event, engine);
      inputs.refuseTargetWeights(event);
      inputs.refuseRowWeights(event);
      LossCall.lead(call, call.logits, logits, axis, inputs);
      LossCall.takeInputs(call, inputs, null);
      call.unusual = true;
      call.needsWholeRows = true;
      if (argmax != null) {
        call.indices(call.argmax, argmax);
      }
      if (entropies != null) {
        call.perRow(call.entropies, entropies);
      }
      call.top(topClasses, topLogProbabilities, topProbabilities);
      requireCount(call);
      LossCall.requireWritable(call);
      call.ready();
      call.options(options, 1);
      if (topProbabilities != null) {
        call.room.saveStatistics(call.dimensions.rows);
      }
      call.run(rows);
    } catch (IllegalStateException | WrongThreadException e) {
      throw call.lost(e);
    } finally {
      call.end();
    }
  }

  private void requireCount(Call call) {
    if (call.topCount != k) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "topClasses is %s, k is %d: give it the shape %s",
              call.topClasses.view,
              k,
              call.dimensions.entriesShape(Integer.toString(k))));
    }
  }

  private void rows(Call call, long begin, long end) {
    long step = call.rowsPerKernel();
    for (long row = begin; row < end && !call.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      Failures.check(kernels.run(LossCall.kernel(call, row, stop)), call);
      if (call.topProbabilities.view != null) {
        call.topScratch().write(call, kernels, row, stop);
      }
    }
  }
}
