// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.Types;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.LogitsOperation;

/**
 * {@link Sigmoid} or {@link LogSigmoid}: a result for each element of the logits, and back.
 *
 * <p>Instances are immutable; any number of threads may share one.
 */
public abstract sealed class SigmoidOperation permits Sigmoid, LogSigmoid {
  private final LogitsOperation operation;
  private final LogitsOperation backward;

  SigmoidOperation(LogitsOperation operation) {
    this.operation = operation;
    this.backward = operation.backward();
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
   * Returns {@code y} of some numbers, in a new array.
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
   * tensor of the shape and type of the logits. It is in an automatic arena: any thread may use it,
   * as long as it is reachable.
   *
   * @param logits {@code x}, as in {@link #forward}
   * @param upstream {@code dy}, the gradient of the following step
   */
  public final Tensor backward(Tensor logits, Tensor upstream) {
    View given = View.of(logits, "logits");
    View following = View.of(upstream, "upstream");
    Types.requireLead("logits", given);
    Tensor gradient = Tensor.allocate(DType.of(given.type), given.shape);
    backward.run(given, following, (View) gradient);
    return gradient;
  }

  /**
   * Writes {@code dx}, with z = x / temperature: {@code dy * sigmoid(z) * sigmoid(-z) /
   * temperature} of {@link Sigmoid}, {@code dy * sigmoid(-z) / temperature} of {@link LogSigmoid}.
   *
   * @param logits {@code x}, as in {@link #forward}; not its output, which is rounded to 1 where
   *     the gradient is small
   * @param upstream {@code dy}, the gradient of the following step
   * @param gradient {@code dx}; may be {@code logits} or {@code upstream} itself, but not overlap
   *     them in any other way
   */
  public final void backward(Tensor logits, Tensor upstream, Tensor gradient) {
    backward.run(
        View.of(logits, "logits"), View.of(upstream, "upstream"), View.of(gradient, "gradient"));
  }

  /**
   * Returns a call of {@link #backward(Tensor, Tensor, Tensor)} that can be run often.
   *
   * @param logits {@code x}, as in {@link #forward}
   * @param upstream {@code dy}, the gradient of the following step
   * @param gradient {@code dx}; may be {@code logits} or {@code upstream} itself, but not overlap
   *     them in any other way
   */
  public final BoundCall onBackward(Tensor logits, Tensor upstream, Tensor gradient) {
    return new BoundCall(
        backward.bind(
            View.of(logits, "logits"),
            View.of(upstream, "upstream"),
            View.of(gradient, "gradient")));
  }

  /** Returns the options that are not the defaults: {@code Sigmoid[temperature=2.0]}. */
  @Override
  public final String toString() {
    return operation.toString();
  }
}
