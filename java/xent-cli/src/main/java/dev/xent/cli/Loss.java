// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a loss is computed from: the files that were read.
 *
 * @param rows of logits or log-probabilities
 * @param targets of these rows
 * @param kind of the targets
 * @param targetWeights of sparse targets; null for others
 * @param classWeights one per class, or null
 * @param inputs beside them, which have the target weights too
 */
record Loss(
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
  Loss with(Inputs others) {
    return new Loss(rows, targets, kind, targetWeights, classWeights, others);
  }

  /** The numbers that say how much each class is wanted; null where there are none. */
  @Nullable Tensor probabilities() {
    return switch (kind) {
      case LABELS, TEACHER -> null;
      case PROBABILITIES -> targets;
      case SPARSE -> targetWeights;
    };
  }
}
