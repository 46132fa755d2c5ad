// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The inputs of a loss, read from files.
 *
 * @param rows of logits or log-probabilities
 * @param targets of these rows
 * @param kind of the targets
 * @param targetWeights of sparse targets; otherwise null
 * @param classWeights one per class, or null
 * @param inputs the other inputs, including the target weights
 */
record LossInputs(
    Rows rows,
    Tensor targets,
    TargetKind kind,
    @Nullable Tensor targetWeights,
    @Nullable Tensor classWeights,
    Inputs inputs) {
  /** The logits or log-probabilities. */
  Tensor input() {
    return rows.input();
  }

  /** The same with other inputs. */
  LossInputs with(Inputs others) {
    return new LossInputs(rows, targets, kind, targetWeights, classWeights, others);
  }

  /** The target probabilities of classes; null for labels. */
  @Nullable Tensor probabilities() {
    return switch (kind) {
      case LABELS, TEACHER -> null;
      case PROBABILITIES -> targets;
      case SPARSE -> targetWeights;
    };
  }
}
