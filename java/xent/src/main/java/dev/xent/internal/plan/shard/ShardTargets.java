// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.RowWeights;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.WrongLabels;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.ValueLayout;

/**
 * Checks the targets and weights of a shard before any output is written. The kernel that checks
 * those of whole rows does not support classes outside the shard.
 */
final class ShardTargets {
  private ShardTargets() {}

  /**
   * Rejects classes out of range and invalid weights.
   *
   * @param options the options of the kernels for such targets
   */
  static void check(Run run, Options options) {
    checkClassWeights(run);
    boolean dense = run.call.kind == TargetKind.PROBABILITIES;
    boolean weighted = run.has(Array.ROW_WEIGHTS);
    if (dense && !weighted) {
      return;
    }
    for (long piece = 0; piece < run.call.pieces.count; piece++) {
      run.enter(piece);
      for (long row = 0; row < run.call.pieces.rows; row++) {
        double weight = weighted ? RowWeights.at(run, row) : 1;
        if (weight != 0 && !dense) {
          checkRow(run, row, options);
        }
      }
    }
  }

  private static void checkRow(Run run, long row, Options options) {
    Layout targets = run.array(Array.TARGETS);
    long begin = targets.at(run.call.pieces, row);
    long count = Math.max(run.call.shape.targetCount, 1);
    long classes = run.call.shape.allClasses;
    for (long j = 0; j < count; j++) {
      long place = begin + j * targets.classes;
      long label = targets.type.getInteger(run.segment(Array.TARGETS), place);
      if (options.isIgnored(targets.type, label)) {
        continue;
      }
      if (label < 0 || label >= classes) {
        throw WrongLabels.outOfRange(run.firstRow + row, label, targets.type, classes);
      }
      if (isMasked(run, row, label - run.call.shape.firstClass)) {
        throw WrongLabels.ofMaskedClass(run.firstRow + row, label, classes);
      }
    }
  }

  /** Whether a class is masked; always false for classes outside this shard. */
  private static boolean isMasked(Run run, long row, long k) {
    if (!run.has(Array.CLASS_MASK) || k < 0 || k >= run.call.dimensions.classes) {
      return false;
    }
    Layout mask = run.array(Array.CLASS_MASK);
    long place = mask.at(run.call.pieces, row) + k * mask.classes;
    return run.segment(Array.CLASS_MASK).get(ValueLayout.JAVA_BYTE, place) == 0;
  }

  /** Rejects invalid weights of the classes of the call, if it has weights. */
  static void checkClassWeights(Run run) {
    View weights = run.view(Array.CLASS_WEIGHTS);
    for (long k = 0; weights != null && k < weights.elements; k++) {
      double weight = weights.type.get(weights.segment, k * weights.strides[0]);
      if (!(weight >= 0 && weight < Double.POSITIVE_INFINITY)) {
        throw Failures.weight("classWeights of class", run.call.shape.firstClass + k, weight);
      }
    }
  }
}
