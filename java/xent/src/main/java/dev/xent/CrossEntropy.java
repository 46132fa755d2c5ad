// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.CrossEntropyPlan;
import dev.xent.internal.plan.Outputs;
import dev.xent.internal.plan.View;
import java.lang.foreign.Arena;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of logits and targets: {@code loss = - sum q log softmax(x)} per row, and its
 * gradient {@code dx = c * (softmax(x) * sum q - q)} from the same read of the logits.
 *
 * <p><b>Logits.</b> F32, any rank, any strides. The classes lie along axis 1, or 0 where there is
 * only one, unless {@link Builder#axis(int)} says otherwise; each index of the other axes is a row.
 *
 * <p><b>Targets.</b> Class indices (I8, U8, I16, I32, I64) in the shape of the logits without the
 * class axis, or with that axis at size 1: {@code (B)} and {@code (B, 1)} both fit logits {@code
 * (B, C)}. Or probability rows: F32 in the shape of the logits; these need not sum to 1.
 *
 * <p><b>Reduction.</b> {@code SUM} is the exact sum of the row losses, rounded once; {@code MEAN}
 * is that sum divided by the denominator; {@code NONE} returns the sum and leaves the losses
 * themselves in {@link Outcome#losses}, which it requires. The denominator is the number of rows
 * that are not ignored, unless {@link Builder#denominator} gives another. The gradient has a
 * reduction of its own, so that a mean loss can be reported with the gradient of the sum.
 *
 * <p><b>Edges.</b> NaN or +inf in a row makes its loss and gradient NaN. A class of -inf has
 * probability 0; a label on it has the loss +inf. A row that is all -inf follows {@link
 * Builder#fullyMasked(FullyMasked)}. Rows of ignored labels change nothing: loss and gradient are
 * +0. A mean over the denominator 0 follows {@link Builder#noneCounted}, and its gradient is +0.
 *
 * <p>Instances are immutable; any number of threads may share one. A call allocates nothing while
 * it is small and little else, helps itself to more threads where it is large ({@link
 * LossBuilder#threads}), and gives the same bits whatever the backend, instruction set, number of
 * threads, strides, batch size or kind of memory. Everything is checked before anything is written:
 * {@link ShapeException}, {@link DTypeException}, {@link MemoryException} and {@link
 * OptionException} for what does not fit, {@link LabelException} for a label that is no class.
 */
public final class CrossEntropy {
  private final CrossEntropyPlan plan;

  private CrossEntropy(CrossEntropyPlan plan) {
    this.plan = plan;
  }

  /** To choose options. */
  public static Builder builder() {
    return new Builder();
  }

  /** The mean over the rows, with the defaults of {@link Builder}. */
  public static CrossEntropy mean() {
    return builder().build();
  }

  /** The sum over the rows, otherwise with the defaults of {@link Builder}. */
  public static CrossEntropy sum() {
    return builder().reduction(Reduction.SUM).build();
  }

  /**
   * This operation with another denominator, for means over more rows than one call sees.
   *
   * @param denominator as {@link Builder#denominator}
   */
  public CrossEntropy withDenominator(double denominator) {
    return new CrossEntropy(plan.with(plan.reductions().withDenominator(denominator)));
  }

  /**
   * The axis of the classes.
   *
   * @param rank the number of dimensions of the logits
   * @return as {@link Builder#axis(int)} was given it, or the default for this rank
   */
  public int axis(int rank) {
    return plan.axis(rank);
  }

  /** The same loss, with the same options, of inputs that are log-probabilities already. */
  public NllLoss onLogProbabilities() {
    return new NllLoss(plan.onLogProbabilities());
  }

  /**
   * The reduced loss.
   *
   * @param logits {@code x}
   * @param targets class indices or probability rows
   */
  public double forward(Tensor logits, Tensor targets) {
    return plan.forward(logits.view, targets.view, null, null);
  }

  /**
   * The reduced loss, and what the outcome was asked for.
   *
   * @param logits {@code x}
   * @param targets class indices or probability rows
   * @param outcome receives the numbers of this call and fills its tensors
   */
  public double forward(Tensor logits, Tensor targets, Outcome outcome) {
    return plan.forward(logits.view, targets.view, null, outcome.outputs);
  }

  /**
   * The reduced loss and its gradient.
   *
   * @param logits {@code x}
   * @param targets class indices or probability rows
   * @param gradient {@code dx}, F32 in the shape of the logits; may be {@code logits} itself, but
   *     not overlap anything in any other way
   */
  public double forwardBackward(Tensor logits, Tensor targets, Tensor gradient) {
    return plan.forward(logits.view, targets.view, gradient.view, null);
  }

  /**
   * The reduced loss, its gradient, and what the outcome was asked for.
   *
   * @param logits {@code x}
   * @param targets class indices or probability rows
   * @param gradient {@code dx}, F32 in the shape of the logits; may be {@code logits} itself, but
   *     not overlap anything in any other way
   * @param outcome receives the numbers of this call and fills its tensors
   */
  public double forwardBackward(Tensor logits, Tensor targets, Tensor gradient, Outcome outcome) {
    return plan.forward(logits.view, targets.view, gradient.view, outcome.outputs);
  }

  /**
   * The gradient alone, from the row statistics of an earlier forward over the same logits and
   * targets: {@code dx = upstream * c * (softmax(x) * sum q - q)}, where {@code c} is the gradient
   * scale, divided by the denominator under a mean. The same bits as {@link #forwardBackward} gives
   * when the upstream is 1.
   *
   * @param logits {@code x}, as they were in the forward
   * @param targets as they were in the forward
   * @param saved the outcome of that forward, made with {@link Outcome#saveStatistics}
   * @param upstream F32, one number per row; null: 1 for every row
   * @param gradient {@code dx}, F32 in the shape of the logits; may be {@code logits} itself, but
   *     not overlap anything in any other way
   * @throws OptionException when the outcome has no statistics of such a forward
   */
  public void backward(
      Tensor logits, Tensor targets, Outcome saved, @Nullable Tensor upstream, Tensor gradient) {
    plan.backward(
        logits.view,
        targets.view,
        saved.outputs,
        upstream == null ? null : upstream.view,
        gradient.view);
  }

  /** Options of {@link CrossEntropy}. */
  public static final class Builder extends LossBuilder<Builder> {
    private FullyMasked fullyMasked = FullyMasked.NAN;

    private Builder() {}

    /** What a row that is all -inf gives: NaN (default), or loss and gradient +0. */
    public Builder fullyMasked(FullyMasked value) {
      fullyMasked = Objects.requireNonNull(value, "fullyMasked");
      return this;
    }

    /**
     * The operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException for the native backend where it cannot be had
     */
    public CrossEntropy build() {
      return new CrossEntropy(plan(fullyMasked));
    }

    @Override
    Builder self() {
      return this;
    }
  }

  /**
   * What a call hands out beside the loss. It is asked once for what is wanted, then given to any
   * number of calls; each overwrites the numbers and tensors of the one before.
   *
   * <p>Not safe for use by several threads at once. After a call that failed the numbers are still
   * those of the call before.
   */
  public static final class Outcome {
    final Outputs outputs = new Outputs();

    /** An outcome that is asked for nothing but numbers. */
    public Outcome() {}

    /**
     * Asks for the loss of every row, unreduced.
     *
     * @param tensor F32 in the shape of the rows: the logits' shape without the class axis, or with
     *     that axis at size 1; null: no longer
     */
    public Outcome losses(@Nullable Tensor tensor) {
      outputs.losses = viewOf(tensor);
      return this;
    }

    /**
     * Asks for the log-sum-exp of every row; NaN for ignored ones.
     *
     * @param tensor F32 in the shape of the rows; null: no longer
     */
    public Outcome logSumExp(@Nullable Tensor tensor) {
      outputs.logSumExp = viewOf(tensor);
      return this;
    }

    /**
     * Asks for 1 in every row whose label is the first of the largest logits, 0 in others. Class
     * indices only.
     *
     * @param tensor U8 in the shape of the rows; null: no longer
     */
    public Outcome hits(@Nullable Tensor tensor) {
      outputs.hits = viewOf(tensor);
      return this;
    }

    /** Asks for {@link #correct()} without a tensor of hits. Class indices only. */
    public Outcome countCorrect(boolean wanted) {
      outputs.countCorrect = wanted;
      return this;
    }

    /**
     * Asks for the row statistics that {@link CrossEntropy#backward} needs: 32 bytes per row, kept
     * in this outcome until the next call.
     *
     * @param arena where they lie; a call with more rows than any before takes new memory from it
     */
    public Outcome saveStatistics(Arena arena) {
      outputs.saveStatistics(Objects.requireNonNull(arena, "arena"));
      return this;
    }

    /** The reduced loss, as it was returned. */
    public double loss() {
      return outputs.loss;
    }

    /** The exact sum of the row losses, rounded once. */
    public double sum() {
      return outputs.sum;
    }

    /** The number of rows. */
    public long rows() {
      return outputs.rows;
    }

    /** The number of rows that are not ignored. */
    public long counted() {
      return outputs.counted;
    }

    /** What a mean divides by: the counted rows, or what the operation was given. */
    public double denominator() {
      return outputs.denominator;
    }

    /** The number of hits, or -1 when neither hits nor their count was asked for. */
    public long correct() {
      return outputs.correct;
    }

    private static @Nullable View viewOf(@Nullable Tensor tensor) {
      return tensor == null ? null : tensor.view;
    }
  }
}
