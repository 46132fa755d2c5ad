// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.EXACT_SUM;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.OUTPUT;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.Array.TOP_CLASSES;
import static dev.xent.internal.kernels.Array.TOP_LOG_PROBABILITIES;
import static dev.xent.internal.kernels.reference.call.CallArrays.has;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.CallArrays;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.SizedStruct;
import dev.xent.internal.kernels.reference.results.ExactSums;
import dev.xent.internal.kernels.reference.sum.Digest;
import dev.xent.internal.kernels.reference.sum.Selection;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.lang.foreign.MemorySegment;

/** What each function asks of its arguments. All of it is checked before the first store. */
final class ArgumentRules {
  /* The options that a function has, of those that not all have. */
  private static final long OPTIONS_OF_SELECTED =
      OptionRules.bits(Field.IGNORE_INDEX, Field.FULLY_MASKED, Field.TEMPERATURE, Field.SOFTCAP);

  /** Of a divergence and of Hessian-vector products. */
  private static final long OPTIONS_OF_DIVERGENCE =
      OptionRules.bits(Field.FULLY_MASKED, Field.TEMPERATURE);

  private static final long OPTIONS_OF_BINARY =
      OptionRules.bits(Field.IGNORE_INDEX, Field.FOCAL_GAMMA, Field.FOCAL_ALPHA);

  private ArgumentRules() {}

  static int softmaxForward(Call call) {
    int status = statisticsOrWholeRow(call);
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    return status == Status.OK ? checkStatistics(call, Kind.SOFTMAX, Digest.of(call)) : status;
  }

  static int logSumExp(Call call) {
    int status = call.checkWhole();
    return status == Status.OK ? call.arrays.check(call) : status;
  }

  static int softmaxBackward(Call call, boolean log) {
    int status = statisticsOrWholeRow(call);
    if (status == Status.OK) {
      status = refuseSoftcap(call);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    return status == Status.OK
        ? checkStatistics(call, Kind.BACKWARD, Digest.ofBackward(log))
        : status;
  }

  static int checkTargets(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = call.checkStructs(call.reportStruct, Field.REPORT, false);
    }
    if (status == Status.OK) {
      status = checkExactSum(call);
    }
    if (status == Status.OK) {
      status = checkLogitsType(call);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    return status == Status.OK ? TargetRules.checkTargetRules(call, true) : status;
  }

  static int crossEntropy(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = call.checkStatistics(call.given.of(STATISTICS), true);
    }
    if (status == Status.OK) {
      status = checkExactSum(call);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = checkTopCount(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call, true);
    }
    return status == Status.OK ? TargetRules.checkOutputs(call) : status;
  }

  /** Who asks for the largest classes says how many. */
  static int checkTopCount(Call call) {
    boolean asked = has(call.given.of(TOP_CLASSES)) || has(call.given.of(TOP_LOG_PROBABILITIES));
    return asked && call.shape.topCount == 0
        ? call.report.refuse(Status.INVALID_SHAPE, Field.TOP_COUNT, 0)
        : Status.OK;
  }

