// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.xent_shape;
import java.lang.foreign.MemorySegment;

/** Calls of kernels in one expression. */
public final class KernelRun {
  private KernelRun() {}

  /** On rows, with the first arrays of the function in its order. */
  public static Work onRows(
      Function function,
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment report,
      MemorySegment... arrays) {
    boolean known = shape.byteSize() >= xent_shape.inner$offset();
    long classes = known ? xent_shape.classes(shape) : 0;
    return onClasses(function, shape, options, rowBegin, rowEnd, 0, classes, report, arrays);
  }

  /** On some classes of rows. */
  public static Work onClasses(
      Function function,
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment report,
      MemorySegment... arrays) {
    Work work =
        new Work()
            .begin(function, shape, options, report)
            .rows(rowBegin, rowEnd)
            .classes(classBegin, classEnd);
    for (int i = 0; i < arrays.length; i++) {
      work.set(function.array(i), arrays[i]);
    }
    return work;
  }
}
