// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.loss.NllOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.options.Reduction;
import org.jspecify.annotations.Nullable;

/**
 * The negative log-likelihood of log-probabilities and targets: {@code loss = - u sum w q l} per
 * row, and its gradient {@code dl = - c u w q}. The input is taken as it is: nothing is normalised.
 * After a log-softmax it is the cross-entropy; {@link CrossEntropy} does both in one pass and is
 * more exact.
 *
 * <p><b>Log-probabilities.</b> Any rank, any strides. The classes are along the last axis, unless
 * {@link Builder#axis(int)} sets another; each index of the other axes is a row.
 *
 * <p><b>Types.</b> If the log-probabilities are F32, F16 or BF16, each tensor of floats may have
 * any of these types; if they are F64, each may be F64 or F32. Results are computed in double,
 * rounded to F32 unless the log-probabilities are F64, then to the type of their tensor.
 *
 * <p><b>Targets</b>, <b>inputs</b>, <b>reduction</b> and <b>denominator</b>: as for {@link
 * CrossEntropy}, but without a sink.
 *
 * <p><b>Edges.</b> Only what has a weight is read: with class indices and no smoothing a NaN
 * elsewhere in the row changes nothing. A log-probability of 0 has the loss +0, one of -inf at the
 * label +inf. Probability rows and sparse targets whose sum is not finite make loss and gradient
 * NaN. A row whose classes are all masked has the loss +0. Rows with an ignored label or the weight
 * 0 are not read: their loss and gradient are +0. A mean over the denominator 0 follows {@link
 * Builder#emptyMean}, and its gradient is +0.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls allocate nothing;
 * large calls use more threads ({@link Execution#withThreads}). The bits do not depend on backend,
 * number of threads, strides, batch size or kind of memory. Everything is checked before anything
 * is written: {@link ShapeException}, {@link DTypeException}, {@link MemoryException} and {@link
 * OptionException} for arguments that do not fit, {@link LabelException} for a label that is not a
 * class.
 */
public final class NllLoss implements Loss {
  private final NllOperation operation;

  private NllLoss(NllOperation operation) {
    this.operation = operation;
  }

