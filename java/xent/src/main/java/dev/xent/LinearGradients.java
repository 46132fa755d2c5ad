// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.View;
import org.jspecify.annotations.Nullable;

/**
 * Which gradients a call writes. Set it once, then pass it to any number of calls. Not safe for use
 * by several threads at once.
 */
public final class LinearGradients {
  final ArrayViews views = new ArrayViews();

  private LinearGradients() {}

  /** Returns new gradients, which request none. */
  public static LinearGradients create() {
    return new LinearGradients();
  }

  /**
   * Requests the gradient of the hidden states.
   *
   * @param tensor F32, F16 or BF16, in the shape of the hidden states, or null to cancel the
   *     request
   */
  public LinearGradients hidden(@Nullable Tensor tensor) {
    views.set(Array.HIDDEN_GRADIENT, (View) tensor);
    return this;
  }

  /**
   * Requests the gradient of the weights, a sum over the rows of a call.
   *
   * @param tensor F32, F16 or BF16, in the shape of the weights, or null to cancel the request
   */
  public LinearGradients weights(@Nullable Tensor tensor) {
    views.set(Array.WEIGHTS_GRADIENT, (View) tensor);
    return this;
  }

  /**
   * Requests the gradient of the bias, a sum over the rows of a call. The call need not have one.
   *
   * @param tensor F32, F16 or BF16, one dimension with a number per class, or null to cancel the
   *     request
   */
  public LinearGradients bias(@Nullable Tensor tensor) {
    views.set(Array.BIAS_GRADIENT, (View) tensor);
    return this;
  }

  /** Returns the outputs that are set, in one line. */
  @Override
  public String toString() {
    return views.describe("LinearGradients");
  }
}
