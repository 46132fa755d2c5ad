// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.OUTPUT;
import static dev.xent.internal.kernels.Array.UPSTREAM;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Sigmoid;

/** Sigmoid and log-sigmoid and their gradients, element by element. */
public final class SigmoidElements extends Elements {
  private final Sigmoid sigmoid = new Sigmoid();

  public SigmoidElements(Request call) {
    super(call);
  }

  /** Computes the call's rows, and reads each element before it writes it. */
  public int run(Arithmetic arithmetic, boolean log, boolean backward) {
    arithmetic.begin(call.options.temperature);
    sigmoid.begin(arithmetic, log);
    Array result = backward ? GRADIENT : OUTPUT;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      for (long c = 0; c < shape.classes; c++) {
        double x = number(LOGITS, row, c, 0);
        double y = backward ? sigmoid.backward(x, number(UPSTREAM, row, c, 0)) : sigmoid.forward(x);
        store(y, result, row, c);
      }
    }
    return Status.OK;
  }
}
