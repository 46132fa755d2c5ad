// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** The work of an operation on some rows; the same for every thread of a call. */
@FunctionalInterface
public interface RowWork {
  /** Processes rows of the current piece. */
  void run(Call call, long begin, long end);
}
