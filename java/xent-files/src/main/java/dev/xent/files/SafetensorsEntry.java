// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

/**
 * One tensor in the header of a .safetensors file. Its offsets count from the end of the header.
 *
 * @param type of an element
 * @param shape sizes of the axes; empty for a single number
 * @param begin offset of its first byte
 * @param end offset after its last byte
 */
record SafetensorsEntry(SafetensorsType type, long[] shape, long begin, long end) {
  /**
   * The size of the shape in bytes; -1 if it is not a whole number of bytes or does not fit in a
   * long.
   */
  long bytes() {
    long bits = type.bits;
    boolean empty = false;
    for (long size : shape) {
      empty |= size == 0;
      bits = Math.max(size, 1) > Long.MAX_VALUE / bits ? -1 : bits * Math.max(size, 1);
      if (bits < 0) {
        return -1;
      }
    }
    return empty ? 0 : bits % Byte.SIZE == 0 ? bits / Byte.SIZE : -1;
  }
}
