// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.RowWeights;
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
   * Rejects classes out of range and invalid weights, in a call that is ready.
   *
   * @param kind the kind of targets
   * @param options the options of the kernels for such targets
   */
  static void check(Call call, TargetKind kind, Options options) {
    if (call.has(Array.CLASS_WEIGHTS)) {
      checkClassWeights(call.view(Array.CLASS_WEIGHTS), call.firstClass);
    }
    if (kind == TargetKind.PROBABILITIES && !call.has(Array.ROW_WEIGHTS)) {
      return;
    }
    for (long piece = 0; piece < call.pieces.count; piece++) {
      call.enter(piece);
      for (long row = 0; row < call.pieces.rows; row++) {
        double weight = !call.has(Array.ROW_WEIGHTS) ? 1 : RowWeights.at(call, row);
        if (weight != 0 && kind != TargetKind.PROBABILITIES) {
          checkRow(call, row, options);
        }
      }
    }
  }

  private static void checkRow(Call call, long row, Options options) {
    CallArray targets = call.array(Array.TARGETS);
    long begin = targets.at(call.pieces, row);
    long count = Math.max(call.targetCount, 1);
    for (long j = 0; j < count; j++) {
      long place = begin + j * targets.classes;
      long label = targets.view.type.getInteger(targets.segment(), place);
      if (options.isIgnored(targets, label)) {
        continue;
      }
      if (label < 0 || label >= call.allClasses) {
        throw WrongLabels.outOfRange(
            call.pieces.firstRow + row, label, targets.typeOfLabels(), call.allClasses);
      }
      if (isMasked(call, row, label - call.firstClass)) {
        throw WrongLabels.ofMaskedClass(call.pieces.firstRow + row, label, call.allClasses);
      }
    }
  }

  /** Whether a class is masked; always false for classes outside this shard. */
  private static boolean isMasked(Call call, long row, long k) {
    CallArray mask = call.array(Array.CLASS_MASK);
    if (mask.view == null || k < 0 || k >= call.dimensions.classes) {
      return false;
    }
    long place = mask.at(call.pieces, row) + k * mask.classes;
    return mask.segment().get(ValueLayout.JAVA_BYTE, place) == 0;
  }

  /**
   * Rejects invalid class weights.
   *
   * @param weights one dimension of floats
   * @param firstClass the class of the first weight
   */
  static void checkClassWeights(View weights, long firstClass) {
    for (long k = 0; k < weights.elements; k++) {
      double weight = weights.type.get(weights.segment, k * weights.strides[0]);
      if (!(weight >= 0 && weight < Double.POSITIVE_INFINITY)) {
        throw Failures.weight("classWeights of class", firstClass + k, weight);
      }
    }
  }
}
