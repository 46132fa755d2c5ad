// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.logits.LogitsOperation;
import dev.xent.internal.plan.logits.SelectedOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import org.jspecify.annotations.Nullable;

/**
 * Log-probabilities of a few classes of each row, {@code log softmax(x)} of these alone, and the
 * gradient of their sum with factors. One read of the logits; no array of all log-probabilities is
 * made. The score of a completion is the sum of those of its tokens; losses of preference and of
 * policies (DPO, KTO, PPO, GRPO) are functions of such sums.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="selected" :
 * SelectedLogProbabilities selected = SelectedLogProbabilities.along(-1);
 * selected.forward(logits, tokens, logProbabilities); // [T, V], [T] and [T]
 * selected.sumSequences(logProbabilities, offsets, scores);
 * }
 *
 * <p><b>Targets</b> are the classes: I8 to I64 or U8 to U64, one per row in the shape of the rows,
 * or up to 256 of each row along the class axis, where a class may come twice. One out of range is
 * a {@link LabelException}. {@link Builder#ignoreIndex} stands for no class.
 *
 * <p><b>Values.</b> With one class per row they are {@code -} {@link CrossEntropy}'s loss, bit for
 * bit, and as accurate: 5e-7 relative in float32, 1e-15 in float64, also where the probability is
 * next to 1. An entry that is ignored has +0, so that sums are of those that count; every other one
 * of a row that is NaN has NaN. A row that is fully masked follows {@link Builder#fullyMasked}.
 *
 * <p><b>Gradient.</b> {@code dx = c sum g (e - p) / temperature}, the sum being over the selected
 * classes, {@code e} 1 at the class and 0 elsewhere, {@code g} the upstream gradient of its
 * log-probability, and {@code c} {@link Builder#gradientScale}.
 *
 * <p><b>Types.</b> If the logits are F32, F16 or BF16, everything is computed as for F32 and each
 * tensor of floats may have any of these types: inputs are widened exactly, results rounded once to
 * nearest even. If they are F64, everything is computed in double and each tensor of floats may be
 * F64 or F32.
 *
 * <p>A bound call accepts {@link Inputs}: a class mask, a sink, or row offsets of ragged rows,
 * whose classes count from the beginning of the row.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls with your output
 * allocate nothing; large calls use more threads ({@link Execution#withThreads}). The bits do not
 * depend on backend, instruction set, number of threads, strides, batch size or kind of memory.
 * Every method throws {@link ShapeException}, {@link DTypeException}, {@link MemoryException} or
 * {@link OptionException} for arguments that do not fit, before anything is written.
 */
public final class SelectedLogProbabilities {
  private final SelectedOperation operation;

  private SelectedLogProbabilities(SelectedOperation operation) {
    this.operation = operation;
  }

  /**
   * Returns an operation along an axis, with the defaults of {@link Builder}.
   *
   * @param axis of the classes; negative ones count from the end
   */
  public static SelectedLogProbabilities along(int axis) {
    return builder().axis(axis).build();
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns the axis of the classes, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return operation.axis();
  }

  /**
   * Returns the log-probabilities, F64 for logits of F64, else F32, in the shape of the targets.
   * The memory is new, off the heap, in an automatic arena: any thread may use it, as long as the
   * tensor is reachable.
   *
   * @param logits {@code x}
   * @param targets the classes
   */
  public Tensor forward(Tensor logits, Tensor targets) {
    View given = View.of(logits, "logits");
    View classes = View.of(targets, "targets");
    Tensor logProbabilities =
        Tensor.allocate(DType.of(LogitsOperation.typeOfValues(given)), classes.shape);
    operation.run(given, classes, (View) logProbabilities);
    return logProbabilities;
  }

