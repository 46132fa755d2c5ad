// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

/**
 * One tensor in the header of a .safetensors file.
 *
 * @param type of an element
 * @param shape sizes of the axes; empty for a single number
 * @param begin of its bytes, counted from the end of the header
 * @param end of its bytes
 */
record SafetensorsEntry(SafetensorsType type, long[] shape, long begin, long end) {
  /**
   * How many bytes the shape takes; -1 where they are no whole number or more than a long holds.
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
