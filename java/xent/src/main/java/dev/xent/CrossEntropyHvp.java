// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.LogitsOperation;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;

/**
 * Hessian-vector products of cross-entropy, as Newton's method, conjugate gradients and influence
 * functions need them: {@code c u (diag(p) - p p^T) v / temperature^2} of each row, with {@code p =
 * softmax(x / temperature)}, {@code c} the gradient scale and {@code u} the weight of the row. No
 * matrix is made: {@code p (v - sum p v)}.
 *
 * <p><b>Targets</b> have no part in it: the Hessian of a row's loss with respect to its logits is
 * the same for every target whose sum is 1, be it a label, smoothed or not, or a probability row.
 * Rows that do not count have the weight 0, the weight of a label's class is a factor of the row's,
 * and that of a mean is the {@link Builder#gradientScale}. A softcap, a z-loss and a focal loss
 * have other Hessians.
 *
 * <p><b>Logits, upstream, output.</b> Equal shapes of any rank, any strides. The classes are along
 * the last axis, unless {@link Builder#axis(int)} sets another; each index of the other axes is a
 * row.
 *
 * <p><b>Types.</b> If the logits are F32, F16 or BF16, everything is computed as for F32, upstream
 * is of any of these types, and output is F32; if they are F64, upstream is F64 or F32 and output
 * F64. The output has the probabilities for a while.
 *
 * <p><b>Inputs.</b> A bound call accepts a class mask, row weights, a sink, or row offsets of
 * ragged rows. A masked class is +0. A row of weight 0 is +0.
 *
 * <p><b>Edges.</b> A NaN or +inf in a row makes all of it NaN. A row that is all -inf follows
 * {@link Builder#fullyMasked}: NaN, or the products of probabilities that are 0.
 *
 * <p>Instances are immutable; any number of threads may share one. A small call allocates nothing.
 * The bits do not depend on backend, instruction set, number of threads, strides, batch size or
 * kind of memory. Everything is checked before anything is written: {@link ShapeException}, {@link
 * DTypeException}, {@link MemoryException} and {@link OptionException} for arguments that do not
 * fit.
 */
public final class CrossEntropyHvp {
  private final LogitsOperation operation;

  private CrossEntropyHvp(LogitsOperation operation) {
    this.operation = operation;
  }

  /**
   * Returns an operation along an axis, with the defaults of {@link Builder}.
   *
   * @param axis of the classes; negative ones count from the end
   */
  public static CrossEntropyHvp along(int axis) {
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
   * Returns the product of each row in a new row-major tensor of the shape of the logits: F64 for
   * logits of F64, else F32. It is in an automatic arena: any thread may use it, as long as it is
   * reachable.
   *
   * @param logits {@code x}
   * @param upstream {@code v}
   */
  public Tensor product(Tensor logits, Tensor upstream) {
    View given = View.of(logits, "logits");
    View vectors = View.of(upstream, "upstream");
    Tensor output = Tensor.allocate(DType.of(LogitsOperation.typeOfValues(given)), given.shape);
    operation.run(given, vectors, (View) output);
    return output;
  }

  /**
   * Writes the product of each row.
   *
   * @param logits {@code x}
   * @param upstream {@code v}
   * @param output the products; may be {@code logits} itself, but not overlap anything in any other
   *     way
   */
  public void product(Tensor logits, Tensor upstream, Tensor output) {
    operation.run(
        View.of(logits, "logits"), View.of(upstream, "upstream"), View.of(output, "output"));
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits {@code x}
   * @param upstream the vectors
   * @param output as in {@link #product(Tensor, Tensor, Tensor)}
   */
  public BoundCall on(Tensor logits, Tensor upstream, Tensor output) {
    return new BoundCall(
        operation.bind(
            View.of(logits, "logits"), View.of(upstream, "upstream"), View.of(output, "output")));
  }

  /** Returns the options that are not the defaults: {@code CrossEntropyHvp[temperature=2.0]}. */
  @Override
  public String toString() {
    return operation.toString();
  }

  /** Options of {@link CrossEntropyHvp}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitBuilder<Builder> {
    private Builder() {}

    /**
     * Sets {@code c}, the factor of every product; of a mean over n rows 1 / n. Default: 1.
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
     * @throws OptionException for a softcap, and for an instruction set that this processor or
     *     build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public CrossEntropyHvp build() {
      Engine engine = engine();
      Options options = options(engine);
      return new CrossEntropyHvp(LogitsOperation.hvp(engine, options, axis, gradientScale));
    }
  }
}
