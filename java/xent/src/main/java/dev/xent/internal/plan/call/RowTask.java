// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** The task of an operation on some rows; the same for every thread of a call. */
@FunctionalInterface
public interface RowTask {
  /** Processes rows of the current piece. */
  void run(Run run, long begin, long end);
}
