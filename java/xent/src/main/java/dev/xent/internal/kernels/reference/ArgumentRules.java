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
    readLogits(call);
    call.arrays
        .written(given.output, call.shape.output, XentH.XENT_FIELD_OUTPUT(), call.floats())
        .inPlaceOf(XentH.XENT_FIELD_LOGITS());
    readClassMask(call);
    readSink(call);
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
    readLogits(call);
    call.arrays
        .written(
            given.logSumExp, call.shape.logSumExp, XentH.XENT_FIELD_LOG_SUM_EXP(), call.floats())
        .perRow();
    readClassMask(call);
    readSink(call);
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
    readClassMask(call);
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
    readTargets(call);
    if (weighed || call.shape.targetCount != 0) {
      readTargetWeights(call);
      readClassMask(call);
      readClassWeights(call);
      readRowWeights(call);
    }
    status = call.arrays.check(call);
    call.general = weighed || call.shape.targetCount != 0;
    return status == Status.OK ? checkTargetRules(call) : status;
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
    readLogits(call);
    readTargets(call);
    writeResults(call);
    writeGradient(call).optional();
    status = call.arrays.check(call);
    if (status == Status.OK) {
      status = checkTargetRules(call);
    }
    return status == Status.OK ? refuseHits(call) : status;
  }

  static int crossEntropyFull(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = checkStatisticsAndTally(call);
    }
    if (status == Status.OK) {
      status = RowOffsets.check(call);
    }
    if (status != Status.OK) {
      return status;
    }
    readLogits(call);
    readTargets(call).optional();
    readTargetWeights(call);
    readClassMask(call);
    readClassWeights(call);
    readRowWeights(call);
    readSink(call);
    writeResults(call);
    writeFurtherResults(call);
    writeGradient(call).optional();
    writeTargetGradient(call);
    status = call.arrays.check(call);
    CallArrays given = call.given;
    if (status == Status.OK
        && (has(given.topClasses) || has(given.topLogProbabilities))
        && call.shape.topCount == 0) {
      status = call.report.refuse(Status.INVALID_SHAPE, XentH.XENT_FIELD_TOP_COUNT(), 0);
    }
    if (status == Status.OK) {
      status = checkTargetRules(call);
    }
    call.general |= hasGeneralArrays(given);
    return status == Status.OK ? checkWanted(call) : status;
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
    if (status != Status.OK) {
      return status;
    }
    readLogits(call);
    readTargets(call);
    call.arrays
        .read(given.upstream, call.shape.upstream, XentH.XENT_FIELD_UPSTREAM(), call.floats())
        .perRow()
        .optional();
    writeGradient(call);
    readTargetWeights(call);
    readClassMask(call);
    readClassWeights(call);
    readRowWeights(call);
    status = call.arrays.check(call);
    call.general |=
        has(given.targetWeights)
            || has(given.classMask)
            || has(given.classWeights)
            || has(given.rowWeights);
    if (status == Status.OK) {
      status = checkTargetRules(call);
    }
    int kind = call.shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
    return status == Status.OK ? checkStatistics(call, kind) : status;
  }

  static int klDivergence(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = refuseSoftcap(call);
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
    readClassMask(call);
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
    if (status != Status.OK) {
      return status;
    }
    readLogits(call);
    readClassMask(call);
    if (has(given.targets)) {
      readTargets(call);
      readTargetWeights(call);
      readClassWeights(call);
    }
    status = call.arrays.check(call);
    call.general |= has(given.targetWeights) || has(given.classMask) || has(given.classWeights);
    if (status == Status.OK) {
      status = checkTargetRules(call);
    }
    return status == Status.OK ? checkShareIsKnown(call) : status;
  }

  /**
   * What smoothing gives each class depends on how many there are, which a shard with a mask cannot
   * know; labels take it in later.
   */
  private static int checkShareIsKnown(Call call) {
    boolean asked =
        has(call.given.targets) && !call.shape.hasLabels() && call.options.labelSmoothing > 0;
    return asked && has(call.given.classMask) && call.shape.allClasses != 0
        ? call.report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_CLASS_MASK(), 0)
        : Status.OK;
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
    return call.arrays.check(call);
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
    readTargets(call).optional();
    writeResults(call);
    readClassWeights(call);
    readRowWeights(call);
    readSink(call);
    status = call.arrays.check(call);
    if (status == Status.OK) {
      status = checkTargetRules(call);
    }
    if (status == Status.OK) {
      status = refuseHits(call);
    }
    if (status == Status.OK && !has(given.targets)) {
      status = checkWithoutTargets(call);
    }
    call.general |=
        has(given.classWeights)
            || has(given.rowWeights)
            || has(given.sink)
            || (status == Status.OK && haveMaskedClasses(call, secondRound));
    if (status == Status.OK) {
      takeArithmeticOfBackward(call);
    }
    return status;
  }

  /** States of a softmax backward have no logits whose type could say which arithmetic it was. */
  private static void takeArithmeticOfBackward(Call call) {
    if (call.rowBegin == call.rowEnd) {
      return;
    }
    State state = call.scratch.state;
    state.load(call.given.states, 0);
    if ((state.kind & Kind.MASK) == Kind.BACKWARD) {
      call.wide = (state.kind & Kind.WIDE) != 0;
    }
  }

  /**
   * Whether there are rows to finish of which some classes are masked: smoothing counts the others.
   */
  private static boolean haveMaskedClasses(Call call, boolean secondRound) {
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      if (secondRound) {
        call.scratch.statistics.load(call.given.statistics, row);
      }
      boolean toFinish = !secondRound || call.scratch.statistics.is(Kind.UNFINISHED);
      if (toFinish && hasMaskedClasses(call, (row - call.rowBegin) * call.shape.chunks())) {
        return true;
      }
    }
    return false;
  }

  private static boolean hasMaskedClasses(Call call, long firstState) {
    State state = call.scratch.state;
    for (long i = 0; i < call.shape.chunks(); i++) {
      state.load(call.given.states, firstState + i);
      int classes = FirstPass.chunkSize(i * Constants.CHUNK, call.shape.classes);
      if ((state.kind & Kind.MASK) != Kind.BACKWARD && state.counted != classes) {
        return true;
      }
    }
    return false;
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

  private static void readLogits(Call call) {
    call.arrays.read(
        call.given.logits, call.shape.logits, XentH.XENT_FIELD_LOGITS(), call.floats());
  }

  /** Labels, sparse rows or probability rows. */
  private static ArrayArgument readTargets(Call call) {
    Layout layout = call.shape.targets;
    long sparse = call.shape.targetCount;
    int types = sparse != 0 ? ElementType.LABELS : ElementType.LABELS | call.floats();
    ArrayArgument array =
        call.arrays
            .read(call.given.targets, layout, XentH.XENT_FIELD_TARGETS(), types)
            .entries(sparse);
    return ElementType.isIn(layout.type, ElementType.ALL_FLOATS) ? array : array.perRow();
  }

  private static void readTargetWeights(Call call) {
    long sparse = call.shape.targetCount;
    call.arrays
        .read(
            call.given.targetWeights,
            call.shape.targetWeights,
            XentH.XENT_FIELD_TARGET_WEIGHTS(),
            call.floats())
        .entries(sparse)
        .optional(sparse == 0);
  }

  private static void readClassMask(Call call) {
    call.arrays
        .read(
            call.given.classMask,
            call.shape.classMask,
            XentH.XENT_FIELD_CLASS_MASK(),
            ElementType.BYTES)
        .optional();
  }

  /** The same for all rows, whatever the layout says of them. */
  private static void readClassWeights(Call call) {
    call.arrays
        .read(
            call.given.classWeights,
            call.shape.classWeights.repeatedForRows(),
            XentH.XENT_FIELD_CLASS_WEIGHTS(),
            call.floats())
        .entries(call.shape.classes)
        .optional();
  }

  private static void readRowWeights(Call call) {
    call.arrays
        .read(
            call.given.rowWeights,
            call.shape.rowWeights,
            XentH.XENT_FIELD_ROW_WEIGHTS(),
            call.floats() | ElementType.BYTES)
        .perRow()
        .optional();
  }

  private static void readSink(Call call) {
    call.arrays
        .read(call.given.sink, call.shape.sink, XentH.XENT_FIELD_SINK(), call.floats())
        .perRow()
        .optional();
  }

  private static ArrayArgument writeGradient(Call call) {
    return call.arrays
        .written(
            call.given.gradient, call.shape.gradient, XentH.XENT_FIELD_GRADIENT(), call.floats())
        .inPlaceOf(XentH.XENT_FIELD_LOGITS());
  }

  /** In the form of the targets. */
  private static void writeTargetGradient(Call call) {
    Shape shape = call.shape;
    ArrayArgument array =
        call.arrays
            .written(
                call.given.targetGradient,
                shape.targetGradient,
                XentH.XENT_FIELD_TARGET_GRADIENT(),
                call.floats())
            .entries(shape.targetCount)
            .optional();
    if (!ElementType.isIn(shape.targets.type, ElementType.ALL_FLOATS)) {
      array.perRow();
    }
  }

  private static void writeResults(Call call) {
    Shape shape = call.shape;
    CallArrays given = call.given;
    int floats = call.floats();
    writeRow(call, given.losses, shape.losses, XentH.XENT_FIELD_LOSSES(), floats);
    writeRow(call, given.logSumExp, shape.logSumExp, XentH.XENT_FIELD_LOG_SUM_EXP(), floats);
    writeRow(call, given.hits, shape.hits, XentH.XENT_FIELD_HITS(), ElementType.BYTES);
  }

  private static void writeFurtherResults(Call call) {
    Shape shape = call.shape;
    CallArrays given = call.given;
    int floats = call.floats();
    int classes = ElementType.CLASSES;
    writeRow(
        call,
        given.logProbabilities,
        shape.logProbabilities,
        XentH.XENT_FIELD_LOG_PROBABILITIES(),
        floats);
    writeRow(call, given.argmax, shape.argmax, XentH.XENT_FIELD_ARGMAX(), classes);
    writeRow(call, given.ranks, shape.ranks, XentH.XENT_FIELD_RANKS(), classes);
    writeRow(call, given.entropies, shape.entropies, XentH.XENT_FIELD_ENTROPIES(), floats);
    call.arrays
        .written(given.topClasses, shape.topClasses, XentH.XENT_FIELD_TOP_CLASSES(), classes)
        .entries(shape.topCount)
        .optional();
    call.arrays
        .written(
            given.topLogProbabilities,
            shape.topLogProbabilities,
            XentH.XENT_FIELD_TOP_LOG_PROBABILITIES(),
            floats)
        .entries(shape.topCount)
        .optional();
  }

  private static void writeRow(
      Call call, MemorySegment array, Layout layout, int field, int types) {
    call.arrays.written(array, layout, field, types).perRow().optional();
  }

  /** What labels have and other targets have not; in sparse rows the ignore index is no class. */
  private static int checkTargetRules(Call call) {
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

  private static int refuseHits(Call call) {
    CallArrays given = call.given;
    return has(given.hits) && has(given.targets) && !call.shape.hasLabels()
        ? call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_HITS(), 0)
        : Status.OK;
  }

  /** What needs targets, and what needs labels. */
  private static int checkWanted(Call call) {
    CallArrays given = call.given;
    boolean targets = has(given.targets);
    boolean labels = targets && call.shape.hasLabels();
    if (!targets) {
      int status = refuse(call, given.losses, XentH.XENT_FIELD_LOSSES());
      status =
          status != Status.OK ? status : refuse(call, given.gradient, XentH.XENT_FIELD_GRADIENT());
      status = status != Status.OK ? status : refuse(call, given.tally, XentH.XENT_FIELD_TALLY());
      status =
          status != Status.OK
              ? status
              : refuse(call, given.targetGradient, XentH.XENT_FIELD_TARGET_GRADIENT());
      status =
          status != Status.OK
              ? status
              : refuse(call, given.statistics, XentH.XENT_FIELD_STATISTICS());
      if (status != Status.OK) {
        return status;
      }
    }
    if (!labels) {
      int status = refuse(call, given.hits, XentH.XENT_FIELD_HITS());
      status =
          status != Status.OK
              ? status
              : refuse(call, given.logProbabilities, XentH.XENT_FIELD_LOG_PROBABILITIES());
      return status != Status.OK ? status : refuse(call, given.ranks, XentH.XENT_FIELD_RANKS());
    }
    return refuse(call, given.targetGradient, XentH.XENT_FIELD_TARGET_GRADIENT());
  }

  /** What needs targets is refused where there are none. */
  private static int checkWithoutTargets(Call call) {
    CallArrays given = call.given;
    int status = refuse(call, given.losses, XentH.XENT_FIELD_LOSSES());
    if (status == Status.OK) {
      status = refuse(call, given.hits, XentH.XENT_FIELD_HITS());
    }
    return status == Status.OK ? refuse(call, given.tally, XentH.XENT_FIELD_TALLY()) : status;
  }

  /** An array that this call cannot write. */
  private static int refuse(Call call, MemorySegment array, int field) {
    return has(array) ? call.report.refuse(Status.INVALID_ARGUMENT, field, 0) : Status.OK;
  }
}
