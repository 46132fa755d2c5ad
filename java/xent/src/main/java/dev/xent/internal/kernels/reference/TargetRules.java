// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.CLASS_MASK;
import static dev.xent.internal.kernels.Array.CORRECT;
import static dev.xent.internal.kernels.Array.EXACT_SUM;
import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.LOG_PROBABILITIES;
import static dev.xent.internal.kernels.Array.LOSSES;
import static dev.xent.internal.kernels.Array.RANKS;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.Array.TARGETS;
import static dev.xent.internal.kernels.Array.TARGET_GRADIENT;
import static dev.xent.internal.kernels.Array.TOP_CLASSES;
import static dev.xent.internal.kernels.reference.call.CallArrays.has;

import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.CallArrays;
import dev.xent.internal.kernels.reference.call.Options;
import dev.xent.internal.kernels.reference.call.Shape;

/** What depends on whether a call has targets, and on what they are. */
final class TargetRules {
  private TargetRules() {}

  /**
   * What labels have and other targets have not; in sparse rows the ignore index is no class.
   *
   * @param whole whether rows are whole, so that the terms of a loss can be clamped
   */
  static int checkTargetRules(Call call, boolean whole) {
    Options options = call.options;
    Shape shape = call.shape;
    if (!has(call.given.of(TARGETS)) || shape.hasLabels()) {
      return Status.OK;
    }
    if (options.hasIgnoreIndex == 1 && shape.targetCount == 0) {
      return call.report.refuseValue(
          Status.INVALID_OPTION,
          Field.IGNORE_INDEX,
          (double) options.ignoreIndex,
          options.ignoreIndex);
    }
    if (options.focalGamma != 0) {
      return call.report.refuseOption(Field.FOCAL_GAMMA, options.focalGamma);
    }
    if (options.smoothsOthers()) {
      return call.report.refuseOption(Field.SMOOTHING, options.smoothing);
    }
    return options.probabilityClamp == 0 || whole
        ? Status.OK
        : call.report.refuseOption(Field.PROBABILITY_CLAMP, options.probabilityClamp);
  }

  /** What only a call with targets can give, and only one with labels. */
  static int checkOutputs(Call call) {
    CallArrays given = call.given;
    boolean ofLabels =
        has(given.of(CORRECT)) || has(given.of(LOG_PROBABILITIES)) || has(given.of(RANKS));
    if (!has(given.of(TARGETS))) {
      // By a forward: for its backward, or for the probabilities of the largest classes.
      boolean left =
          has(given.of(STATISTICS)) && !has(given.of(STATES)) && !has(given.of(TOP_CLASSES));
      boolean missing =
          ofLabels
              || left
              || has(given.of(LOSSES))
              || has(given.of(GRADIENT))
              || has(given.of(EXACT_SUM))
              || has(given.of(TARGET_GRADIENT));
      return missing ? refuse(call, Field.TARGETS) : Status.OK;
    }
    if (call.shape.hasLabels()) {
      return has(given.of(TARGET_GRADIENT)) ? refuse(call, Field.TARGET_GRADIENT) : Status.OK;
    }
    if (!ofLabels) {
      return Status.OK;
    }
    int logProbabilitiesOrRanks =
        has(given.of(LOG_PROBABILITIES)) ? Field.LOG_PROBABILITIES : Field.RANKS;
    return refuse(call, has(given.of(CORRECT)) ? Field.CORRECT : logProbabilitiesOrRanks);
  }

  private static int refuse(Call call, int field) {
    return call.report.refuse(Status.INVALID_ARGUMENT, field, 0);
  }

  /**
   * What smoothing gives each class depends on how many there are, which a shard with a mask cannot
   * know; labels take it in later.
   */
  static int checkShareIsKnown(Call call) {
    boolean asked =
        has(call.given.of(TARGETS)) && !call.shape.hasLabels() && call.options.labelSmoothing > 0;
    return asked && has(call.given.of(CLASS_MASK)) && call.shape.allClasses != 0
        ? call.report.refuse(Status.UNSUPPORTED, Field.CLASS_MASK, 0)
        : Status.OK;
  }
}
