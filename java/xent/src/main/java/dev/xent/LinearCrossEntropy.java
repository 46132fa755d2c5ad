// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.loss.LinearOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.options.Reduction;
import org.jspecify.annotations.Nullable;

/**
 * {@link CrossEntropy} of {@code logits = hidden * weights^T + bias}, and its gradients in hidden
 * states, weights and bias, without the logits in memory: they are computed piece by piece when
 * they are needed. So the last layer of a language model of 128,000 tokens, or of a recommender of
 * a million items, takes megabytes in addition to its weights, not gigabytes.
 *
 * <p><b>Shapes.</b> {@code hidden} has any rank and any strides, with its features along the last
 * axis unless {@link Builder#axis(int)} sets another; each index of the other axes is a row. {@code
 * weights} are {@code [classes, features]}, of any strides, so you can pass an embedding, a mapped
 * file, or a part of a larger matrix; {@link Inputs#withBias} is {@code [classes]}. Targets, inputs
 * and outputs have the shapes that they have for logits of the shape of {@code hidden}, with
 * classes instead of features.
 *
 * <p><b>Types.</b> F32, F16 and BF16, each tensor for itself: inputs are widened exactly, results
 * rounded once to nearest even. A logit is a sum of products in blocks of 128 features, each summed
 * in float and then in double, and rounded to float; everything else has the bits of {@link
 * CrossEntropy} for these logits. Which terms are added in which order, also of the gradients, is a
 * part of the contract: conformance/numerics.md, section 13.
 *
 * <p><b>Gradients</b> are of the same loss. That of {@code hidden} belongs to rows; those of
 * weights and bias are sums over all rows of a call, and overwrite what was there.
 *
 * <p><b>Workspace.</b> Each thread that works on a call takes some megabytes in addition to the
 * tensors: {@link Builder#workspace}. If threads divide the classes of few rows, and for Java
 * arrays, states take 64 bytes for each row and 8192 classes, at most 2 MiB at a time.
 *
 * <p>Options, targets, inputs, edges, threads and exceptions are those of {@link CrossEntropy};
 * rows cannot be ragged. Instances are immutable; any number of threads may share one. The bits do
 * not depend on backend, instruction set, number of threads, workspace, strides or kind of memory.
 * Keep large weights off the heap, as the collector waits for kernels on Java arrays. Everything is
 * checked before anything is written: {@link ShapeException}, {@link DTypeException}, {@link
 * MemoryException} and {@link OptionException} for arguments that do not fit, {@link
 * LabelException} for a label that is not a class.
 */
public final class LinearCrossEntropy {
  private final LinearOperation operation;

