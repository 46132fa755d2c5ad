// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.HIDDEN_GRADIENT;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.Array.TARGETS;
import static dev.xent.internal.kernels.Array.WORKSPACE;
import static dev.xent.internal.kernels.reference.call.CallArrays.has;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.call.CallArrays;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.rows.LinearRows;
import dev.xent.internal.kernels.reference.sum.Digest;

/** What the functions of a linear layer ask of their arguments. */
final class LinearRules {
  /** Of a workspace, in bytes. */
  private static final int ALIGNMENT = 64;

  private LinearRules() {}

  static int forward(Call call) {
    CallArrays given = call.given;
    int status = begin(call, true);
    if (status == Status.OK) {
      status = call.checkStatistics(given.of(STATISTICS), true);
    }
    if (status == Status.OK) {
      status = ArgumentRules.checkExactSum(call);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = ArgumentRules.checkTopCount(call);
    }
    if (status == Status.OK) {
      status = checkKeptLogits(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call, true);
    }
    if (status == Status.OK) {
      status = TargetRules.checkOutputs(call);
    }
    if (status == Status.OK && !has(given.of(TARGETS)) && LinearRows.hasGradients(given)) {
      status = call.report.refuse(Status.INVALID_ARGUMENT, Field.TARGETS, 0);
    }
    return status == Status.OK ? checkWorkspace(call, call.workspaceSize, true) : status;
  }

  static int backward(Call call) {
    int status = checkHiddenGradient(call);
    if (status == Status.OK) {
      status = begin(call, false);
    }
    if (status == Status.OK) {
      status = call.checkStatistics(call.given.of(STATISTICS), false);
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = checkKeptLogits(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call, true);
    }
    int kind = call.shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
    if (status == Status.OK) {
      status = ArgumentRules.checkStatistics(call, kind, Digest.of(call));
    }
    return status == Status.OK ? checkWorkspace(call, call.workspaceSize, false) : status;
  }

  static int states(Call call) {
    CallArrays given = call.given;
    int status = begin(call, false);
    if (status == Status.OK) {
      status = call.checkStatistics(given.of(STATISTICS), true);
    }
    if (status == Status.OK) {
      status = call.checkStates(given.of(STATES));
    }
    if (status == Status.OK) {
      status = call.arrays.check(call);
    }
    if (status == Status.OK) {
      status = TargetRules.checkTargetRules(call, false);
    }
    if (status == Status.OK) {
      status = TargetRules.checkShareIsKnown(call);
    }
    return status == Status.OK ? checkWorkspace(call, call.workspaceSize, false) : status;
  }

  /** Logits are floats, whatever the shape says of those that are not there. */
  private static int begin(Call call, boolean whole) {
    call.wide = false;
    call.numbers = ElementType.IN_FLOAT;
    int status = whole ? call.checkWhole() : Status.OK;
    return status == Status.OK && call.shape.features < 1
        ? call.report.refuse(Status.INVALID_SHAPE, Field.FEATURES, call.shape.features)
        : status;
  }

  /** Its sums go through all classes in order. */
  private static int checkHiddenGradient(Call call) {
    long classes = call.classEnd - call.classBegin;
    return classes == call.shape.wholeRow() || !has(call.given.of(HIDDEN_GRADIENT))
        ? Status.OK
        : call.report.refuse(Status.INVALID_ARGUMENT, Field.HIDDEN_GRADIENT, classes);
  }

  /** Rounded logits would have other gradients. */
  private static int checkKeptLogits(Call call) {
    int type = call.shape.of(LOGITS).type;
    return !has(call.given.of(LOGITS)) || type == XentH.XENT_F32()
        ? Status.OK
        : call.report.refuse(Status.UNSUPPORTED, Field.LOGITS, type);
  }

  /** A range of no classes needs none. */
  private static int checkWorkspace(Call call, long size, boolean whole) {
    CallArrays given = call.given;
    if (call.classBegin == call.classEnd) {
      return Status.OK;
    }
    long needed =
        LinearWorkspace.bytes(
            call.rowEnd - call.rowBegin,
            call.shape.features,
            call.classEnd - call.classBegin,
            LinearWorkspace.contents(call, whole));
    boolean fits =
        has(given.of(WORKSPACE))
            && Addresses.isAligned(given.of(WORKSPACE), ALIGNMENT)
            && needed != 0
            && Long.compareUnsigned(size, needed) >= 0;
    return fits ? Status.OK : call.report.refuse(Status.INVALID_ARGUMENT, Field.WORKSPACE, needed);
  }
}
