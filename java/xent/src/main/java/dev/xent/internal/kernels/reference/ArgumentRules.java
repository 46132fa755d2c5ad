// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/**
 * Which arrays each function has and what they must be. All of it is checked before the first
 * store.
 */
final class ArgumentRules {
  private ArgumentRules() {}

  /** An array that is not taken; a status that is not OK stays. */
  static int withoutArray(Call call, int status, MemorySegment array, int field) {
    return status != Status.OK || Addresses.isNull(array)
        ? status
        : call.report.refuse(Status.UNSUPPORTED, field, 0);
  }

  static int softmaxForward(
      Call call, MemorySegment logits, MemorySegment statistics, MemorySegment output) {
    int status = statisticsOrWholeRow(call, statistics);
    if (status != Status.OK) {
      return status;
    }
    Shape shape = call.shape;
    readLogits(call, logits);
    call.arrays
        .written(output, shape.output, XentH.XENT_FIELD_OUTPUT(), ElementType.FLOATS)
        .inPlaceOf(XentH.XENT_FIELD_LOGITS());
    status = call.arrays.check(shape, call.report);
    return status == Status.OK ? checkStatistics(call, statistics, Kind.SOFTMAX) : status;
  }

  static int logSumExp(Call call, MemorySegment logits, MemorySegment logSumExp) {
    readLogits(call, logits);
    call.arrays
        .written(
            logSumExp, call.shape.logSumExp, XentH.XENT_FIELD_LOG_SUM_EXP(), ElementType.FLOATS)
        .perRow();
    return call.arrays.check(call.shape, call.report);
  }

  static int softmaxBackward(
      Call call,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment statistics,
      MemorySegment gradient) {
    int status = statisticsOrWholeRow(call, statistics);
    if (status != Status.OK) {
      return status;
    }
    Shape shape = call.shape;
    call.arrays.read(output, shape.output, XentH.XENT_FIELD_OUTPUT(), ElementType.FLOATS);
    call.arrays.read(upstream, shape.upstream, XentH.XENT_FIELD_UPSTREAM(), ElementType.FLOATS);
    call.arrays
        .written(gradient, shape.gradient, XentH.XENT_FIELD_GRADIENT(), ElementType.FLOATS)
        .inPlaceOf(XentH.XENT_FIELD_OUTPUT())
        .inPlaceOf(XentH.XENT_FIELD_UPSTREAM());
    status = call.arrays.check(shape, call.report);
    return status == Status.OK ? checkStatistics(call, statistics, Kind.BACKWARD) : status;
  }

  static int checkTargets(Call call, MemorySegment targets, MemorySegment report) {
    int status = call.checkStructs(report, XentH.XENT_FIELD_REPORT(), false);
    if (status != Status.OK) {
      return status;
    }
    readTargets(call, targets);
    return checkWithTargets(call, targets, MemorySegment.NULL);
  }

  static int crossEntropyForward(
      Call call,
      MemorySegment logits,
      MemorySegment targets,
      RowResults results,
      MemorySegment gradient) {
    int status = call.checkStructs(results.statistics(), XentH.XENT_FIELD_STATISTICS(), true);
    if (status == Status.OK) {
      status = checkTally(call, results.tally());
    }
    if (status != Status.OK) {
      return status;
    }
    readLogits(call, logits);
    readTargets(call, targets);
    writeResults(call, results);
    writeGradient(call, gradient).optional();
    return checkWithTargets(call, targets, results.hits());
  }

  static int crossEntropyBackward(
      Call call,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient) {
    int status = call.checkStructs(statistics, XentH.XENT_FIELD_STATISTICS(), false);
    if (status != Status.OK) {
      return status;
    }
    readLogits(call, logits);
    readTargets(call, targets);
    call.arrays
        .read(upstream, call.shape.upstream, XentH.XENT_FIELD_UPSTREAM(), ElementType.FLOATS)
        .perRow()
        .optional();
    writeGradient(call, gradient);
    status = checkWithTargets(call, targets, MemorySegment.NULL);
    int kind = RowInput.kindOf(call, targets);
    return status == Status.OK ? checkStatistics(call, statistics, kind) : status;
  }

  static int forwardStates(
      Call call,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment statistics,
      MemorySegment states) {
    int status = call.checkStructs(statistics, XentH.XENT_FIELD_STATISTICS(), true);
    if (status == Status.OK) {
      status = call.checkStructs(states, XentH.XENT_FIELD_STATES(), false);
    }
    if (status != Status.OK) {
      return status;
    }
    readLogits(call, logits);
    readTargets(call, targets).optional();
    return checkWithTargets(call, targets, MemorySegment.NULL);
  }

  static int backwardStates(
      Call call, MemorySegment output, MemorySegment upstream, MemorySegment states) {
    int status = call.checkStructs(states, XentH.XENT_FIELD_STATES(), false);
    if (status != Status.OK) {
      return status;
    }
    Shape shape = call.shape;
    call.arrays
        .read(output, shape.output, XentH.XENT_FIELD_OUTPUT(), ElementType.FLOATS)
        .optional();
    call.arrays.read(upstream, shape.upstream, XentH.XENT_FIELD_UPSTREAM(), ElementType.FLOATS);
    return call.arrays.check(shape, call.report);
  }

