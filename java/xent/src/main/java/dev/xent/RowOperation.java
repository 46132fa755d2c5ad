// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.LogitsOperation;

/**
 * {@link Argmax}, {@link Entropy} or {@link LogSumExp}: one result per row.
 *
 * <p>Instances are immutable; any number of threads may share one.
 */
public abstract sealed class RowOperation permits Argmax, Entropy, LogSumExp {
  private final LogitsOperation operation;

  RowOperation(LogitsOperation operation) {
    this.operation = operation;
  }

  /** Returns the axis of the classes, as set by {@link OperationBuilder#axis(int)}. */
  public final int axis() {
    return operation.axis();
  }

  /**
   * Returns the results in the shape of the logits without the axis; one number for one dimension.
   * Those of {@link Argmax} are I32, or I64 if a row may have more than 2^31 classes; others are
   * F64 for logits of F64, else F32. The memory is new, off the heap, in an automatic arena: any
   * thread may use it, as long as the tensor is reachable.
   *
   * @param logits {@code x}
   */
  public final Tensor forward(Tensor logits) {
    View given = View.of(logits, "logits");
    long[] shape = Dimensions.rowsShape(given, operation.axis());
    Tensor output = Tensor.allocate(DType.of(operation.typeOfRows(given)), shape);
    operation.run(given, (View) output, null);
    return output;
  }

  /**
   * Writes one result per row.
   *
   * @param logits {@code x}
   * @param output I32 or I64 for {@link Argmax}, otherwise of a type that fits the logits, in the
   *     shape of the logits without the axis, or with the axis at size 1; must not overlap the
   *     logits
   */
  public final void forward(Tensor logits, Tensor output) {
    operation.run(View.of(logits, "logits"), View.of(output, "output"), null);
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits {@code x}
   * @param output as in {@link #forward(Tensor, Tensor)}
   */
  public final BoundCall on(Tensor logits, Tensor output) {
    return new BoundCall(
        operation.bind(View.of(logits, "logits"), View.of(output, "output"), null));
  }

  /** Returns the options that are not the defaults: {@code LogSumExp[temperature=2.0]}. */
  @Override
  public final String toString() {
    return operation.toString();
  }
}
