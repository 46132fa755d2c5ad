// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/** Calls of kernels in one expression: what these begin gets its arrays by their names. */
public final class KernelRun {
  private KernelRun() {}

  /** On rows. */
  public static FunctionCall onRows(
      Function function,
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment report) {
    boolean known = shape.byteSize() >= ShapeStruct.offset(Array.LOGITS);
    long classes = known ? ShapeStruct.classes(shape) : 0;
    return onClasses(function, shape, options, rowBegin, rowEnd, 0, classes, report);
  }

  /** On some classes of rows. */
  public static FunctionCall onClasses(
      Function function,
      MemorySegment shape,
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
