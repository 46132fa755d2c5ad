// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.LabelException;
import dev.xent.MemoryException;
import dev.xent.XentException;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Status;

/** What a kernel's status means to a caller. */
final class Failures {
  private Failures() {}

  /** Returns if the kernel did its work. */
  static void check(int status, Call call) {
    if (status != Status.OK) {
      throw failure(status, call);
    }
  }

  private static XentException failure(int status, Call call) {
    if (status == Status.INVALID_LABEL) {
      return new LabelException(
          call.firstRow + xent_report.row(call.report),
          xent_report.label(call.report),
          call.classes);
    }
    int field = xent_report.field(call.report);
    if (field == XentH.XENT_FIELD_STATES()) {
      return new MemoryException(
          "the label of row %d changed while the call ran: keep the targets as they are until it returns"
              .formatted(call.firstRow + xent_report.row(call.report)));
    }
    // All else was checked before the kernel was called.
    throw new AssertionError(
        "a kernel refused a call that had passed every check: status %d, field %d, integer %d, value %s; please report this"
            .formatted(
                status, field, xent_report.integer(call.report), xent_report.value(call.report)));
  }
}
