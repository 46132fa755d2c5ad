// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import java.lang.foreign.MemorySegment;

/**
 * An array that is seen, or the values of fixed-size lists in it.
 *
 * @param array of the values
 * @param from the first of them, counted without the offset of the array
 * @param count of them
 * @param each how many of them a row of the outermost array has
 */
record Level(CArray array, long from, long count, long each) {
  static Level of(CArray array) {
    return new Level(array, array.offset(), array.length(), 1);
  }

  /** The values of these lists. */
  Level lists(long size) {
    CArray values = array.child();
    if (count == 0 || size == 0) {
      return new Level(values, values.offset(), 0, 1);
    }
    long end = product(from + count, size);
    values.requireValues(end);
    return new Level(values, values.offset() + from * size, count * size, each * size);
  }

  /** Of factors that are 0 or more; too large a one is the largest number. */
  private static long product(long a, long b) {
    return b > Long.MAX_VALUE / a ? Long.MAX_VALUE : a * b;
  }

  MemorySegment values(DType type) {
    array.requireChildren(0);
    return array.elements("values", type, from, count);
  }

  void requireNoNulls(int buffers) {
    array.requireNoNulls(buffers, "row", from, from, from + count, each);
  }
}