  static int finish(
      Call call,
      MemorySegment states,
      MemorySegment targets,
      RowResults results,
      MemorySegment report) {
    int status = call.checkStructs(report, XentH.XENT_FIELD_REPORT(), false);
    if (status == Status.OK) {
      status = call.checkStructs(states, XentH.XENT_FIELD_STATES(), false);
    }
    if (status == Status.OK) {
      status = call.checkStructs(results.statistics(), XentH.XENT_FIELD_STATISTICS(), false);
    }
    if (status == Status.OK) {
      status = checkTally(call, results.tally());
    }
    if (status != Status.OK) {
      return status;
    }
    readTargets(call, targets).optional();
    writeResults(call, results);
    status = checkWithTargets(call, targets, results.hits());
    return status == Status.OK && Addresses.isNull(targets)
        ? checkWithoutTargets(call, results)
        : status;
  }

  /** Without statistics a row is computed as a whole. */
  private static int statisticsOrWholeRow(Call call, MemorySegment statistics) {
    int status = call.checkStructs(statistics, XentH.XENT_FIELD_STATISTICS(), true);
    if (status != Status.OK) {
      return status;
    }
    boolean wholeRow = call.classBegin == 0 && call.classEnd == call.shape.classes;
    return wholeRow || !Addresses.isNull(statistics)
        ? Status.OK
        : call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_CLASS_RANGE(), 0);
  }

  /** Statistics that are given must be finished and of the function's kind; NULL is not given. */
  private static int checkStatistics(Call call, MemorySegment statistics, int kind) {
    if (Addresses.isNull(statistics)) {
      return Status.OK;
    }
    Statistics known = call.scratch.statistics;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      known.load(statistics, row);
      if ((known.kind & (Kind.MASK | Kind.UNFINISHED)) != kind) {
        return call.report.refuseRow(XentH.XENT_FIELD_STATISTICS(), row);
      }
    }
    return Status.OK;
  }

  private static int checkTally(Call call, MemorySegment tally) {
    int status = call.checkStructs(tally, XentH.XENT_FIELD_TALLY(), true);
    if (status != Status.OK || Addresses.isNull(tally) || Tally.isUsable(tally)) {
      return status;
    }
    return call.report.refuse(
        Status.INVALID_ARGUMENT, XentH.XENT_FIELD_TALLY(), SizedStruct.size(tally));
  }

  private static void readLogits(Call call, MemorySegment logits) {
    call.arrays.read(logits, call.shape.logits, XentH.XENT_FIELD_LOGITS(), ElementType.FLOATS);
  }

  private static ArrayArgument readTargets(Call call, MemorySegment targets) {
    Layout layout = call.shape.targets;
    ArrayArgument array =
        call.arrays.read(
            targets, layout, XentH.XENT_FIELD_TARGETS(), ElementType.LABELS | ElementType.FLOATS);
    return layout.type == XentH.XENT_F32() ? array : array.perRow();
  }

  private static ArrayArgument writeGradient(Call call, MemorySegment gradient) {
    return call.arrays
        .written(gradient, call.shape.gradient, XentH.XENT_FIELD_GRADIENT(), ElementType.FLOATS)
        .inPlaceOf(XentH.XENT_FIELD_LOGITS());
  }

  private static void writeResults(Call call, RowResults results) {
    Shape shape = call.shape;
    call.arrays
        .written(results.losses(), shape.losses, XentH.XENT_FIELD_LOSSES(), ElementType.FLOATS)
        .perRow()
        .optional();
    call.arrays
        .written(
            results.logSumExp(),
            shape.logSumExp,
            XentH.XENT_FIELD_LOG_SUM_EXP(),
            ElementType.FLOATS)
        .perRow()
        .optional();
    call.arrays
        .written(results.hits(), shape.hits, XentH.XENT_FIELD_HITS(), ElementType.BYTES)
        .perRow()
        .optional();
  }

  /** The arrays, then what labels have and probability rows have not. */
  private static int checkWithTargets(Call call, MemorySegment targets, MemorySegment hits) {
    int status = call.arrays.check(call.shape, call.report);
    if (status != Status.OK
        || Addresses.isNull(targets)
        || call.shape.targets.type != XentH.XENT_F32()) {
      return status;
    }
    if (call.options.hasIgnoreIndex == 1) {
      return call.report.refuseOption(
          XentH.XENT_FIELD_IGNORE_INDEX(), (double) call.options.ignoreIndex);
    }
    return Addresses.isNull(hits)
        ? Status.OK
        : call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_HITS(), 0);
  }

  /** What needs targets is refused where there are none. */
  private static int checkWithoutTargets(Call call, RowResults results) {
    if (!Addresses.isNull(results.losses())) {
      return call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_LOSSES(), 0);
    }
    if (!Addresses.isNull(results.hits())) {
      return call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_HITS(), 0);
    }
    return Addresses.isNull(results.tally())
        ? Status.OK
        : call.report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_TALLY(), 0);
  }
}
