// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.loss.DivergenceOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.options.DivergenceKind;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import java.util.Objects;

/**
 * A divergence of a student from its teacher, both as logits, and its gradient with respect to the
 * student's logits. {@code q = softmax(teacher / temperature)}, {@code p = softmax(x /
 * temperature)}; a {@link DivergenceKind} selects the divergence: Kullback-Leibler, Jensen-Shannon,
 * or the total variation distance. A loss is never below 0.
 *
 * <p>Distillation multiplies by the square of the temperature, so that gradients keep their size:
 * {@code gradientScale(t * t)}, and the loss times {@code t * t}. It is not done here.
 *
 * <p><b>Logits, teacher.</b> Equal shapes of any rank, any strides. The classes are along the last
 * axis, unless {@link Builder#axis(int)} sets another; each index of the other axes is a row.
 *
 * <p><b>Types.</b> Each tensor is F32, F64, F16 or BF16, in any mixture. Everything is computed in
 * double and rounded once.
 *
 * <p><b>Inputs.</b> A bound call accepts a class mask, which is for both sides, and row weights
 * {@code u}; a row of weight 0 is ignored: its loss and gradient are +0.
 *
 * <p><b>Reduction</b> as in {@link CrossEntropy}; the denominator is the number of rows, or the
 * exact sum of their weights.
 *
 * <p><b>Edges.</b> A row in which either side has a NaN or +inf is NaN. One in which all classes of
 * either side are -inf or masked follows {@link Builder#fullyMasked}. A class of -inf has
 * probability 0 on that side; if it has probability 0 only in the student, the Kullback-Leibler
 * divergence is +inf.
 *
 * <p>Instances are immutable; any number of threads may share one. The bits do not depend on
 * backend, instruction set, number of threads, strides, batch size or kind of memory. Everything is
 * checked before anything is written: {@link ShapeException}, {@link DTypeException}, {@link
 * MemoryException} and {@link OptionException} for arguments that do not fit.
 */
public final class Divergence implements Loss {
  private final DivergenceOperation operation;

  private Divergence(DivergenceOperation operation) {
    this.operation = operation;
  }

  /**
   * Returns a builder with the default options.
   *
   * @param kind which divergence
   */
  public static Builder builder(DivergenceKind kind) {
    return new Builder(Objects.requireNonNull(kind, "kind"));
  }

  /**
   * Returns the operation for the mean over the rows, with the defaults of {@link Builder}.
   *
   * @param kind which divergence
   */
  public static Divergence mean(DivergenceKind kind) {
    return builder(kind).build();
  }

  /**
   * Returns the operation for the sum over the rows, otherwise with the defaults of {@link
   * Builder}.
   *
   * @param kind which divergence
   */
  public static Divergence sum(DivergenceKind kind) {
    return builder(kind).reduction(Reduction.SUM).build();
  }

  /**
   * Returns this operation with another denominator, for means over more rows than one call sees.
   *
   * @param denominator as {@link Builder#denominator}
   */
  @CheckReturnValue
  @Override
  public Divergence withDenominator(double denominator) {
    return new Divergence(operation.withDenominator(denominator));
  }

  /** Returns the axis of the classes, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return operation.axis();
  }

  /**
   * Returns the reduced loss.
   *
   * @param logits {@code x}, the student's
   * @param teacher the teacher's logits
   */
  @Override
  public double forward(Tensor logits, Tensor teacher) {
    return operation.loss(View.of(logits, "logits"), View.of(teacher, "teacher"), null);
  }

  /**
   * Returns the reduced loss and writes its gradient.
   *
   * @param logits {@code x}, the student's
   * @param teacher the teacher's logits
   * @param gradient {@code dx}, in the shape of the logits; may be {@code logits} itself, but not
   *     overlap anything in any other way
   */
  @Override
  public double forwardBackward(Tensor logits, Tensor teacher, Tensor gradient) {
    return operation.loss(
        View.of(logits, "logits"), View.of(teacher, "teacher"), View.of(gradient, "gradient"));
  }

  @Override
  public LossResult evaluate(Tensor logits, Tensor teacher) {
    return LossResult.ofRows(on(logits, teacher), operation.axis(), logits, teacher);
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits of the student
   * @param teacher its logits, in the shape of the logits
   */
  @Override
  public LossCall on(Tensor logits, Tensor teacher) {
    return new LossCall(
        operation.bind(View.of(logits, "logits"), View.of(teacher, "teacher"), null));
  }

  @Override
  public LossCall on(Tensor logits, Tensor teacher, Tensor gradient) {
    return new LossCall(
        operation.bind(
            View.of(logits, "logits"), View.of(teacher, "teacher"), View.of(gradient, "gradient")));
  }

  /**
   * Returns the options that are not the defaults: {@code Divergence[kind=KULLBACK_LEIBLER,
   * temperature=2.0]}.
   */
  @Override
  public String toString() {
    return operation.toString();
  }

  /** Options of {@link Divergence}. Not safe for use by several threads at once. */
  public static final class Builder extends ReducedBuilder<Builder> {
    private final DivergenceKind kind;

    private Builder(DivergenceKind kind) {
      this.kind = kind;
    }

    /**
     * Sets the result of a row in which one side has only -inf and masked classes: NaN (default),
     * or loss and gradient +0.
     */
    public Builder fullyMasked(FullyMasked value) {
      fullyMasked = Objects.requireNonNull(value, "fullyMasked");
      return this;
    }

    /**
     * Sets {@code tau}: the logits of both sides are divided by it. Default: 1.
     *
     * @throws OptionException unless it is from 2^-32 to 2^32
     */
    public Builder temperature(double value) {
      return set(OptionRange.TEMPERATURE, value);
    }

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public Divergence build() {
      Engine engine = engine();
      return new Divergence(plan(engine, spec(engine)));
    }

    private DivergenceOperation plan(Engine engine, LossSpec spec) {
      return switch (kind) {
        case KULLBACK_LEIBLER -> DivergenceOperation.kullbackLeibler(engine, spec);
        case JENSEN_SHANNON -> DivergenceOperation.jensenShannon(engine, spec);
        case TOTAL_VARIATION -> DivergenceOperation.totalVariation(engine, spec);
      };
    }
  }
}
