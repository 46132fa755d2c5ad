// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.SoftmaxOperation;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A layer whose outputs have the shape of its inputs, and whose backward needs the outputs alone.
 */
abstract class LogitLayer extends OwningLayer {
  private final SoftmaxOperation operation;
  private final OwnedTensor outputs = new OwnedTensor();
  private final OwnedTensor gradients = new OwnedTensor();

  LogitLayer(SoftmaxOperation operation, long... shape) {
    super(operation, shape);
    this.operation = operation;
    requireAxis(operation.axis());
  }

  @Override
  public Tensor forward(Tensor inputs, @Nullable Tensor feedbacks) {
    begin(inputs);
    operation.forward(inputs, outputs.shaped(inputs.shape()));
    end();
    return outputs.readOnly();
  }

  @Override
  public Tensor backward(Tensor gradients) {
    given(gradients, "gradients");
    requireForward("backward");
    Tensor y = outputs.writable();
    operation.backward(y, gradients, this.gradients.shaped(y.shape()));
    return this.gradients.readOnly();
  }

  @Override
  final void free() {
    outputs.close();
    gradients.close();
  }
}
