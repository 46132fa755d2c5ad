// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.NullChecks;

/**
 * The result of a call: tensors in the shape of the logits with {@code k} along the axis; {@code
 * [rows, k]} of ragged rows.
 *
 * @param classes the classes, largest first: I32, or I64 if a row may have more than 2^31 classes
 * @param values their probabilities or log-probabilities: F64 for logits of F64, else F32
 */
public record TopKResult(Tensor classes, Tensor values) {
  /** Creates a result of these tensors. */
  public TopKResult {
    NullChecks.require(classes, "classes", "a tensor");
    NullChecks.require(values, "values", "a tensor");
  }
}
