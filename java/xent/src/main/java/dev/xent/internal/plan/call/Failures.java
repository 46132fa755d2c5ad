// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.plan.arrays.Layout;
import java.lang.foreign.MemorySegment;

/** Maps the status codes of kernels to exceptions. */
public final class Failures {
  private Failures() {}

  /** Returns if a kernel of a run succeeded, otherwise throws. */
  public static void check(int status, Run run) {
    if (status != Status.OK) {
      throw failure(status, run.call, run.report, run.firstRow, run.statesOfCaller);
    }
  }

  /** As above, for a kernel with another report. */
  public static void check(int status, Checked call, MemorySegment report) {
    if (status != Status.OK) {
      throw failure(status, call, report, 0, false);
    }
  }

  /** The exception for a kernel of a short call that failed. */
  static RuntimeException failure(int status, Checked call) {
    return failure(status, call, call.report, 0, false);
  }

  private static RuntimeException failure(
      int status, Checked call, MemorySegment report, long firstRow, boolean statesOfCaller) {
    if (status == Status.OUT_OF_STACK) {
      throw outOfStack();
    }
    int field = xent_report.field(report);
    long row = firstRow + xent_report.row(report);
    double value = xent_report.value(report);
    long integer = xent_report.integer(report);
    if (status == Status.INVALID_LABEL) {
      return label(call, report, row, xent_report.row(report));
    }
    if (status == Status.INVALID_OPTION && field == Field.CLASS_WEIGHTS) {
      return weight("classWeights of class", integer, value);
    }
    if (status == Status.INVALID_OPTION && field == Field.ROW_WEIGHTS) {
      return weight("rowWeights of row", firstRow + integer, value);
    }
    if (status == Status.INVALID_OPTION && field == Field.DRAFT_PROBABILITIES) {
      return draft(" of row " + row, xent_report.label(report), value);
    }
    if (statesOfCaller && isOfStates(field)) {
      return new PartialStatesException(
          message(
              "partial states%s do not belong together; expected states of one operation, on the same rows and targets",
              xent_report.row(report) >= 0 ? " of row " + row : ""));
    }
    if (field == Field.STATES) {
      return new MemoryException(
          message(
              "the label of row %d changed while the call ran: keep the targets as they are until it returns",
              row));
    }
    // All other errors were excluded before the kernel was called.
    throw new AssertionError(
        message(
            "a kernel refused a call that had passed every check: status %d, field %d, integer %d, value %s; please report this",
            status, field, integer, value));
  }

  private static LabelException label(
      Checked call, MemorySegment report, long row, long rowOfPiece) {
    long label = xent_report.label(report);
    if (call.dimensions.hasElements()) {
      boolean unsigned = call.array(Array.TARGETS).type == ElementType.U64;
      return WrongLabels.ofElement(row, label, unsigned);
    }
    long classes = Math.max(call.shape.allClasses, call.dimensions.classes);
    Array named =
        switch (xent_report.field(report)) {
          case Field.PROMPT_TOKENS -> Array.PROMPT_TOKENS;
          case Field.OUTPUT_TOKENS -> Array.OUTPUT_TOKENS;
          case Field.BIAS_TOKENS -> Array.BIAS_TOKENS;
          case Field.DRAFT_TOKENS -> Array.DRAFT_TOKENS;
          default -> null;
        };
    if (named != null) {
      Layout tokens = call.array(named);
      return WrongLabels.ofToken(tokens.name, row, label, tokens.type.isUnsigned(), classes);
    }
    if (call.dimensions.ragged) {
      classes = call.lengthOfRow(rowOfPiece);
    }
    return label >= 0 && label < classes
        ? WrongLabels.ofMaskedClass(row, label, classes)
        : WrongLabels.outOfRange(row, label, call.array(Array.TARGETS).type, classes);
  }

  /** The error of a thread with too little stack for a kernel. */
  static StackOverflowError outOfStack() {
    return new StackOverflowError(
        "a native call takes 160 KiB of stack, and this thread has less left: call from higher up, or give threads"
            + " more (-Xss, or the stack size of their factory)");
  }

  /** The exception for a weight that is negative or not finite. */
  public static OptionException weight(String of, long index, double value) {
    return new OptionException(
        message("%s %d is %s; expected finite numbers that are 0 or more", of, index, value));
  }

  /** The exception for a draft that cannot have been drawn with its probability. */
  public static OptionException draft(String of, long token, double q) {
    return new OptionException(
        message(
            "draftProbabilities%s has %s at the draft %d; expected the probability that it was drawn with, above 0 and at most 1. Pass the softmax of the other model's logits",
            of, q, token));
  }

  /** States from bytes may have any contents, and statistics are computed from them. */
  private static boolean isOfStates(int field) {
    return field == Field.STATES || field == Field.STATISTICS || field == Field.LOG_SUM_EXP;
  }
}
