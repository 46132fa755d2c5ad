// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.DType;
import dev.xent.Sigmoid;
import dev.xent.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * {@code y = 1 / (1 + exp(-x))} element by element, and back: {@code dx = dy * y * (1 - y)}.
 *
 * <p>Any type of floats in, F32 out, in the shape of the inputs. The rules at the edges are the
 * same as in {@link Sigmoid}. Backward reads a copy of the inputs, because an output near 1 is
 * rounded. For a loss, use {@link BinaryCrossEntropyLayer}. Ownership, order of calls and threads:
 * {@link Layer}.
 */
public final class SigmoidLayer extends OwningLayer {
  private final Sigmoid operation;
  private final OwnedTensor floats = new OwnedTensor();
  private final OwnedTensor doubles = new OwnedTensor(DType.F64);

  /** The one of both that has the inputs. */
  private OwnedTensor kept = floats;

  private final OwnedTensor outputs = new OwnedTensor();
  private final OwnedTensor gradients = new OwnedTensor();

  /**
   * Creates a layer.
   *
   * @param shape of the inputs, {@link Layer#ANY} for a size that changes from call to call
   */
  public SigmoidLayer(long... shape) {
    this(Sigmoid.create(), shape);
  }

  private SigmoidLayer(Sigmoid operation, long... shape) {
    super(Objects.requireNonNull(operation, "operation"), shape);
    this.operation = operation;
  }

  /** Returns a layer with the options of an operation. */
  public static SigmoidLayer of(Sigmoid operation, long... shape) {
    return new SigmoidLayer(operation, shape);
  }

  @Override
  public Tensor forward(Tensor inputs, @Nullable Tensor feedbacks) {
    begin(inputs);
    kept = inputs.type() == DType.F64 ? doubles : floats;
    Tensor x = kept.shaped(inputs.shape());
    copy(inputs, "inputs", x);
    operation.forward(x, outputs.shaped(inputs.shape()));
    end();
    return outputs.readOnly();
  }

  @Override
  public Tensor backward(Tensor gradients) {
    given(gradients, "gradients");
    requireForward("backward");
    Tensor x = kept.writable();
    operation.backward(x, gradients, this.gradients.shaped(x.shape()));
    return this.gradients.readOnly();
  }

  @Override
  void free() {
    floats.close();
    doubles.close();
    outputs.close();
    gradients.close();
  }
}