  static int crossEntropyBackward(Call call) {
    int status = call.checkStatistics(call.given.of(STATISTICS), false);
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call, true);
    }
    int kind = call.shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
    return status == Status.OK ? checkStatistics(call, kind, Digest.of(call)) : status;
  }

  static int selected(Call call) {
    return selected(call, true);
  }

  static int selectedBackward(Call call) {
    int status = selected(call, false);
    return status == Status.OK
        ? checkStatistics(call, Kind.LABEL, Digest.ofSelected(call))
        : status;
  }

  private static int selected(Call call, boolean withoutStatistics) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = call.checkStatistics(call.given.of(STATISTICS), withoutStatistics);
    }
    if (status == Status.OK) {
      status = OptionRules.checkForeign(call, OPTIONS_OF_SELECTED);
    }
    if (status == Status.OK && call.shape.targetCount > Selection.MOST) {
      status = call.report.refuse(Status.UNSUPPORTED, Field.TARGET_COUNT, call.shape.targetCount);
    }
    return status == Status.OK ? call.arrays.check(call) : status;
  }

  static int divergence(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = OptionRules.checkForeign(call, OPTIONS_OF_DIVERGENCE);
    }
    if (status == Status.OK) {
      status = checkExactSum(call);
    }
    call.numbers = ElementType.NUMBERS; // computed in double whatever the types
    return status == Status.OK ? call.arrays.check(call) : status;
  }

  static int crossEntropyHvp(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = OptionRules.checkForeign(call, OPTIONS_OF_DIVERGENCE);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    int type = call.shape.of(OUTPUT).type;
    boolean exact = type == (call.wide ? XentH.XENT_F64() : XentH.XENT_F32());
    return status == Status.OK && !exact
        ? call.report.refuse(Status.UNSUPPORTED, Field.OUTPUT, type)
        : status;
  }

  static int binaryCrossEntropy(Call call) {
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = OptionRules.checkForeign(call, OPTIONS_OF_BINARY);
    }
    if (status == Status.OK) {
      status = OptionRules.checkIgnoreIndex(call);
    }
    return status == Status.OK ? checkExactSum(call) : status;
  }

  static int forwardStates(Call call) {
    CallArrays given = call.given;
    int status = call.checkStatistics(given.of(STATISTICS), true);
    if (status == Status.OK) {
      status = call.checkStates(given.of(STATES));
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call, false);
    }
    return status == Status.OK ? TargetRules.checkShareIsKnown(call) : status;
  }

  static int backwardStates(Call call) {
    int status = call.checkStates(call.given.of(STATES));
    return status == Status.OK ? call.arrays.check(call) : status;
  }

  static int finish(Call call) {
    CallArrays given = call.given;
    int status = call.checkWhole();
    if (status == Status.OK) {
      status = call.checkStructs(call.reportStruct, Field.REPORT, false);
    }
    if (status == Status.OK) {
      status = call.checkStates(given.of(STATES));
    }
    if (status == Status.OK) {
      status = call.checkStatistics(given.of(STATISTICS), false);
    }
    if (status == Status.OK) {
      status = checkExactSum(call);
    }
    if (status == Status.OK && !StateRules.areOfBackward(call)) {
      status = checkLogitsType(call);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call, false);
    }
    if (status == Status.OK) {
      status = TargetRules.checkOutputs(call);
    }
    if (status == Status.OK) {
      StateRules.takeArithmeticOfBackward(call);
    }
    return status;
  }

  /** Of logits that a call does not read: the type says in which arithmetic they are. */
  private static int checkLogitsType(Call call) {
    Layout l = call.shape.of(LOGITS);
    if (!ElementType.exists(l.type)) {
      return call.report.refuse(Status.INVALID_ARGUMENT, Field.LOGITS, l.type);
    }
    if (!ElementType.holds(l.type, ElementType.NUMBERS)) {
      return call.report.refuse(Status.UNSUPPORTED, Field.LOGITS, l.type);
    }
    return l.reserved == 0
        ? Status.OK
        : call.report.refuse(Status.UNSUPPORTED, Field.LOGITS, l.reserved);
  }

  /** Without statistics a row is computed as a whole. */
  private static int statisticsOrWholeRow(Call call) {
    MemorySegment statistics = call.given.of(STATISTICS);
    int status = call.checkStatistics(statistics, true);
    if (status != Status.OK) {
      return status;
    }
    if (!has(statistics) && call.shape.allClasses != 0) {
      return call.checkWhole();
    }
    boolean wholeRow = call.classBegin == 0 && call.classEnd == call.shape.classes;
    return wholeRow || has(statistics)
        ? Status.OK
        : call.report.refuse(Status.INVALID_ARGUMENT, Field.CLASS_RANGE, 0);
  }

  /**
   * Statistics that are given must be finished, of the function's kind and arithmetic, and with
   * this digest.
   */
  static int checkStatistics(Call call, int kind, int digest) {
    MemorySegment statistics = call.given.of(STATISTICS);
    if (!has(statistics)) {
      return Status.OK;
    }
    Statistics known = call.scratch.statistics;
    int expected = kind | (call.wide ? Kind.WIDE : 0);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      known.load(statistics, row);
      if ((known.kind & (Kind.MASK | Kind.WIDE | Kind.UNFINISHED)) != expected
          || known.digest != digest) {
        return call.report.refuseRow(Field.STATISTICS, row);
      }
    }
    return Status.OK;
  }

  static int checkExactSum(Call call) {
    MemorySegment exactSum = call.given.of(EXACT_SUM);
    int status = call.checkStructs(exactSum, Field.EXACT_SUM, true);
    if (status != Status.OK || !has(exactSum) || ExactSums.isUsable(exactSum)) {
      return status;
    }
    return call.report.refuse(Status.INVALID_SIZE, Field.EXACT_SUM, SizedStruct.size(exactSum));
  }

  /** y alone does not say what the softcap's derivative was. */
  private static int refuseSoftcap(Call call) {
    double softcap = call.options.softcap;
    return softcap == 0
        ? Status.OK
        : call.report.refuseValue(Status.UNSUPPORTED, Field.SOFTCAP, softcap, 0);
  }
}
