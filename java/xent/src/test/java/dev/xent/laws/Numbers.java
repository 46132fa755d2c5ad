// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import dev.xent.internal.kernels.Halves;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Numbers of every type as doubles and as bits. */
final class Numbers {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private Numbers() {}

  /** The nearest number of a type. */
  static double round(DType type, double value) {
    return switch (type) {
      case F16 -> Halves.ofFloat16(Halves.toFloat16(value));
      case BF16 -> Halves.ofBFloat16(Halves.toBFloat16(value));
      case F32 -> (float) value;
      default -> value;
    };
  }

  static void put(MemorySegment memory, DType type, long index, double value) {
    long at = index * type.byteSize();
    switch (type) {
      case F16 -> memory.set(SHORT, at, Halves.toFloat16(value));
      case BF16 -> memory.set(SHORT, at, Halves.toBFloat16(value));
      case F32 -> memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, (float) value);
      case F64 -> memory.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, at, value);
      default -> putBits(memory, type, index, (long) value);
    }
  }

  static void putBits(MemorySegment memory, DType type, long index, long bits) {
    switch (type.byteSize()) {
      case 1 -> memory.set(ValueLayout.JAVA_BYTE, index, (byte) bits);
      case 2 -> memory.set(SHORT, index * 2, (short) bits);
      case 4 -> memory.set(INT, index * 4, (int) bits);
      default -> memory.set(LONG, index * 8, bits);
    }
  }

  static long bits(MemorySegment memory, DType type, long index) {
    return switch (type.byteSize()) {
      case 1 -> memory.get(ValueLayout.JAVA_BYTE, index);
      case 2 -> memory.get(SHORT, index * 2);
      case 4 -> memory.get(INT, index * 4);
      default -> memory.get(LONG, index * 8);
    };
  }

  static double value(DType type, long bits) {
    return switch (type) {
      case F16 -> Halves.ofFloat16((short) bits);
      case BF16 -> Halves.ofBFloat16((short) bits);
      case F32 -> Float.intBitsToFloat((int) bits);
      case F64 -> Double.longBitsToDouble(bits);
      default -> bits;
    };
  }

  /** The smallest normal number. */
  static double minNormal(DType type) {
    return switch (type) {
      case F16 -> 0x1p-14;
      case BF16, F32 -> Float.MIN_NORMAL;
      default -> Double.MIN_NORMAL;
    };
  }

  /** The largest number. */
  static double max(DType type) {
    return switch (type) {
      case F16 -> 65504;
      case BF16 -> 0x1.fep127;
      case F32 -> Float.MAX_VALUE;
      default -> Double.MAX_VALUE;
    };
  }
}