  /**
   * Writes the log-probabilities.
   *
   * @param logits {@code x}
   * @param targets the classes
   * @param logProbabilities of a type that fits the logits, in the shape of the targets; must not
   *     overlap anything
   */
  public void forward(Tensor logits, Tensor targets, Tensor logProbabilities) {
    operation.run(
        View.of(logits, "logits"),
        View.of(targets, "targets"),
        View.of(logProbabilities, "logProbabilities"));
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits {@code x}
   * @param targets the classes of each row
   * @param logProbabilities as in {@link #forward(Tensor, Tensor, Tensor)}
   */
  public BoundCall on(Tensor logits, Tensor targets, Tensor logProbabilities) {
    return bound(logits, targets, logProbabilities, null, null);
  }

  /**
   * Returns a call that writes the gradient too.
   *
   * @param logits {@code x}
   * @param targets the classes of each row
   * @param logProbabilities as in {@link #forward(Tensor, Tensor, Tensor)}
   * @param upstream {@code g}, of a type that fits the logits, in the shape of the targets; null: 1
   *     for every class
   * @param gradient {@code dx}, in the shape of the logits; may be the logits themselves, but not
   *     overlap anything in any other way
   */
  public BoundCall on(
      Tensor logits,
      Tensor targets,
      Tensor logProbabilities,
      @Nullable Tensor upstream,
      Tensor gradient) {
    return bound(logits, targets, logProbabilities, (View) upstream, View.of(gradient, "gradient"));
  }

  private BoundCall bound(
      Tensor logits,
      Tensor targets,
      Tensor logProbabilities,
      @Nullable View upstream,
      @Nullable View gradient) {
    return new BoundCall(
        operation.bind(
            View.of(logits, "logits"),
            View.of(targets, "targets"),
            View.of(logProbabilities, "logProbabilities"),
            upstream,
            gradient));
  }

  /**
   * Returns a call that saves statistics, for a gradient whose upstream depends on the
   * log-probabilities.
   *
   * @param logits {@code x}
   * @param targets the classes of each row
   * @param logProbabilities as in {@link #forward(Tensor, Tensor, Tensor)}
   * @param saved with {@link LossOutputs#saveStatistics()}; receives the statistics of each run
   */
  public BoundCall on(Tensor logits, Tensor targets, Tensor logProbabilities, LossOutputs saved) {
    return new BoundCall(
        operation.bind(
            View.of(logits, "logits"),
            View.of(targets, "targets"),
            View.of(logProbabilities, "logProbabilities"),
            Outputs.saved(saved)),
        saved);
  }

  /**
   * Returns a call that writes the gradient alone, of an earlier run over the same tensors and
   * inputs. The bits are those that the run would have written with a gradient. A run throws {@link
   * OptionException} when the outputs have no statistics of such a run.
   *
   * @param logits as in that run
   * @param targets as in that run
   * @param saved the outputs of that run, with the statistics that they saved
   * @param upstream {@code g}, of a type that fits the logits, in the shape of the targets; null: 1
   *     for every class
   * @param gradient {@code dx}, in the shape of the logits; may be the logits themselves, but not
   *     overlap anything in any other way
   */
  public BoundCall onBackward(
      Tensor logits,
      Tensor targets,
      LossOutputs saved,
      @Nullable Tensor upstream,
      Tensor gradient) {
    return new BoundCall(
        operation.bindBackward(
            View.of(logits, "logits"),
            View.of(targets, "targets"),
            (View) upstream,
            View.of(gradient, "gradient")),
        saved);
  }

  /**
   * Returns the sums of the log-probabilities of consecutive sequences: sequence {@code s} has the
   * rows from {@code offsets[s]} up to {@code offsets[s + 1]}. Each is the exact sum of the numbers
   * as they stand in the tensor, rounded once: NaN where one of them is, and +0 of no row.
   *
   * @param logProbabilities F32 or F64, {@code [rows]} or {@code [rows, k]}
   * @param offsets I32 or I64, one dimension of sequences + 1 numbers without gaps, which do not
   *     fall
   * @param sums F32 or F64, one dimension with a number per sequence; must not overlap anything
   */
  public void sumSequences(Tensor logProbabilities, Tensor offsets, Tensor sums) {
    operation.sumSequences(
        View.of(logProbabilities, "logProbabilities"),
        View.of(offsets, "offsets"),
        View.of(sums, "sums"));
  }

  /**
   * Returns the options that are not the defaults: {@code
   * SelectedLogProbabilities[temperature=2.0]}.
   */
  @Override
  public String toString() {
    return operation.toString();
  }

  /** Options of {@link SelectedLogProbabilities}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitBuilder<Builder> {
    private Builder() {}

    /** Sets the target that marks an unused entry: any number, a class or not. Default: none. */
    public Builder ignoreIndex(long value) {
      ignoreIndex = value;
      return this;
    }

    /**
     * Sets {@code c}: the factor of every gradient. Default: 1.
     *
     * @throws OptionException unless finite
     */
    public Builder gradientScale(double value) {
      gradientScale = OptionRange.GRADIENT_SCALE.require(value);
      return this;
    }

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public SelectedLogProbabilities build() {
      Engine engine = engine();
      return new SelectedLogProbabilities(
          new SelectedOperation(engine, options(engine), axis, gradientScale));
    }
  }
}
