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
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.math.Binary;
import dev.xent.internal.kernels.reference.results.ExactSums;

/** Binary cross-entropy, element by element. */
public final class BinaryElements extends Elements {
  private final Binary binary = new Binary();

  /** Whether targets are labels. */
  private boolean labels;

  public BinaryElements(Request call) {
    super(call);
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
    double target = labels ? 0 : number(TARGETS, row, c, 0);
    double weight = number(ELEMENT_WEIGHTS, row, c, 1);
    if (labels) {
      long label = labelAt(row, c);
      target = label == 1 ? 1 : 0;
      weight = call.ignores(label) ? 0 : weight;
    }
    call.report.validRows += weight == 0 ? 0 : 1;
    binary.take(number(LOGITS, row, c, 0), target, weight, number(POSITIVE_WEIGHTS, row, c, 1));
    store(binary.loss, LOSSES, row, c);
    store(binary.gradient, GRADIENT, row, c);
    if (has(call.given.of(EXACT_SUM)) && call.wide) {
      ExactSums.add(call.given.of(EXACT_SUM), binary.loss);
    } else if (has(call.given.of(EXACT_SUM))) {
      ExactSums.add(call.given.of(EXACT_SUM), (float) binary.loss);
    }
  }

  private long labelAt(long row, long c) {
    return ElementType.of(shape.of(TARGETS).type)
        .getInteger(call.given.of(TARGETS), at(TARGETS, row, c));
  }
}
