// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/**
 * Which arrays each function has and what they must be. All of it is checked before the first
 * store.
 */
final class ArgumentRules {
  private ArgumentRules() {}

  static int softmaxForward(Call call) {
    int status = statisticsOrWholeRow(call);
    if (status == Status.OK) {
      status = RowOffsets.check(call);
    }
    if (status != Status.OK) {
      return status;
    }
    CallArrays given = call.given;
    ArrayDeclarations.readLogits(call);
    call.arrays
        .written(given.output, call.shape.output, XentH.XENT_FIELD_OUTPUT(), call.floats())
        .inPlaceOf(XentH.XENT_FIELD_LOGITS());
    ArrayDeclarations.readClassMask(call);
    ArrayDeclarations.readSink(call);
    status = call.arrays.check(call);
    call.general |= has(given.classMask) || has(given.sink);
    return status == Status.OK ? checkStatistics(call, Kind.SOFTMAX) : status;
  }

  static int logSumExp(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = RowOffsets.check(call);
    }
    if (status != Status.OK) {
      return status;
    }
    CallArrays given = call.given;
    ArrayDeclarations.readLogits(call);
    call.arrays
        .written(
            given.logSumExp, call.shape.logSumExp, XentH.XENT_FIELD_LOG_SUM_EXP(), call.floats())
        .perRow();
    ArrayDeclarations.readClassMask(call);
    ArrayDeclarations.readSink(call);
    call.general |= has(given.classMask) || has(given.sink);
    return call.arrays.check(call);
  }

  static int softmaxBackward(Call call) {
    int status = statisticsOrWholeRow(call);
    if (status == Status.OK) {
      status = refuseSoftcap(call);
    }
    if (status == Status.OK) {
      status = RowOffsets.check(call);
    }
    if (status != Status.OK) {
      return status;
    }
    Shape shape = call.shape;
    CallArrays given = call.given;
    call.arrays.read(given.output, shape.output, XentH.XENT_FIELD_OUTPUT(), call.floats());
    call.arrays.read(given.upstream, shape.upstream, XentH.XENT_FIELD_UPSTREAM(), call.floats());
    call.arrays
        .written(given.gradient, shape.gradient, XentH.XENT_FIELD_GRADIENT(), call.floats())
        .inPlaceOf(XentH.XENT_FIELD_OUTPUT())
        .inPlaceOf(XentH.XENT_FIELD_UPSTREAM());
    ArrayDeclarations.readClassMask(call);
    status = call.arrays.check(call);
    call.general |= has(given.classMask);
    return status == Status.OK ? checkStatistics(call, Kind.BACKWARD) : status;
  }

  static int checkTargets(Call call, MemorySegment report) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = call.checkStructs(report, XentH.XENT_FIELD_REPORT(), false);
    }
    if (status == Status.OK) {
      status = checkTally(call);
    }
    if (status == Status.OK) {
      status = RowOffsets.check(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetWeights(call);
    }
    if (status != Status.OK) {
      return status;
    }
    CallArrays given = call.given;
    boolean weighed =
        has(given.rowOffsets)
            || has(given.classMask)
            || has(given.classWeights)
            || has(given.rowWeights)
            || has(given.tally);
    ArrayDeclarations.readTargets(call);
    if (weighed || call.shape.targetCount != 0) {
      ArrayDeclarations.readTargetWeights(call);
      ArrayDeclarations.readClassMask(call);
      ArrayDeclarations.readClassWeights(call);
      ArrayDeclarations.readRowWeights(call);
    }
    status = call.arrays.check(call);
    call.general = weighed || call.shape.targetCount != 0;
    return status == Status.OK ? TargetRules.checkTargetRules(call) : status;
  }

  static int crossEntropyForward(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK && call.shape.targetCount != 0) {
      status =
          call.report.refuse(
              Status.INVALID_SHAPE, XentH.XENT_FIELD_TARGET_COUNT(), call.shape.targetCount);
    }
    if (status == Status.OK) {
      status = checkStatisticsAndTally(call);
    }
    if (status != Status.OK) {
      return status;
    }
    ArrayDeclarations.readLogits(call);
    ArrayDeclarations.readTargets(call);
    ArrayDeclarations.writeResults(call);
    ArrayDeclarations.writeGradient(call).optional();
    status = call.arrays.check(call);
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call);
    }
    return status == Status.OK ? TargetRules.refuseHits(call) : status;
  }

  static int crossEntropyFull(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = checkStatisticsAndTally(call);
    }
    if (status == Status.OK) {
      status = RowOffsets.check(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetWeights(call);
    }
    if (status != Status.OK) {
      return status;
    }
    ArrayDeclarations.readLogits(call);
    ArrayDeclarations.readTargets(call).optional();
    ArrayDeclarations.readTargetWeights(call);
    ArrayDeclarations.readClassMask(call);
    ArrayDeclarations.readClassWeights(call);
    ArrayDeclarations.readRowWeights(call);
    ArrayDeclarations.readSink(call);
    ArrayDeclarations.writeResults(call);
    ArrayDeclarations.writeFurtherResults(call);
    ArrayDeclarations.writeGradient(call).optional();
    ArrayDeclarations.writeTargetGradient(call);
    status = call.arrays.check(call);
    CallArrays given = call.given;
    if (status == Status.OK
        && (has(given.topClasses) || has(given.topLogProbabilities))
        && call.shape.topCount == 0) {
      status = call.report.refuse(Status.INVALID_SHAPE, XentH.XENT_FIELD_TOP_COUNT(), 0);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call);
    }
    call.general |= hasGeneralArrays(given);
    return status == Status.OK ? TargetRules.checkWanted(call) : status;
  }

  private static boolean hasGeneralArrays(CallArrays given) {
    return !has(given.targets)
        || has(given.targetWeights)
        || has(given.classMask)
        || has(given.classWeights)
        || has(given.rowWeights)
        || has(given.sink)
        || has(given.logProbabilities)
        || has(given.argmax)
        || has(given.ranks)
        || has(given.entropies)
        || has(given.topClasses)
        || has(given.topLogProbabilities)
        || has(given.targetGradient);
  }

  static int crossEntropyBackward(Call call) {
    CallArrays given = call.given;
    int status = call.checkStructs(given.statistics, XentH.XENT_FIELD_STATISTICS(), false);
    if (status == Status.OK) {
      status = RowOffsets.check(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetWeights(call);
    }
    if (status != Status.OK) {
      return status;
    }
    ArrayDeclarations.readLogits(call);
    ArrayDeclarations.readTargets(call);
    call.arrays
        .read(given.upstream, call.shape.upstream, XentH.XENT_FIELD_UPSTREAM(), call.floats())
        .perRow()
        .optional();
    ArrayDeclarations.writeGradient(call);
    ArrayDeclarations.readTargetWeights(call);
    ArrayDeclarations.readClassMask(call);
    ArrayDeclarations.readClassWeights(call);
    ArrayDeclarations.readRowWeights(call);
    status = call.arrays.check(call);
    call.general |=
        has(given.targetWeights)
            || has(given.classMask)
            || has(given.classWeights)
            || has(given.rowWeights);
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call);
    }
    int kind = call.shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
    return status == Status.OK ? checkStatistics(call, kind) : status;
  }

  static int klDivergence(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = OptionRules.checkDivergence(call);
    }
    if (status == Status.OK) {
      status = checkTally(call);
    }
    if (status != Status.OK) {
      return status;
    }
    Shape shape = call.shape;
    CallArrays given = call.given;
    int floats = ElementType.ALL_FLOATS;
    call.arrays.read(given.logits, shape.logits, XentH.XENT_FIELD_LOGITS(), floats);
    call.arrays.read(given.teacher, shape.teacher, XentH.XENT_FIELD_TEACHER(), floats);
    ArrayDeclarations.readClassMask(call);
    call.arrays
        .read(
            given.rowWeights,
            shape.rowWeights,
            XentH.XENT_FIELD_ROW_WEIGHTS(),
            floats | ElementType.BYTES)
        .perRow()
        .optional();
    call.arrays
        .written(given.losses, shape.losses, XentH.XENT_FIELD_LOSSES(), floats)
        .perRow()
        .optional();
    call.arrays
        .written(given.gradient, shape.gradient, XentH.XENT_FIELD_GRADIENT(), floats)
        .inPlaceOf(XentH.XENT_FIELD_LOGITS())
        .optional();
    return call.arrays.check(call);
  }

  static int forwardStates(Call call) {
    CallArrays given = call.given;
    int status = call.checkStructs(given.statistics, XentH.XENT_FIELD_STATISTICS(), true);
    if (status == Status.OK) {
      status = call.checkStructs(given.states, XentH.XENT_FIELD_STATES(), false);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetWeights(call);
    }
    if (status != Status.OK) {
      return status;
    }
    ArrayDeclarations.readLogits(call);
    ArrayDeclarations.readClassMask(call);
    if (has(given.targets)) {
      ArrayDeclarations.readTargets(call);
      ArrayDeclarations.readTargetWeights(call);
      ArrayDeclarations.readClassWeights(call);
    }
    status = call.arrays.check(call);
    call.general |= has(given.targetWeights) || has(given.classMask) || has(given.classWeights);
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call);
    }
    return status == Status.OK ? TargetRules.checkShareIsKnown(call) : status;
  }

  static int backwardStates(Call call) {
    CallArrays given = call.given;
    int status = call.checkStructs(given.states, XentH.XENT_FIELD_STATES(), false);
    if (status != Status.OK) {
      return status;
    }
    Shape shape = call.shape;
    call.arrays
        .read(given.output, shape.output, XentH.XENT_FIELD_OUTPUT(), call.floats())
        .optional();
    call.arrays.read(given.upstream, shape.upstream, XentH.XENT_FIELD_UPSTREAM(), call.floats());
    ArrayDeclarations.readClassMask(call);
    status = call.arrays.check(call);
    call.general |= has(given.classMask);
    return status;
  }

  static int finish(Call call, boolean secondRound, MemorySegment report) {
    CallArrays given = call.given;
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = call.checkStructs(report, XentH.XENT_FIELD_REPORT(), false);
    }
    if (status == Status.OK) {
      status = call.checkStructs(given.states, XentH.XENT_FIELD_STATES(), false);
    }
    if (status == Status.OK) {
      status = call.checkStructs(given.statistics, XentH.XENT_FIELD_STATISTICS(), false);
    }
    if (status == Status.OK) {
      status = checkTally(call);
    }
    if (status != Status.OK) {
      return status;
    }
    ArrayDeclarations.readTargets(call).optional();
    ArrayDeclarations.writeResults(call);
    ArrayDeclarations.readClassWeights(call);
    ArrayDeclarations.readRowWeights(call);
    ArrayDeclarations.readSink(call);
    status = call.arrays.check(call);
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call);
    }
    if (status == Status.OK) {
      status = TargetRules.refuseHits(call);
    }
    if (status == Status.OK && !has(given.targets)) {
      status = TargetRules.checkWithoutTargets(call);
    }
    call.general |=
        has(given.classWeights)
            || has(given.rowWeights)
            || has(given.sink)
            || (status == Status.OK && StateRules.haveMaskedClasses(call, secondRound));
    if (status == Status.OK) {
      StateRules.takeArithmeticOfBackward(call);
    }
    return status;
  }

  /** Without statistics a row is computed as a whole. */
  private static int statisticsOrWholeRow(Call call) {
    MemorySegment statistics = call.given.statistics;
    int status = call.checkStructs(statistics, XentH.XENT_FIELD_STATISTICS(), true);
    if (status != Status.OK) {
      return status;
    }
    if (!has(statistics) && call.shape.allClasses != 0) {
      return call.checkWhole();
    }
    boolean wholeRow = call.classBegin == 0 && call.classEnd == call.shape.classes;
    return wholeRow || has(statistics)
        ? Status.OK
        : call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_CLASS_RANGE(), 0);
  }

  /** Statistics that are given must be finished, of the function's kind and of its arithmetic. */
  private static int checkStatistics(Call call, int kind) {
    MemorySegment statistics = call.given.statistics;
    if (!has(statistics)) {
      return Status.OK;
    }
    Statistics known = call.scratch.statistics;
    int expected = kind | (call.wide ? Kind.WIDE : 0);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      known.load(statistics, row);
      if ((known.kind & (Kind.MASK | Kind.WIDE | Kind.UNFINISHED)) != expected) {
        return call.report.refuseRow(XentH.XENT_FIELD_STATISTICS(), row);
      }
    }
    return Status.OK;
  }

  private static int checkStatisticsAndTally(Call call) {
    int status = call.checkStructs(call.given.statistics, XentH.XENT_FIELD_STATISTICS(), true);
    return status == Status.OK ? checkTally(call) : status;
  }

  private static int checkTally(Call call) {
    MemorySegment tally = call.given.tally;
    int status = call.checkStructs(tally, XentH.XENT_FIELD_TALLY(), true);
    if (status != Status.OK || !has(tally) || Tally.isUsable(tally)) {
      return status;
    }
    return call.report.refuse(
        Status.INVALID_ARGUMENT, XentH.XENT_FIELD_TALLY(), SizedStruct.size(tally));
  }

  /** y alone does not say what the softcap's derivative was. */
  private static int refuseSoftcap(Call call) {
    double softcap = call.options.softcap;
    return softcap == 0
        ? Status.OK
        : call.report.refuseValue(Status.UNSUPPORTED, XentH.XENT_FIELD_SOFTCAP(), softcap, 0);
  }
}
