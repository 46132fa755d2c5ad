// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One step of a network that runs forwards, and backwards along the same way.
 *
 * <p><b>Class axis.</b> Layers have their classes along axis 1 by default, so that rows (B, D),
 * columns (B, D, 1) and images (N, C, H, W) need no mention of it; a shape of one axis has its
 * classes along that. The operations of {@code dev.xent} use the last axis by default.
 *
 * <p><b>Ownership.</b> A layer owns what it returns. An output of {@code forward} is valid until
 * the next {@code forward}, a gradient until the next {@code backward} or {@code forward} that
 * writes it, both until {@link #close}. The layers of this package return read-only tensors,
 * because backward reads the outputs again; they copy or keep in their own memory what backward
 * needs, so the inputs may be overwritten as soon as {@code forward} has returned. Close a layer:
 * its memory is not freed by the garbage collector.
 *
 * <p><b>Order.</b> {@code backward} belongs to the last {@code forward} that returned; you can call
 * it any number of times, and it returns the same bits each time. Before a {@code forward}, after
 * one that threw, and after {@link #close}, it throws {@link IllegalStateException}.
 *
 * <p><b>Threads.</b> A layer may be handed from thread to thread but used by one at a time.
 */
public interface Layer extends AutoCloseable {

  /** In the shape of a layer: any size, which may change from call to call. */
  long ANY = -1;

  /**
   * Runs the layer without feedbacks: {@code forward(inputs, null)}. A loss throws {@link
   * NullPointerException}, because it needs targets.
   *
   * @return the output, owned by the layer and valid until the next {@code forward}
   */
  default Tensor forward(Tensor inputs) {
    return forward(inputs, null);
  }

  /**
   * Runs the layer. A loss reads its targets from the feedbacks; other layers ignore them, so one
   * loop can run a whole stack.
   *
   * @param feedbacks the targets of a loss; null for other layers
   * @return the output, owned by the layer and valid until the next {@code forward}
   */
  Tensor forward(Tensor inputs, @Nullable Tensor feedbacks);

  /**
   * Computes the gradient with respect to the inputs of the last forward.
   *
   * @param gradients the gradient of that forward's output, in its shape; a loss multiplies the
   *     gradient of each row by it: {@link LossLayer#backward(Tensor)}
   * @return the gradient of the inputs, owned by the layer
   * @throws IllegalStateException if there was no forward
   */
  Tensor backward(Tensor gradients);

  /** Updates the parameters with {@link #defaultRate}. */
  default void step() {
    step(defaultRate());
  }

  /**
   * Subtracts the rate times the gradient of the parameters from the parameters. Layers without
   * parameters do nothing.
   */
  default void step(double learningRate) {}

  /** Returns the learning rate of {@link #step()}. */
  default double defaultRate() {
    return 0.01;
  }

  /** Frees the memory of all outputs. Do not use outputs afterwards. Closing twice is allowed. */
  @Override
  void close();
}
