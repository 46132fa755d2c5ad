// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** What an operation does with some rows; the same for every thread that works on a call. */
@FunctionalInterface
public interface RowWork {
  /** Rows of the piece that the call has entered. */
  void run(Call call, long begin, long end);
}
