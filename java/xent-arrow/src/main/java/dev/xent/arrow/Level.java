// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import java.lang.foreign.MemorySegment;

/**
 * An array, or the values of the fixed-size lists in it.
 *
 * @param array of the values
 * @param from the first value, counted without the offset of the array
 * @param count number of values
 * @param each number of values per row of the outermost array
 */
record Level(CArray array, long from, long count, long each) {
  static Level of(CArray array) {
    return new Level(array, array.offset(), array.length(), 1);
  }

  /** The values of these lists, of {@code size} values each. */
  Level lists(long size) {
    CArray values = array.child();
    if (count == 0 || size == 0) {
      return new Level(values, values.offset(), 0, 1);
    }
    long end = product(from + count, size);
    values.requireValues(end);
    return new Level(values, values.offset() + from * size, count * size, each * size);
  }

  /** The product of factors that are 0 or more; {@code Long.MAX_VALUE} if it overflows. */
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
