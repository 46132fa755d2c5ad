// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static dev.xent.internal.text.Messages.message;

import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LinearGradients;
import dev.xent.LossCall;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The last linear layer of a network and its loss in one: {@code - sum q log softmax(h w^T + b)} of
 * hidden states {@code h} and targets, and back, without the logits in memory.
 *
 * <p>Its inputs are the hidden states, and so {@link #backward()} is their gradient. A forward
 * computes the gradients of weights and bias too, and {@link #step(double)} subtracts them from the
 * weights and the bias, which stay yours: you may share them with an embedding, and change them
 * between calls. They are gradients of {@link #loss} itself, for any argument of {@link
 * #backward(Tensor)}.
 *
 * <p>Targets, reductions and ownership: {@link LossLayer}; the rules at the edges: {@link
 * LinearCrossEntropy}.
 */
public final class LinearCrossEntropyLayer extends LossLayer {
  private final LinearCrossEntropy operation;
  private final Tensor weights;
  private final @Nullable Tensor bias;
  private final Inputs inputs;
  private final LinearGradients gradients = LinearGradients.create();
  private final OwnedTensor ofWeights = new OwnedTensor();
  private final OwnedTensor ofBias = new OwnedTensor();

  /**
   * Creates a layer of the mean over the rows, without a bias, with features along axis 1; along
   * the only one of a shape of one axis. {@link #along} takes any other.
   *
   * @param weights {@code [classes, features]}, read and, in {@link #step(double)}, written
   * @param shape of the hidden states, {@link Layer#ANY} for a size that changes from call to call
   */
  public LinearCrossEntropyLayer(Tensor weights, long... shape) {
    this(along(defaultAxis(shape)), weights, null, shape);
  }

  private LinearCrossEntropyLayer(
      LinearCrossEntropy operation, Tensor weights, @Nullable Tensor bias, long... shape) {
    super(operation, shape);
    this.operation = operation;
    this.weights = given(weights, "weights");
    requireFits(weights.shape());
    this.bias = bias;
    inputs = bias == null ? Inputs.none() : Inputs.none().withBias(bias);
  }

  /** Checks that a forward of some hidden states accepts these weights. */
  private void requireFits(long[] ofWeights) {
    long features = size(axis);
    boolean fits = ofWeights.length == 2 && ofWeights[0] > 0 && ofWeights[1] > 0;
    if (!fits || (features != ANY && features != ofWeights[1])) {
      throw new ShapeException(
          message(
              "weights has shape %s, %s takes hidden states of shape %s with features along axis"
                  + " %d; expected weights of shape [classes, %s], with at least one of each",
              Arrays.toString(ofWeights),
              name(),
              shown(),
              axis,
              features > 0 ? features : "features"));
    }
  }

  /**
   * Returns a layer of the mean over the rows, without a bias, with features along another axis.
   *
   * @param axis of the features; negative ones count from the end
   * @param weights {@code [classes, features]}, read and, in {@link #step(double)}, written
   * @param shape of the hidden states, {@link Layer#ANY} for a size that changes from call to call
   */
  public static LinearCrossEntropyLayer along(int axis, Tensor weights, long... shape) {
    return of(along(axis), weights, null, shape);
  }

  private static LinearCrossEntropy along(int axis) {
    return LinearCrossEntropy.builder().axis(axis).build();
  }

  /**
   * Returns a layer with the options of an operation.
   *
   * @param operation the loss
   * @param weights {@code [classes, features]}, read and, in {@link #step(double)}, written
   * @param bias {@code [classes]}, likewise; null: none
   * @param shape of the hidden states, {@link Layer#ANY} for a size that changes from call to call
   */
  public static LinearCrossEntropyLayer of(
      LinearCrossEntropy operation, Tensor weights, @Nullable Tensor bias, long... shape) {
    return new LinearCrossEntropyLayer(operation, weights, bias, shape);
  }

  /** The shape of the logits. */
  @Override
  long[] shapeOfRows(Tensor hidden) {
    long[] shape = hidden.shape();
    shape[axis] = weights.dim(0);
    return shape;
  }

  @Override
  LossCall call(Tensor hidden, Tensor targets, Tensor gradient) {
    gradients.hidden(gradient).weights(ofWeights.shaped(weights.shape()));
    if (bias != null) {
      gradients.bias(ofBias.shaped(bias.shape()));
    }
    return operation.on(hidden, weights, targets, gradients).inputs(inputs);
  }

  /**
   * Returns the gradient of {@link #loss} in the weights: F32 in their shape, owned by the layer
   * and valid until the next {@code forward}.
   */
  public Tensor weightsGradient() {
    requireForward("weightsGradient");
    return ofWeights.readOnly();
  }

  /**
   * Returns the gradient of {@link #loss} in the bias: F32 in its shape, owned by the layer and
   * valid until the next {@code forward}.
   *
   * @throws IllegalStateException if the layer has no bias
   */
  public Tensor biasGradient() {
    requireForward("biasGradient");
    if (bias == null) {
      throw new IllegalStateException(name() + " has no bias: make it with one");
    }
    return ofBias.readOnly();
  }

  /**
   * Subtracts the gradients of {@link #loss} of the last forward, times the rate, from weights and
   * bias, for any argument of {@link #backward(Tensor)}. The differences are computed in double and
   * rounded once.
   *
   * @throws OptionException when the rate is not finite
   * @throws MemoryException when weights or bias cannot be written; then neither has changed
   */
  @Override
  public void step(double learningRate) {
    requireForward("step");
    if (!Double.isFinite(learningRate)) {
      throw new OptionException("learningRate", Double.toString(learningRate), "a finite number");
    }
    requireWritable("weights", weights);
    if (bias != null) {
      requireWritable("bias", bias);
    }
    learn(weights, ofWeights, learningRate);
    if (bias != null) {
      learn(bias, ofBias, learningRate);
    }
  }

  private static void requireWritable(String name, Tensor learns) {
    try {
      learns.getFloat(new long[learns.shape().length]); // it is accessible
      learns.copyFrom(learns); // and writable, though this writes nothing
    } catch (MemoryException e) {
      throw new MemoryException(name + ": " + e.getMessage(), e);
    }
  }

  private static void learn(Tensor learns, OwnedTensor gradient, double rate) {
    MemorySegment from = gradient.writable().segment();
    long[] shape = learns.shape();
    long[] index = new long[shape.length];
    for (long i = 0; i < learns.elements(); i++) {
      float now = learns.getFloat(index);
      learns.setDouble(now - rate * get(from, i), index);
      for (int d = shape.length - 1; d >= 0 && ++index[d] == shape[d]; d--) {
        index[d] = 0;
      }
    }
  }

  @Override
  String entries() {
    return "features";
  }

  @Override
  void free() {
    super.free();
    ofWeights.close();
    ofBias.close();
  }
}
