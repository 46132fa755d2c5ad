// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A layer whose outputs have the shape of its inputs, and whose backward needs the outputs alone.
 */
abstract class LogitLayer extends OwningLayer {
  private final OwnedTensor outputs = new OwnedTensor();
  private final OwnedTensor gradients = new OwnedTensor();

  /** Creates the layer of an operation along an axis. */
  LogitLayer(Object operation, int axis, long... shape) {
    super(operation, shape);
    requireAxis(axis);
  }

  abstract void compute(Tensor x, Tensor y);

  abstract void computeGradients(Tensor y, Tensor dy, Tensor dx);

  @Override
  public final Tensor forward(Tensor inputs, @Nullable Tensor feedbacks) {
    begin(inputs);
    compute(inputs, outputs.shaped(inputs.shape()));
    end();
    return outputs.readOnly();
  }

  @Override
  public final Tensor backward(Tensor gradients) {
    Elements.given(gradients, "gradients");
    requireForward("backward");
    Tensor y = outputs.writable();
    computeGradients(y, gradients, this.gradients.shaped(y.shape()));
    return this.gradients.readOnly();
  }

  @Override
  final void free() {
    outputs.close();
    gradients.close();
  }
}
