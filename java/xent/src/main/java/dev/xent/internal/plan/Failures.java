// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.LabelException;
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

  private static LabelException failure(int status, Call call) {
    if (status == Status.INVALID_LABEL) {
      return new LabelException(
          call.firstRow + xent_report.row(call.report),
          xent_report.label(call.report),
          call.classes);
    }
    // All else was checked before the kernel was called.
    throw new AssertionError(
        "a kernel refused a call that had passed every check: status %d, field %d, integer %d, value %s; please report this"
            .formatted(
                status,
                xent_report.field(call.report),
                xent_report.integer(call.report),
                xent_report.value(call.report)));
  }
}
