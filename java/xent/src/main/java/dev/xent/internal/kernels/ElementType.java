// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.MemorySegment;

/**
 * The element types of xent.h: their numbers, sizes, the uses of their arrays, and how an element
 * is loaded and stored. This is the only such table in Java, as {@code numerics/types.h} is in C.
 *
 * <p>Loads widen a number exactly to a double. Stores round it once to nearest even, and store
 * every NaN as the canonical quiet NaN. Indices and strides are in elements. Accesses are
 * unaligned, because a heap segment may be a view of bytes; the alignment of arrays was checked
 * before.
 */
public enum ElementType {
  F32(XentH.XENT_F32(), Float.BYTES, ElementType.NUMBERS | ElementType.SUMMANDS) {
    @Override
    public double get(MemorySegment array, long index) {
      return array.get(JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
    }

    @Override
    public void set(MemorySegment array, long index, double value) {
      array.set(
          JAVA_FLOAT_UNALIGNED, index * Float.BYTES, value == value ? (float) value : Float.NaN);
    }

    @Override
    public void load(
        MemorySegment array, long index, long stride, double[] into, int count, float[] floats) {
      if (stride != 1) {
        super.load(array, index, stride, into, count, floats);
        return;
      }
      for (int from = 0; from < count; from += floats.length) { // copies help vectorization
        int size = Math.min(floats.length, count - from);
        MemorySegment.copy(
            array, JAVA_FLOAT_UNALIGNED, (index + from) * Float.BYTES, floats, 0, size);
        for (int i = 0; i < size; i++) {
          into[from + i] = floats[i];
        }
      }
    }

    @Override
    public void store(
        double[] from, int count, MemorySegment array, long index, long stride, float[] floats) {
      if (stride != 1) {
        super.store(from, count, array, index, stride, floats);
        return;
      }
      for (int begin = 0; begin < count; begin += floats.length) {
        int size = Math.min(floats.length, count - begin);
        for (int i = 0; i < size; i++) {
          float v = (float) from[begin + i];
          floats[i] = v == v ? v : Float.NaN;
        }
        MemorySegment.copy(
            floats, 0, array, JAVA_FLOAT_UNALIGNED, (index + begin) * Float.BYTES, size);
      }
    }
  },
  F64(XentH.XENT_F64(), Double.BYTES, ElementType.IN_DOUBLE | ElementType.SUMMANDS) {
    @Override
    public double get(MemorySegment array, long index) {
      return array.get(JAVA_DOUBLE_UNALIGNED, index * Double.BYTES);
    }

    @Override
    public void set(MemorySegment array, long index, double value) {
      array.set(JAVA_DOUBLE_UNALIGNED, index * Double.BYTES, value == value ? value : Double.NaN);
    }
  },
  F16(XentH.XENT_F16(), Short.BYTES, ElementType.IN_FLOAT) {
    @Override
    public double get(MemorySegment array, long index) {
      return Halves.ofFloat16(array.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES));
    }

    @Override
    public void set(MemorySegment array, long index, double value) {
      array.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, Halves.toFloat16(value));
    }
  },
  BF16(XentH.XENT_BF16(), Short.BYTES, ElementType.IN_FLOAT) {
    @Override
    public double get(MemorySegment array, long index) {
      return Halves.ofBFloat16(array.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES));
    }

    @Override
    public void set(MemorySegment array, long index, double value) {
      array.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, Halves.toBFloat16(value));
    }
  },
  I8(XentH.XENT_I8(), Byte.BYTES, ElementType.LABELS),
  U8(XentH.XENT_U8(), Byte.BYTES, ElementType.LABELS | ElementType.FLAGS | ElementType.UNSIGNED) {
    /** Row weights may be of this type. */
    @Override
    public double get(MemorySegment array, long index) {
      return getInteger(array, index);
    }
  },
  I16(XentH.XENT_I16(), Short.BYTES, ElementType.LABELS),
  I32(
      XentH.XENT_I32(),
      Integer.BYTES,
      ElementType.LABELS | ElementType.CLASS_NUMBERS | ElementType.WORDS),
  I64(XentH.XENT_I64(), Long.BYTES, ElementType.LABELS | ElementType.CLASS_NUMBERS),
  U16(XentH.XENT_U16(), Short.BYTES, ElementType.LABELS | ElementType.UNSIGNED),
  U32(
      XentH.XENT_U32(),
      Integer.BYTES,
      ElementType.LABELS | ElementType.WORDS | ElementType.UNSIGNED),
  U64(XentH.XENT_U64(), Long.BYTES, ElementType.LABELS | ElementType.UNSIGNED);

  /** The uses of arrays, as bits of a set: numbers for calls that compute in float32. */
  public static final int IN_FLOAT = 1;

  /** Numbers for calls that compute in float64. */
  public static final int IN_DOUBLE = 1 << 1;

  public static final int NUMBERS = IN_FLOAT | IN_DOUBLE;

  public static final int LABELS = 1 << 2;

  /** Class numbers that a call writes, which include -1. */
  public static final int CLASS_NUMBERS = 1 << 3;

  public static final int FLAGS = 1 << 4;

  /** Values that an exact sum adds. */
  public static final int SUMMANDS = 1 << 5;

  /** Words of 32 bits, one bit for each class. */
  public static final int WORDS = 1 << 6;

  /** Not a use: whether elements are unsigned integers. */
  private static final int UNSIGNED = 1 << 7;

  /** The number of contiguous floats that are copied at once. */
  public static final int SCRATCH = 512;

  private static final ElementType[] BY_NUMBER = byNumber();

  private final int number;
  private final int byteSize;
  private final int holds;

  ElementType(int number, int byteSize, int holds) {
    this.number = number;
    this.byteSize = byteSize;
    this.holds = holds;
  }

  private static ElementType[] byNumber() {
    ElementType[] types = new ElementType[XentH.XENT_U64() + 1];
    for (ElementType type : values()) {
      types[type.number] = type;
    }
    return types;
  }

  /** The type with a number of xent.h. */
  public static ElementType of(int number) {
    return BY_NUMBER[number];
  }

  /** Whether there is a type with this number; accepts any number of a caller. */
  public static boolean exists(int number) {
    return number > XentH.XENT_NO_TYPE() && number < BY_NUMBER.length;
  }

  /** Whether the number is that of a type whose arrays have one of these uses. */
  public static boolean holds(int number, int any) {
    return exists(number) && of(number).holds(any);
  }

  /** Whether the number is that of a type that {@link #isWide()}. */
  public static boolean isWide(int number) {
    return exists(number) && of(number).isWide();
  }

  /** Whether arrays of this type have one of these uses. */
  public boolean holds(int any) {
    return (holds & any) != 0;
  }

  /** Whether calls whose leading array is of this type compute in float64. */
  public boolean isWide() {
    return (holds & NUMBERS) == IN_DOUBLE;
  }

  /** Whether a result of getInteger stands for a value above 2<sup>63</sup> - 1. */
  public static boolean isBeyond(int number, long label) {
    return label < 0 && number == U64.number;
  }

  /** The number of the type in xent.h. */
  public int number() {
    return number;
  }

  /** Whether elements are floating-point numbers; otherwise they are integers. */
  public boolean isFloat() {
    return holds(NUMBERS);
  }

  public boolean isInteger() {
    return !holds(NUMBERS);
  }

  /** Whether elements are unsigned integers. */
  public boolean isUnsigned() {
    return holds(UNSIGNED);
  }

  public int byteSize() {
    return byteSize;
  }

  /** The number at an index. */
  public double get(MemorySegment array, long index) {
    throw new AssertionError(this);
  }

  /** Stores a number, rounded once. */
  public void set(MemorySegment array, long index, double value) {
    throw new AssertionError(this);
  }

  /**
   * The integer at an index. A U64 above 2<sup>63</sup> - 1 is the negative long of the same bits,
   * which is never a class.
   */
  public long getInteger(MemorySegment array, long index) {
    requireInteger();
    boolean unsigned = isUnsigned();
    switch (byteSize) {
      case Byte.BYTES -> {
        byte value = array.get(JAVA_BYTE, index);
        return unsigned ? Byte.toUnsignedLong(value) : value;
      }
      case Short.BYTES -> {
        short value = array.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES);
        return unsigned ? Short.toUnsignedLong(value) : value;
      }
      case Integer.BYTES -> {
        int value = array.get(JAVA_INT_UNALIGNED, index * Integer.BYTES);
        return unsigned ? Integer.toUnsignedLong(value) : value;
      }
      default -> {
        return array.get(JAVA_LONG_UNALIGNED, index * Long.BYTES);
      }
    }
  }

  private void requireInteger() {
    if (isFloat()) {
      throw new AssertionError(this);
    }
  }

  /** Stores an integer, which must be in the range of the type. */
  public void setInteger(MemorySegment array, long index, long value) {
    requireInteger();
    switch (byteSize) {
      case Byte.BYTES -> array.set(JAVA_BYTE, index, (byte) value);
      case Short.BYTES -> array.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, (short) value);
      case Integer.BYTES -> array.set(JAVA_INT_UNALIGNED, index * Integer.BYTES, (int) value);
      default -> array.set(JAVA_LONG_UNALIGNED, index * Long.BYTES, value);
    }
  }

  /**
   * Loads {@code count} numbers.
   *
   * @param floats scratch of {@link #SCRATCH} floats, with any contents
   */
  public void load(
      MemorySegment array, long index, long stride, double[] into, int count, float[] floats) {
    for (int i = 0; i < count; i++) {
      into[i] = get(array, index + i * stride);
    }
  }

  /**
   * Stores {@code count} numbers.
   *
   * @param floats scratch of {@link #SCRATCH} floats, with any contents
   */
  public void store(
      double[] from, int count, MemorySegment array, long index, long stride, float[] floats) {
    for (int i = 0; i < count; i++) {
      set(array, index + i * stride, from[i]);
    }
  }
}