  /**
   * Returns a cross-entropy's options as a loss of log-probabilities: what the cross-entropy
   * computes of logits, this computes of their log-softmax.
   *
   * @throws OptionException for options that log-probabilities do not have, such as {@link
   *     CrossEntropy.Builder#focalGamma}
   */
  public static NllLoss of(CrossEntropy loss) {
    return new NllLoss(NullChecks.require(loss, "loss", "a cross-entropy").onLogProbabilities());
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns the operation for the mean over the rows, with the defaults of {@link Builder}. */
  public static NllLoss mean() {
    return builder().build();
  }

  /**
   * Returns the operation for the sum over the rows, otherwise with the defaults of {@link
   * Builder}.
   */
  public static NllLoss sum() {
    return builder().reduction(Reduction.SUM).build();
  }

  /**
   * Returns this operation with another denominator, for means over more rows than one call sees.
   *
   * @param denominator as {@link Builder#denominator}
   */
  @CheckReturnValue
  @Override
  public NllLoss withDenominator(double denominator) {
    return new NllLoss(operation.withDenominator(denominator));
  }

  /** Returns the axis of the classes, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return operation.axis();
  }

  /**
   * Returns the reduced loss.
   *
   * @param logProbabilities {@code l}
   * @param targets class indices or probability rows
   */
  @Override
  public double forward(Tensor logProbabilities, Tensor targets) {
    return operation.loss(
        View.of(logProbabilities, "logProbabilities"), View.of(targets, "targets"), null);
  }

  /**
   * Returns the loss of one row.
   *
   * @param logProbabilities {@code l}
   * @param label the class
   */
  public double forward(float[] logProbabilities, int label) {
    return forward(JavaArrays.row(logProbabilities, "logProbabilities"), JavaArrays.label(label));
  }

  /**
   * Returns the reduced loss of some rows. They are copied; for many or large ones use tensors.
   *
   * @param logProbabilities {@code l}, rows of one length
   * @param labels a class for each row
   */
  public double forward(float[][] logProbabilities, int[] labels) {
    return JavaArrays.forward(this, "logProbabilities", logProbabilities, labels);
  }

  /**
   * Returns the loss of one row and writes its gradient.
   *
   * @param logProbabilities {@code l}
   * @param label the class
   * @param gradient {@code dl}, as long as the log-probabilities; may be {@code logProbabilities}
   *     itself
   */
  public double forwardBackward(float[] logProbabilities, int label, float[] gradient) {
    return forwardBackward(
        JavaArrays.row(logProbabilities, "logProbabilities"),
        JavaArrays.label(label),
        JavaArrays.row(gradient, "gradient"));
  }

  /**
   * Returns the reduced loss of some rows and writes its gradient. The rows are copied; for many or
   * large ones use tensors.
   *
   * @param logProbabilities {@code l}, rows of one length
   * @param labels a class for each row
   * @param gradient {@code dl}, rows of the same number and length; may be {@code logProbabilities}
   *     itself
   */
  public double forwardBackward(float[][] logProbabilities, int[] labels, float[][] gradient) {
    return JavaArrays.forwardBackward(this, "logProbabilities", logProbabilities, labels, gradient);
  }

  /**
   * Returns the reduced loss and writes its gradient.
   *
   * @param logProbabilities {@code l}
   * @param targets class indices or probability rows
   * @param gradient {@code dl}, in the shape of the log-probabilities; may be these themselves, but
   *     not overlap anything in any other way
   */
  @Override
  public double forwardBackward(Tensor logProbabilities, Tensor targets, Tensor gradient) {
    return operation.loss(
        View.of(logProbabilities, "logProbabilities"),
        View.of(targets, "targets"),
        View.of(gradient, "gradient"));
  }

  @Override
  public LossResult evaluate(Tensor logProbabilities, Tensor targets) {
    return LossResult.ofRows(
        on(logProbabilities, targets), operation.axis(), logProbabilities, targets);
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logProbabilities {@code l}
   * @param targets class indices, probability rows, or sparse targets with their {@link
   *     Inputs#withTargetWeights}
   */
  @Override
  public LossCall on(Tensor logProbabilities, Tensor targets) {
    return new LossCall(
        operation.bind(
            View.of(logProbabilities, "logProbabilities"), View.of(targets, "targets"), null));
  }

  @Override
  public LossCall on(Tensor logProbabilities, Tensor targets, Tensor gradient) {
    return new LossCall(
        operation.bind(
            View.of(logProbabilities, "logProbabilities"),
            View.of(targets, "targets"),
            View.of(gradient, "gradient")));
  }

  /**
   * Returns a call that writes the gradient alone, of an earlier run over the same tensors and
   * inputs, multiplied by the upstream of each row. The bits are those that the run would have
   * written with a gradient. A run throws {@link OptionException} when the outputs are not those of
   * such a run.
   *
   * @param logProbabilities as in that run
   * @param targets as in that run
   * @param saved the outputs of that run, of which only the numbers are read
   * @param upstream one number per row, of a type that fits the logits; null: 1 for every row
   * @param gradient as in {@link #forwardBackward(Tensor, Tensor, Tensor)}
   */
  public BoundCall onBackward(
      Tensor logProbabilities,
      Tensor targets,
      LossOutputs saved,
      @Nullable Tensor upstream,
      Tensor gradient) {
    return new BoundCall(
        on(logProbabilities, targets, gradient).bound.backward((View) upstream), saved);
  }

  /** Returns the options that are not the defaults: {@code NllLoss[ignoreIndex=-100]}. */
  @Override
  public String toString() {
    return operation.toString();
  }

  /**
   * Options of {@link NllLoss}. The backend and its instruction set check the labels and add the
   * losses up; the rest is plain Java. Not safe for use by several threads at once.
   */
  public static final class Builder extends LossBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public NllLoss build() {
      Engine engine = engine();
      return new NllLoss(new NllOperation(engine, spec(engine)));
    }
  }
}
