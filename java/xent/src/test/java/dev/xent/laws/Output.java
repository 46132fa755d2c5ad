// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import java.util.Arrays;

/**
 * What a call has written into an array.
 *
 * @param type of the array
 * @param bits of its elements, row after row
 */
record Output(DType type, long[] bits) {
  static Output of(double... values) {
    return new Output(
        DType.F64, Arrays.stream(values).mapToLong(Double::doubleToRawLongBits).toArray());
  }

  static Output of(byte[] bytes) {
    long[] bits = new long[bytes.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = bytes[i];
    }
    return new Output(DType.I8, bits);
  }

  int size() {
    return bits.length;
  }

  double value(int i) {
    return Numbers.value(type, bits[i]);
  }

  /** The elements from one place up to another. */
  Output part(int from, int to) {
    return new Output(type, Arrays.copyOfRange(bits, from, to));
  }
}
