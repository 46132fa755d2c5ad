// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Shape;

/** Reads and writes the arrays of a call element by element. */
class Elements {
  final Request call;
  final Shape shape;

  Elements(Request call) {
    this.call = call;
    shape = call.shape;
  }

  final long at(Array array, long row, long c) {
    Layout layout = shape.of(array);
    return shape.offset(layout, row) + c * layout.classes;
  }

  final double number(Array array, long row, long c, double otherwise) {
    return has(call.given.of(array))
        ? ElementType.of(shape.of(array).type).get(call.given.of(array), at(array, row, c))
        : otherwise;
  }

  final void store(double value, Array array, long row, long c) {
    if (has(call.given.of(array))) {
      ElementType.of(shape.of(array).type).set(call.given.of(array), at(array, row, c), value);
    }
  }
}
