// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.ELEMENT_WEIGHTS;
import static dev.xent.internal.kernels.Array.EXACT_SUM;
import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.LOSSES;
import static dev.xent.internal.kernels.Array.POSITIVE_WEIGHTS;
import static dev.xent.internal.kernels.Array.TARGETS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.CallOptions;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.math.Binary;
import dev.xent.internal.kernels.reference.results.ExactSums;
import java.lang.foreign.MemorySegment;

/** Binary cross-entropy, element by element. */
public final class BinaryElements {
  private final Request call;
  private final Shape shape;
  private final Binary binary = new Binary();

  /** Whether targets are labels. */
  private boolean labels;

  public BinaryElements(Request call) {
    this.call = call;
    shape = call.shape;
  }

  /**
   * Computes losses and gradients of the call's rows, and reads each element before it writes it.
   */
  public int forward() {
    CallOptions options = call.options;
    labels = ElementType.holds(shape.of(TARGETS).type, ElementType.LABELS);
    binary.begin(call.wide, options.focalAlpha, options.focalGamma, options.scale());
    for (long row = call.rowBegin; labels && row < call.rowEnd; row++) {
      for (long c = 0; c < shape.classes; c++) {
        long label = labelAt(row, c);
        if (label != 0 && label != 1 && !call.ignores(label)) {
          return call.report.refuseLabel(row, c, label);
        }
      }
    }
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      for (long c = 0; c < shape.classes; c++) {
        element(row, c);
      }
    }
    return Status.OK;
  }

  private void element(long row, long c) {
    double target = labels ? 0 : number(call.given.of(TARGETS), shape.of(TARGETS), row, c, 0);
    double weight = number(call.given.of(ELEMENT_WEIGHTS), shape.of(ELEMENT_WEIGHTS), row, c, 1);
    if (labels) {
      long label = labelAt(row, c);
      target = label == 1 ? 1 : 0;
      weight = call.ignores(label) ? 0 : weight;
    }
    call.report.validRows += weight == 0 ? 0 : 1;
    binary.take(
        number(call.given.of(LOGITS), shape.of(LOGITS), row, c, 0),
        target,
        weight,
        number(call.given.of(POSITIVE_WEIGHTS), shape.of(POSITIVE_WEIGHTS), row, c, 1));
    store(binary.loss, call.given.of(LOSSES), shape.of(LOSSES), row, c);
    store(binary.gradient, call.given.of(GRADIENT), shape.of(GRADIENT), row, c);
    if (has(call.given.of(EXACT_SUM)) && call.wide) {
      ExactSums.add(call.given.of(EXACT_SUM), binary.loss);
    } else if (has(call.given.of(EXACT_SUM))) {
      ExactSums.add(call.given.of(EXACT_SUM), (float) binary.loss);
    }
  }

  private long at(Layout layout, long row, long c) {
    return shape.offset(layout, row) + c * layout.classes;
  }

  private long labelAt(long row, long c) {
    Layout layout = shape.of(TARGETS);
    return ElementType.of(layout.type).getInteger(call.given.of(TARGETS), at(layout, row, c));
  }

  private double number(MemorySegment array, Layout layout, long row, long c, double otherwise) {
    return has(array) ? ElementType.of(layout.type).get(array, at(layout, row, c)) : otherwise;
  }

  private void store(double value, MemorySegment array, Layout layout, long row, long c) {
    if (has(array)) {
      ElementType.of(layout.type).set(array, at(layout, row, c), value);
    }
  }
}
