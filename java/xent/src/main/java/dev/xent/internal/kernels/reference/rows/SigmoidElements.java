// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.OUTPUT;
import static dev.xent.internal.kernels.Array.UPSTREAM;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Sigmoid;

/** Sigmoid and log-sigmoid and their gradients, element by element. */
public final class SigmoidElements {
  private final Request call;
  private final Shape shape;
  private final Sigmoid sigmoid = new Sigmoid();

  public SigmoidElements(Request call) {
    this.call = call;
    shape = call.shape;
  }

  /** Computes the call's rows, and reads each element before it writes it. */
  public int run(Arithmetic arithmetic, boolean log, boolean backward) {
    arithmetic.begin(call.options.temperature);
    sigmoid.begin(arithmetic, log);
    Array result = backward ? GRADIENT : OUTPUT;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      for (long c = 0; c < shape.classes; c++) {
        double x = number(LOGITS, row, c);
        double y = backward ? sigmoid.backward(x, number(UPSTREAM, row, c)) : sigmoid.forward(x);
        ElementType.of(shape.of(result).type).set(call.given.of(result), at(result, row, c), y);
      }
    }
    return Status.OK;
  }

  private long at(Array array, long row, long c) {
    Layout layout = shape.of(array);
    return shape.offset(layout, row) + c * layout.classes;
  }

  private double number(Array array, long row, long c) {
    return ElementType.of(shape.of(array).type).get(call.given.of(array), at(array, row, c));
  }
}
