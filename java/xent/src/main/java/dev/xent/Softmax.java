// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Arguments.view;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.SoftmaxPlan;
import dev.xent.internal.plan.options.Engine;

/**
 * Softmax along one axis: {@code y = exp(x) / sum exp(x)}.
 *
 * <p>Takes and writes tensors of equal shapes, of any rank and any strides. Logits of any finite
 * size are exact: nothing overflows. NaN or +inf in a row makes the whole row NaN; -inf is exactly
 * +0; a row of one class is 1; a row that is all -inf follows {@link Builder#fullyMasked}.
 *
 * <p><b>Types.</b> If the logits (in a backward, the output) are F32, F16 or BF16, everything is
 * computed as for F32 and each tensor may have any of these types: inputs are widened exactly,
 * results rounded once to nearest even. If they are F64, everything is computed in double and each
 * tensor may be F64 or F32.
 *
 * <p>A bound call accepts {@link Inputs}: a class mask, a sink, or row offsets of ragged rows.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls with your output
 * allocate nothing; large calls use more threads ({@link Execution#threads}). The bits do not
 * depend on backend, instruction set, number of threads, strides, batch size or kind of memory.
 *
 * <p>Every method throws {@link ShapeException}, {@link DTypeException} or {@link MemoryException}
 * for tensors that do not fit, and {@link OptionException} for options that the type or the method
 * cannot have, before anything is written.
 */
public final class Softmax {
  private final SoftmaxPlan plan;

  private Softmax(SoftmaxPlan plan) {
    this.plan = plan;
  }

  /**
   * Returns an operation along an axis, with the defaults of {@link Builder}.
   *
   * @param axis of the classes; negative ones count from the end
   */
  public static Softmax along(int axis) {
    return builder().axis(axis).build();
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns the axis of the classes, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return plan.axis();
  }

  /**
   * Returns {@code y} in a new row-major tensor of the shape and type of the logits. It is in an
   * automatic arena: any thread may use it, as long as it is reachable.
   *
   * @param logits {@code x}
   */
  public Tensor forward(Tensor logits) {
    View given = view(logits, "logits");
    Tensor output = Tensor.allocate(DType.of(given.type), given.shape);
    plan.forward(given, output.view);
    return output;
  }

  /**
   * Writes {@code y}.
   *
   * @param logits {@code x}
   * @param output {@code y}; may be {@code logits} itself, but not overlap it in any other way
   */
  public void forward(Tensor logits, Tensor output) {
    plan.forward(view(logits, "logits"), view(output, "output"));
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits {@code x}
   * @param output {@code y}; may be {@code logits} itself, but not overlap it in any other way
   */
  public BoundCall on(Tensor logits, Tensor output) {
    return new BoundCall(plan.bind(view(logits, "logits"), view(output, "output")));
  }

  /**
   * Writes {@code dx = y * (dy - sum dy * y) / temperature}.
   *
   * @param output {@code y}, the output of {@link #forward}
   * @param upstream {@code dy}, the gradient of the following step
   * @param gradient {@code dx}; may be {@code output} or {@code upstream} itself, but not overlap
   *     them in any other way
   */
  public void backward(Tensor output, Tensor upstream, Tensor gradient) {
    plan.backward(view(output, "output"), view(upstream, "upstream"), view(gradient, "gradient"));
  }

  /**
   * Returns this operation on rows whose classes are divided over tensors, processes or machines.
   *
   * @param firstClass the class that the tensors of the shard begin with: a multiple of 8192
   * @param allClasses the number of classes of all shards together; a call throws {@link
   *     ShapeException} if a shard ends neither there nor at a multiple of 8192
   */
  public SoftmaxShard shard(long firstClass, long allClasses) {
    return new SoftmaxShard(plan.onShard(firstClass, allClasses));
  }

  /**
   * Returns a call of {@link #backward(Tensor, Tensor, Tensor)} that can be run often.
   *
   * @param output {@code y}, the output of {@link #forward}
   * @param upstream {@code dy}, the gradient of the following step
   * @param gradient {@code dx}; may be {@code output} or {@code upstream} itself, but not overlap
   *     them in any other way
   */
  public BoundCall onBackward(Tensor output, Tensor upstream, Tensor gradient) {
    return new BoundCall(
        plan.bindBackward(
            view(output, "output"), view(upstream, "upstream"), view(gradient, "gradient")));
  }

  /** Returns the options that are not the defaults: {@code Softmax[temperature=2.0]}. */
  @Override
  public String toString() {
    return plan.toString();
  }

  /** Options of {@link Softmax}. Not safe for use by several threads at once. */
  public static final class Builder extends LogitBuilder<Builder> {
    private Builder() {}

    /**
     * Builds the operation.
     *
     * @throws OptionException for an instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public Softmax build() {
      Engine engine = engine();
      return new Softmax(SoftmaxPlan.softmax(engine, options(engine), axis));
    }
  }
}
