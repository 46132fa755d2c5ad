// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Divergence;
import dev.xent.LinearCrossEntropy;
import dev.xent.Loss;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.NllLoss;
import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The end of a network: a loss, and the gradient it sends back.
 *
 * <p><b>Forward.</b> {@code forward(inputs, targets)} returns the losses of the rows; {@link #loss}
 * is the number they reduce to. The gradient is computed in the same pass and kept, so that neither
 * the inputs nor the targets are read again.
 *
 * <p><b>Targets</b>, for inputs of shape (B, C):
 *
 * <ul>
 *   <li>class indices, of any integer type, in shape (B) or (B, 1);
 *   <li>probability rows of shape (B, C), in a type of floats that goes with the inputs' type.
 *       One-hot rows are probability rows. Each row is one row of the mean: losses and gradients
 *       are over B, not over B * C.
 * </ul>
 *
 * Axes of size 1 may be left out or added: columns (B, C, 1) take class indices of shape (B) too.
 * Integers are always class indices: one-hot rows of an integer type are errors because of their
 * shape (and in shape (B, 1), where C is 1, are class indices). Prefer class indices, which are
 * both faster and more exact: if the label is known, the sum over the <em>other</em> classes is
 * kept apart, so that tiny losses keep all their digits. In a one-hot row the label is not known
 * beforehand.
 *
 * <p><b>Mean and sum.</b> By default the loss is the mean over the valid rows, and the gradient is
 * its gradient. A {@code reduction} of {@code MEAN} with a {@code gradientReduction} of {@code SUM}
 * reports the mean with the gradient of the sum.
 *
 * <p>Ownership, order of calls and threads: {@link Layer}.
 */
public abstract sealed class LossLayer extends OwningLayer
    permits BinaryCrossEntropyLayer, CrossEntropyLayer, LinearCrossEntropyLayer, NllLossLayer {

  private final @Nullable Loss operation;
  final int axis;
  private final LossOutputs outputs = LossOutputs.create();
  final OwnedTensor losses = new OwnedTensor();
  private final OwnedTensor gradient = new OwnedTensor();
  private final OwnedTensor weights = new OwnedTensor(DType.F64);
  private final OwnedTensor weighted = new OwnedTensor();
  private double loss;

  LossLayer(Loss operation, long... shape) {
    super(Objects.requireNonNull(operation, "operation"), shape);
    this.operation = operation;
    this.axis = requireAxis(axisOf(operation));
  }

  private static int axisOf(Loss operation) {
    return switch (operation) {
      case CrossEntropy loss -> loss.axis();
      case NllLoss loss -> loss.axis();
      case BinaryCrossEntropy loss -> loss.axis();
      case Divergence loss -> loss.axis();
    };
  }

  /** Creates a layer whose subclass computes the loss. */
  LossLayer(LinearCrossEntropy operation, long... shape) {
    super(Objects.requireNonNull(operation, "operation"), shape);
    this.operation = null;
    this.axis = requireAxis(operation.axis());
  }

  /** Whether each element has a loss; else each row. */
  boolean isOfElements() {
    return false;
  }

  /** The shape of probability rows. */
  long[] shapeOfRows(Tensor inputs) {
    return inputs.shape();
  }

  /** Returns the call that computes loss and gradient. */
  LossCall call(Tensor inputs, Tensor targets, Tensor gradient) {
    return operation.on(inputs, targets, gradient);
  }

  /**
   * Computes the loss and keeps its gradient.
   *
   * @param targets class indices or probability rows, see above
   * @return the losses of the rows, in the shape of the inputs without the class axis, or of {@link
   *     BinaryCrossEntropyLayer} of the elements, in the shape of the inputs; owned by the layer
   *     and valid until the next {@code forward}
   */
  @Override
  public final Tensor forward(Tensor inputs, Tensor targets) {
    begin(inputs);
    given(targets, "targets");
    Tensor rows = losses.shaped(rowShape(inputs));
    long[] expected = targets.type().isInteger() ? rows.shape() : shapeOfRows(inputs);
    Tensor aligned = inShape(expected, targets);
    outputs.losses(rows);
    loss = call(inputs, aligned, gradient.shaped(inputs.shape())).outputs(outputs).run();
    Reference.reachabilityFence(targets);
    end();
    return losses.readOnly();
  }

  /** Returns the loss of the last forward, reduced as the operation says: by default the mean. */
  public final double loss() {
    requireForward("loss");
    return loss;
  }

  /** Returns the losses of the rows in the last forward. */
  public final Tensor losses() {
    requireForward("losses");
    return losses.readOnly();
  }

  /** Returns the rows of the last forward that were not ignored. */
  public final long validRows() {
    requireForward("validRows");
    return outputs.validRows();
  }

  /**
   * Returns the gradient of {@link #loss} in the inputs of the last forward.
   *
   * @return the gradient, owned by the layer and valid until the next {@code forward}
   */
  public final Tensor backward() {
    requireForward("backward");
    return gradient.readOnly();
  }

  /**
   * Returns the gradient of the last forward, each row multiplied by a number: {@code dx[r, k] =
   * upstream[r] * backward()[r, k]}, rounded once more. It is computed from the kept gradient and
   * never from the inputs, so later changes of the inputs, and earlier backwards, make no
   * difference.
   *
   * <p>With a mean, 1 and not 1/N leaves the gradient as it is. For the gradient of a function of
   * the losses that {@code forward} returned, the operation's reduction must be a sum.
   *
   * @param upstream floats of any type in the shape of {@link #losses}; one number for all rows is
   *     a tensor with strides 0
   * @return the gradient, owned by the layer and valid until the next call of this method or {@code
   *     forward}
   */
  @Override
  public final Tensor backward(Tensor upstream) {
    given(upstream, "upstream");
    requireForward("backward");
    Tensor factors = weights.shaped(losses.writable().shape());
    copy(inShape(factors.shape(), upstream), "upstream", factors);
    Reference.reachabilityFence(upstream);
    Tensor from = gradient.writable();
    Tensor to = weighted.shaped(from.shape());
    multiplyRows(factors.segment(), from.segment(), to.segment(), from.shape());
    return weighted.readOnly();
  }

  private void multiplyRows(
      MemorySegment factors, MemorySegment from, MemorySegment to, long[] shape) {
    boolean elements = isOfElements();
    long outer = product(shape, 0, elements ? 0 : axis);
    long classes = elements ? 1 : shape[axis];
    long inner = product(shape, elements ? 0 : axis + 1, shape.length);
    long element = 0;
    for (long o = 0; o < outer; o++) {
      for (long k = 0; k < classes; k++) {
        for (long i = 0; i < inner; i++, element++) {
          double factor = getDouble(factors, o * inner + i);
          set(to, element, (float) (get(from, element) * factor));
        }
      }
    }
  }

  /** The shape of the losses: without the class axis; a single row has the shape (1). */
  private long[] rowShape(Tensor inputs) {
    long[] shape = inputs.shape();
    if (isOfElements()) {
      return shape;
    }
    if (shape.length == 1) {
      return new long[] {1};
    }
    long[] rows = new long[shape.length - 1];
    System.arraycopy(shape, 0, rows, 0, axis);
    System.arraycopy(shape, axis + 1, rows, axis, rows.length - axis);
    return rows;
  }

  @Override
  void free() {
    losses.close();
    gradient.close();
    weights.close();
    weighted.close();
  }
}
