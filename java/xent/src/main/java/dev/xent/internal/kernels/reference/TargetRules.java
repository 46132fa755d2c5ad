// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** What depends on whether a call has targets, and on what they are. */
final class TargetRules {
  private TargetRules() {}

  /** What labels have and other targets have not; in sparse rows the ignore index is no class. */
  static int checkTargetRules(Call call) {
    Options options = call.options;
    Shape shape = call.shape;
    if (!has(call.given.targets) || shape.hasLabels()) {
      return Status.OK;
    }
    if (options.hasIgnoreIndex == 1 && shape.targetCount == 0) {
      return call.report.refuseValue(
          Status.INVALID_OPTION,
          XentH.XENT_FIELD_IGNORE_INDEX(),
          (double) options.ignoreIndex,
          options.ignoreIndex);
    }
    if (options.smoothsOthers()) {
      return call.report.refuseOption(XentH.XENT_FIELD_SMOOTHING(), options.smoothing);
    }
    return options.probabilityClamp == 0
        ? Status.OK
        : call.report.refuseOption(XentH.XENT_FIELD_PROBABILITY_CLAMP(), options.probabilityClamp);
  }

  /** Weights belong to the classes of sparse rows. */
  static int checkTargetWeights(Call call) {
    return has(call.given.targetWeights) && call.shape.targetCount == 0
        ? call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_TARGET_WEIGHTS(), 0)
        : Status.OK;
  }

  static int refuseHits(Call call) {
    CallArrays given = call.given;
    return has(given.hits) && has(given.targets) && !call.shape.hasLabels()
        ? call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_HITS(), 0)
        : Status.OK;
  }

  /** What needs targets, and what needs labels. */
  static int checkWanted(Call call) {
    CallArrays given = call.given;
    int status = Status.OK;
    if (!has(given.targets)) {
      status = refuse(call, status, given.losses, XentH.XENT_FIELD_LOSSES());
      status = refuse(call, status, given.gradient, XentH.XENT_FIELD_GRADIENT());
      status = refuse(call, status, given.tally, XentH.XENT_FIELD_TALLY());
      status = refuse(call, status, given.targetGradient, XentH.XENT_FIELD_TARGET_GRADIENT());
      status = refuse(call, status, given.statistics, XentH.XENT_FIELD_STATISTICS());
    }
    if (has(given.targets) && call.shape.hasLabels()) {
      return refuse(call, status, given.targetGradient, XentH.XENT_FIELD_TARGET_GRADIENT());
    }
    status = refuse(call, status, given.hits, XentH.XENT_FIELD_HITS());
    status = refuse(call, status, given.logProbabilities, XentH.XENT_FIELD_LOG_PROBABILITIES());
    return refuse(call, status, given.ranks, XentH.XENT_FIELD_RANKS());
  }

  /** What needs targets is refused where there are none. */
  static int checkWithoutTargets(Call call) {
    CallArrays given = call.given;
    int status = refuse(call, Status.OK, given.losses, XentH.XENT_FIELD_LOSSES());
    status = refuse(call, status, given.hits, XentH.XENT_FIELD_HITS());
    return refuse(call, status, given.tally, XentH.XENT_FIELD_TALLY());
  }

  /** An array that this call cannot write; a status that is not OK stays. */
  private static int refuse(Call call, int status, MemorySegment array, int field) {
    return status == Status.OK && has(array)
        ? call.report.refuse(Status.INVALID_ARGUMENT, field, 0)
        : status;
  }

  /**
   * What smoothing gives each class depends on how many there are, which a shard with a mask cannot
   * know; labels take it in later.
   */
  static int checkShareIsKnown(Call call) {
    boolean asked =
        has(call.given.targets) && !call.shape.hasLabels() && call.options.labelSmoothing > 0;
    return asked && has(call.given.classMask) && call.shape.allClasses != 0
        ? call.report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_CLASS_MASK(), 0)
        : Status.OK;
  }
}
