// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.loss.BinaryOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.options.Reduction;

/**
 * Binary cross-entropy of logits, of every element by itself: {@code loss = w (r t softplus(-x) +
 * (1 - t) softplus(x))} with {@code softplus(x) = log(1 + exp(x))}, the target {@code t}, the
 * weight {@code w} and the positive weight {@code r}, and its gradient {@code dx = c w ((1 - t)
 * sigmoid(x) - r t sigmoid(-x))} from the same read of the logits. Losses, and gradients of targets
 * 0 and 1, keep their relative accuracy at every logit.
 *
 * <p>With {@link Builder#focalGamma} it is the focal loss: {@code m^gamma} times that, {@code m =
 * (1 - t) sigmoid(x) + t sigmoid(-x)} being the probability of what is wrong; with {@link
 * Builder#focalAlpha} positives weigh {@code alpha} and negatives {@code 1 - alpha}.
 *
 * <p><b>Logits, targets.</b> Equal shapes of any rank, any strides. Targets are numbers from 0 to 1
 * of a type that fits the logits, which are not checked, or labels 0 and 1 of an integer type.
 *
 * <p><b>Types.</b> If the logits are F32, F16 or BF16, everything is computed as for F32, with
 * {@code focalGamma} in double and rounded to F32; each tensor of floats may have any of these
 * types. If they are F64, everything is computed in double and each tensor of floats may be F64 or
 * F32.
 *
 * <p><b>Inputs.</b> A bound call accepts {@link Inputs#withElementWeights}, {@code w}, and {@link
 * Inputs#withPositiveWeights}, {@code r}.
 *
 * <p><b>Reduction</b> as in {@link CrossEntropy}; the denominator is the number of elements that
 * are not ignored: their weight is not 0, and their label not the ignore index. Weights do not
 * change it. An ignored element has the loss and the gradient +0.
 *
 * <p><b>Edges.</b> A NaN makes the result NaN. A logit of +inf has the loss +inf if the target is
 * 0, and +0 if it is 1; -inf the opposite. A mean over the denominator 0 follows {@link
 * Builder#emptyMean}, and its gradient is +0.
 *
 * <p>Instances are immutable; any number of threads may share one. The bits do not depend on
 * backend, instruction set, number of threads, strides, batch size or kind of memory. Everything is
 * checked before anything is written: {@link ShapeException}, {@link DTypeException}, {@link
 * MemoryException} and {@link OptionException} for arguments that do not fit, {@link
 * LabelException} for a label that is neither 0 nor 1.
 */
public final class BinaryCrossEntropy implements Loss {
  private final BinaryOperation operation;

  private BinaryCrossEntropy(BinaryOperation operation) {
    this.operation = operation;
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns the operation for the mean over the elements, with the defaults of {@link Builder}. */
  public static BinaryCrossEntropy mean() {
    return builder().build();
  }

  /**
   * Returns the operation for the sum over the elements, otherwise with the defaults of {@link
   * Builder}.
   */
  public static BinaryCrossEntropy sum() {
    return builder().reduction(Reduction.SUM).build();
  }

  /**
   * Returns this operation with another denominator, for means over more elements than one call
   * sees.
   *
   * @param denominator as {@link Builder#denominator}
   */
  @CheckReturnValue
  @Override
  public BinaryCrossEntropy withDenominator(double denominator) {
    return new BinaryCrossEntropy(operation.withDenominator(denominator));
  }

  /** Returns the axis of weights with one dimension, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return operation.axis();
  }

  /**
   * Returns the reduced loss.
   *
   * @param logits {@code x}
   * @param targets {@code t}
   */
  @Override
  public double forward(Tensor logits, Tensor targets) {
    return operation.loss(View.of(logits, "logits"), View.of(targets, "targets"), null);
  }

  /**
   * Returns the reduced loss and writes its gradient.
   *
   * @param logits {@code x}
   * @param targets {@code t}
   * @param gradient {@code dx}, in the shape of the logits; may be {@code logits} itself, but not
   *     overlap anything in any other way
   */
  @Override
  public double forwardBackward(Tensor logits, Tensor targets, Tensor gradient) {
    return operation.loss(
        View.of(logits, "logits"), View.of(targets, "targets"), View.of(gradient, "gradient"));
  }

  @Override
  public LossResult evaluate(Tensor logits, Tensor targets) {
    return LossResult.ofElements(on(logits, targets), logits);
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits {@code x}
   * @param targets {@code t}
   */
  @Override
  public LossCall on(Tensor logits, Tensor targets) {
    return new LossCall(
        operation.bind(View.of(logits, "logits"), View.of(targets, "targets"), null));
  }

  @Override
  public LossCall on(Tensor logits, Tensor targets, Tensor gradient) {
    return new LossCall(
        operation.bind(
            View.of(logits, "logits"), View.of(targets, "targets"), View.of(gradient, "gradient")));
  }

  /** Returns the options that are not the defaults: {@code BinaryCrossEntropy[focalGamma=2.0]}. */
  @Override
  public String toString() {
    return operation.toString();
  }

  /** Options of {@link BinaryCrossEntropy}. Not safe for use by several threads at once. */
  public static final class Builder extends ReducedBuilder<Builder> {
    private Builder() {}

    /**
     * Sets the label whose elements are ignored: any number. Default: none. With other targets than
     * labels a call throws {@link OptionException}.
     */
    public Builder ignoreIndex(long value) {
      ignoreIndex = value;
      return this;
    }

    /**
     * Sets {@code gamma} of the focal loss; 0 (default): not focal.
     *
     * @throws OptionException unless from 0 to 2^32
     */
    public Builder focalGamma(double value) {
      return set(OptionRange.FOCAL_GAMMA, value);
    }

    /**
     * Sets {@code alpha} of the focal loss, with {@link #focalGamma} or without: losses are
     * multiplied by {@code alpha t + (1 - alpha) (1 - t)}. Default: by nothing.
     *
     * @throws OptionException unless above 0 and at most 1
     */
    public Builder focalAlpha(double value) {
      return set(OptionRange.FOCAL_ALPHA, value);
    }

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public BinaryCrossEntropy build() {
      Engine engine = engine();
      return new BinaryCrossEntropy(new BinaryOperation(engine, spec(engine)));
    }
  }
}
