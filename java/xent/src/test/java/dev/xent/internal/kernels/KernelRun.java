// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/** Calls of kernels in one expression: what these begin gets its arrays by their names. */
public final class KernelRun {
  private KernelRun() {}

  /** On rows. */
  public static FunctionCall onRows(
      Function function,
      CallShape shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment report) {
    return onClasses(function, shape, options, rowBegin, rowEnd, 0, shape.classes, report);
  }

  /** On some classes of rows. */
  public static FunctionCall onClasses(
      Function function,
      CallShape shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment report) {
    return new FunctionCall()
        .begin(function, shape, options, report)
        .rows(rowBegin, rowEnd)
        .classes(classBegin, classEnd);
  }
}
