// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.CLASS_WEIGHTS;
import static dev.xent.internal.kernels.Array.EXACT_SUM;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.results.ExactSums;
import java.lang.foreign.MemorySegment;

/**
 * Checks the targets and weights of rows that have weights, a mask, different lengths or sparse
 * targets, and computes the denominator of their mean.
 */
final class TargetChecks {
  private TargetChecks() {}

  static int check(ReferenceCall call) {
    MemorySegment sum = call.weights.fill((byte) 0);
    xent_exact_sum.size(sum, xent_exact_sum.sizeof());
    int status = checkClassWeights(call);
    if (status == Status.OK) {
      status = checkRows(call, sum);
    }
    call.report.weighted = true;
    call.report.weight = ExactSums.sum(sum, call.exactSum);
    if (status == Status.OK && has(call.given.of(EXACT_SUM))) {
      ExactSums.merge(call.given.of(EXACT_SUM), sum);
    }
    return status;
  }

  private static boolean isWeight(double weight) {
    return weight >= 0 && Double.isFinite(weight);
  }

  private static int checkClassWeights(ReferenceCall call) {
    boolean withoutRows = call.rowBegin == call.rowEnd;
    if (!has(call.given.of(CLASS_WEIGHTS)) || withoutRows) {
      return Status.OK;
    }
    Layout layout = call.shape.of(CLASS_WEIGHTS);
    for (long k = 0; k < call.shape.classes; k++) {
      double weight =
          ElementType.of(layout.type).get(call.given.of(CLASS_WEIGHTS), k * layout.classes);
      if (!isWeight(weight)) {
        return call.report.refuseValue(Status.INVALID_OPTION, Field.CLASS_WEIGHTS, weight, k);
      }
    }
    return Status.OK;
  }

  private static int checkRows(ReferenceCall call, MemorySegment sum) {
    Row row = call.rowScratch().row;
    row.begin();
    for (long r = call.rowBegin; r < call.rowEnd; r++) {
      int status = row.go(r);
      if (!isWeight(row.weight)) {
        return call.report.refuseValue(Status.INVALID_OPTION, Field.ROW_WEIGHTS, row.weight, r);
      }
      if (status != Status.OK) {
        return status;
      }
      if (row.ignored) {
        continue;
      }
      boolean weighed = row.hasLabel() && row.hasClassWeights();
      ExactSums.add(sum, weighed ? row.weight * row.classWeight(row.label) : row.weight);
      call.report.validRows++;
    }
    return Status.OK;
  }
}