  private LinearCrossEntropy(LinearOperation operation) {
    this.operation = operation;
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns the operation for the mean over the rows, with the defaults of {@link Builder}. */
  public static LinearCrossEntropy mean() {
    return builder().build();
  }

  /**
   * Returns the operation for the sum over the rows, otherwise with the defaults of {@link
   * Builder}.
   */
  public static LinearCrossEntropy sum() {
    return builder().reduction(Reduction.SUM).build();
  }

  /**
   * Returns this operation with another denominator, for means over more rows than one call sees.
   *
   * @param denominator as {@link Builder#denominator}
   */
  @CheckReturnValue
  public LinearCrossEntropy withDenominator(double denominator) {
    return new LinearCrossEntropy(operation.withDenominator(denominator));
  }

  /** Returns the axis of the features, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return operation.axis();
  }

  /**
   * Returns the reduced loss.
   *
   * @param hidden a row of features for each row of logits
   * @param weights those of each class
   * @param targets class indices or probability rows
   */
  public double forward(Tensor hidden, Tensor weights, Tensor targets) {
    return operation.loss(
        View.of(hidden, "hidden"), View.of(weights, "weights"), View.of(targets, "targets"), null);
  }

  /**
   * Returns the reduced loss and its gradients.
   *
   * @param hidden a row of features for each row of logits
   * @param weights those of each class
   * @param targets class indices or probability rows
   * @param gradients the gradients to write, and their tensors
   */
  public double forwardBackward(
      Tensor hidden, Tensor weights, Tensor targets, LinearGradients gradients) {
    return operation.loss(
        View.of(hidden, "hidden"),
        View.of(weights, "weights"),
        View.of(targets, "targets"),
        viewsOf(gradients));
  }

  private static ArrayViews viewsOf(LinearGradients gradients) {
    return NullChecks.require(gradients, "gradients", "a LinearGradients.create()").views;
  }

  /**
   * Returns a call that can be run often, for the loss alone.
   *
   * @param hidden a row of features for each row of logits
   * @param weights those of each class
   * @param targets class indices, probability rows, or sparse targets with their {@link
   *     Inputs#withTargetWeights}
   */
  public LossCall on(Tensor hidden, Tensor weights, Tensor targets) {
    return on(hidden, weights, targets, (ArrayViews) null);
  }

  /**
   * Returns a call that can be run often, for the loss and its gradients.
   *
   * @param hidden a row of features for each row of logits
   * @param weights those of each class
   * @param targets class indices, probability rows, or sparse targets with their {@link
   *     Inputs#withTargetWeights}
   * @param gradients the gradients that each run writes, and their tensors
   */
  public LossCall on(Tensor hidden, Tensor weights, Tensor targets, LinearGradients gradients) {
    return on(hidden, weights, targets, viewsOf(gradients));
  }

  private LossCall on(
      Tensor hidden, Tensor weights, Tensor targets, @Nullable ArrayViews gradients) {
    return new LossCall(
        operation.bind(
            View.of(hidden, "hidden"),
            View.of(weights, "weights"),
            View.of(targets, "targets"),
            gradients));
  }

  /**
   * Returns a call that writes the gradients alone, of an earlier run over the same tensors and
   * inputs, multiplied by the upstream of each row. The bits are those that the run would have
   * written with gradients. A run throws {@link OptionException} when the outputs have no
   * statistics of such a run.
   *
   * @param hidden as in that run
   * @param weights as in that run
   * @param targets as in that run
   * @param saved the outputs of that run, with the statistics that they saved
   * @param upstream one number per row, F32, F16 or BF16; null: 1 for every row
   * @param gradients the gradients that each run writes, and their tensors
   */
  public BoundCall onBackward(
      Tensor hidden,
      Tensor weights,
      Tensor targets,
      LossOutputs saved,
      @Nullable Tensor upstream,
      LinearGradients gradients) {
    return new BoundCall(
        on(hidden, weights, targets, gradients).bound.backward((View) upstream), saved);
  }

  /**
   * Returns the options that are not the defaults: {@code LinearCrossEntropy[labelSmoothing=0.1]}.
   */
  @Override
  public String toString() {
    return operation.toString();
  }

  /** Options of {@link LinearCrossEntropy}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitLossBuilder<Builder> {
    private long workspace;

    private Builder() {}

    /**
     * Sets the maximum workspace, in bytes, of each thread that works on a call. The memory that
     * the workspaces of all threads leave free stores the logits between the passes of a call with
     * gradients, if there is room for all of them, so that they are not computed twice. The
     * operation keeps both for its next calls, once for each thread that calls at the same time, up
     * to sixteen times. The workspace changes the speed but not the results. A call that needs more
     * bytes throws an {@link OptionException} with the number that it needs: with gradients of the
     * weights 8 KiB for four features, and 8 KiB for every thousand rows and feature with that of
     * the hidden states. Default: the fastest size, usually at most 64 MiB, of which no more than 1
     * MiB per thread is kept.
     *
     * @throws OptionException unless above 0
     */
    public Builder workspace(long bytes) {
      workspace = LinearOperation.requireWorkspace(bytes);
      return this;
    }

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have, a
     *     probability clamp together with smoothing, or a focal loss with either of them or a
     *     z-loss
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public LinearCrossEntropy build() {
      Engine engine = engine();
      return new LinearCrossEntropy(new LinearOperation(engine, spec(engine), workspace));
    }
  }
}
