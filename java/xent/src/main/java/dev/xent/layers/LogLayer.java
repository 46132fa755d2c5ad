// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * {@code y = log(x)} element by element, and back: {@code dx = dy / x}.
 *
 * <p>Any type of floats in, F32 out, in the shape of the inputs. The logarithm is {@link
 * StrictMath#log}, which has the same bits everywhere, rounded once. At the edges: {@code log(0) =
 * -inf} for both zeros, {@code log(+inf) = +inf}, and of a negative or NaN input it is NaN.
 *
 * <p>Back through {@code x = 0} the gradient is {@code dy / 0}: infinite, but +0 if {@code dy} is
 * 0, because a class of probability 0 that has no part in the loss must not turn its row into NaN.
 * A softmax before this layer loses numbers below 1e-38, so use {@link LogSoftmaxLayer} or {@link
 * CrossEntropyLayer} if labels can be very unlikely.
 *
 * <p>Ownership, order of calls and threads: {@link Layer}.
 */
public final class LogLayer extends OwningLayer {

  /** The inputs. A double has every number of every type of floats. */
  private final OwnedTensor kept = new OwnedTensor(DType.F64);

  private final OwnedTensor outputs = new OwnedTensor();
  private final OwnedTensor upstream = new OwnedTensor(DType.F64);
  private final OwnedTensor gradients = new OwnedTensor();

  /**
   * Creates a layer for inputs of one shape.
   *
   * @param shape of the inputs, {@link Layer#ANY} for a size that changes from call to call
   */
  public LogLayer(long... shape) {
    super(null, shape);
  }

  @Override
  public Tensor forward(Tensor inputs, @Nullable Tensor feedbacks) {
    begin(inputs);
    Tensor x = kept.shaped(inputs.shape());
    copy(inputs, "inputs", x);
    Tensor y = outputs.shaped(inputs.shape());
    MemorySegment from = x.segment();
    MemorySegment to = y.segment();
    for (long i = 0; i < x.elements(); i++) {
      set(to, i, (float) StrictMath.log(getDouble(from, i)));
    }
    end();
    return outputs.readOnly();
  }

  @Override
  public Tensor backward(Tensor gradients) {
    given(gradients, "gradients");
    requireForward("backward");
    Tensor x = kept.writable();
    Tensor dy = upstream.shaped(x.shape());
    copy(gradients, "gradients", dy);
    MemorySegment inputs = x.segment();
    MemorySegment from = dy.segment();
    MemorySegment to = this.gradients.shaped(x.shape()).segment();
    for (long i = 0; i < x.elements(); i++) {
      double given = getDouble(from, i);
      double at = getDouble(inputs, i);
      set(to, i, given == 0 && at == 0 ? 0f : (float) (given / at));
    }
    return this.gradients.readOnly();
  }

  @Override
  void free() {
    kept.close();
    outputs.close();
    upstream.close();
    gradients.close();
  }
}
