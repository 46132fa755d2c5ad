// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.LogitsOperation;

/**
 * {@link Softmax} or {@link LogSoftmax}: results in the shape of the logits, and back.
 *
 * <p>Instances are immutable; any number of threads may share one.
 */
public abstract sealed class SoftmaxOperation permits Softmax, LogSoftmax {
  private final LogitsOperation operation;
  private final LogitsOperation backward;

  SoftmaxOperation(LogitsOperation operation) {
    this.operation = operation;
    this.backward = operation.backward();
  }

  /** Returns the axis of the classes, as set by {@link OperationBuilder#axis(int)}. */
  public final int axis() {
    return operation.axis();
  }

  /**
   * Returns {@code y} in a new row-major tensor of the shape and type of the logits. It is in an
   * automatic arena: any thread may use it, as long as it is reachable.
   *
   * @param logits {@code x}
   */
  public final Tensor forward(Tensor logits) {
    View given = View.of(logits, "logits");
    Types.requireLead("logits", given);
    Tensor output = Tensor.allocate(DType.of(given.type), given.shape);
    operation.run(given, (View) output, null);
    return output;
  }

  /**
   * Returns {@code y} of one row, in a new array.
   *
   * @param logits {@code x}
   */
  public final float[] forward(float[] logits) {
    Tensor given = JavaArrays.row(logits, "logits");
    float[] output = new float[logits.length];
    forward(given, Tensor.of(output));
    return output;
  }

  /**
   * Returns {@code y} of some rows, in new arrays. The rows are copied; for many or large ones use
   * tensors.
   *
   * @param logits {@code x}, rows of one length
   */
  public final float[][] forward(float[][] logits) {
    return forward(JavaArrays.rows(logits, "logits")).toFloatArrays();
  }

  /**
   * Writes {@code y}.
   *
   * @param logits {@code x}
   * @param output {@code y}; may be {@code logits} itself, but not overlap it in any other way
   */
  public final void forward(Tensor logits, Tensor output) {
    operation.run(View.of(logits, "logits"), View.of(output, "output"), null);
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits {@code x}
   * @param output {@code y}; may be {@code logits} itself, but not overlap it in any other way
   */
  public final BoundCall on(Tensor logits, Tensor output) {
    return new BoundCall(
        operation.bind(View.of(logits, "logits"), View.of(output, "output"), null));
  }

  /**
   * Returns {@code dx}, as {@link #backward(Tensor, Tensor, Tensor)} writes it, in a new row-major
   * tensor of the shape and type of the output. It is in an automatic arena: any thread may use it,
   * as long as it is reachable.
   *
   * @param output {@code y}, the output of {@link #forward}
   * @param upstream {@code dy}, the gradient of the following step
   */
  public final Tensor backward(Tensor output, Tensor upstream) {
    View given = View.of(output, "output");
    View following = View.of(upstream, "upstream");
    Types.requireLead("output", given);
    Tensor gradient = Tensor.allocate(DType.of(given.type), given.shape);
    backward.run(given, following, (View) gradient);
    return gradient;
  }

  /**
   * Writes {@code dx}: {@code y * (dy - sum dy * y) / temperature} of {@link Softmax}, {@code (dy -
   * exp(y) * sum dy) / temperature} of {@link LogSoftmax}.
   *
   * @param output {@code y}, the output of {@link #forward}
   * @param upstream {@code dy}, the gradient of the following step
   * @param gradient {@code dx}; may be {@code output} or {@code upstream} itself, but not overlap
   *     them in any other way
   */
  public final void backward(Tensor output, Tensor upstream, Tensor gradient) {
    backward.run(
        View.of(output, "output"), View.of(upstream, "upstream"), View.of(gradient, "gradient"));
  }

  /**
   * Returns a call of {@link #backward(Tensor, Tensor, Tensor)} that can be run often.
   *
   * @param output {@code y}, the output of {@link #forward}
   * @param upstream {@code dy}, the gradient of the following step
   * @param gradient {@code dx}; may be {@code output} or {@code upstream} itself, but not overlap
   *     them in any other way
   */
  public final BoundCall onBackward(Tensor output, Tensor upstream, Tensor gradient) {
    return new BoundCall(
        backward.bind(
            View.of(output, "output"),
            View.of(upstream, "upstream"),
            View.of(gradient, "gradient")));
  }

  /**
   * Returns this operation on rows whose classes are divided over tensors, processes or machines.
   *
   * @param firstClass the class that the tensors of the shard begin with: a multiple of 8192
   * @param allClasses the number of classes of all shards together; a call throws {@link
   *     ShapeException} if a shard ends neither there nor at a multiple of 8192
   */
  public final SoftmaxShard shard(long firstClass, long allClasses) {
    return new SoftmaxShard(operation.onShard(firstClass, allClasses));
  }

  /** Returns the options that are not the defaults: {@code Softmax[temperature=2.0]}. */
  @Override
  public final String toString() {
    return operation.toString();
  }
}
