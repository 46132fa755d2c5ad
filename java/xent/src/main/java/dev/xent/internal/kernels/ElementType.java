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
 * The element types of xent.h: their numbers, sizes, what arrays of them may hold, and how an
 * element is loaded and stored. The one table of them in Java, as {@code numerics/types.h} is in C.
 *
 * <p>Numbers are doubles here: widened exactly, rounded once to nearest even. Every NaN that is
 * written is the canonical quiet one. Indices and strides are in elements. Unaligned, because a
 * heap segment may be a view of bytes; alignment has been checked.
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
      for (int from = 0; from < count; from += floats.length) { // copied: then on vectors
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
  I8(XentH.XENT_I8(), Byte.BYTES, ElementType.LABELS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return array.get(JAVA_BYTE, index);
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_BYTE, index, (byte) value);
    }
  },
  U8(XentH.XENT_U8(), Byte.BYTES, ElementType.LABELS | ElementType.FLAGS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return Byte.toUnsignedLong(array.get(JAVA_BYTE, index));
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_BYTE, index, (byte) value);
    }

    /** The weight of a row. */
    @Override
    public double get(MemorySegment array, long index) {
      return getInteger(array, index);
    }
  },
  I16(XentH.XENT_I16(), Short.BYTES, ElementType.LABELS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return array.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES);
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, (short) value);
    }
  },
  I32(
      XentH.XENT_I32(),
      Integer.BYTES,
      ElementType.LABELS | ElementType.CLASS_NUMBERS | ElementType.WORDS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return array.get(JAVA_INT_UNALIGNED, index * Integer.BYTES);
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_INT_UNALIGNED, index * Integer.BYTES, (int) value);
    }
  },
  I64(XentH.XENT_I64(), Long.BYTES, ElementType.LABELS | ElementType.CLASS_NUMBERS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return array.get(JAVA_LONG_UNALIGNED, index * Long.BYTES);
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG_UNALIGNED, index * Long.BYTES, value);
    }
  },
  U16(XentH.XENT_U16(), Short.BYTES, ElementType.LABELS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return Short.toUnsignedLong(array.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES));
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, (short) value);
    }
  },
  U32(XentH.XENT_U32(), Integer.BYTES, ElementType.LABELS | ElementType.WORDS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return Integer.toUnsignedLong(array.get(JAVA_INT_UNALIGNED, index * Integer.BYTES));
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_INT_UNALIGNED, index * Integer.BYTES, (int) value);
    }
  },
  /** One that no long holds comes out negative, as the long of the same bits: no class. */
  U64(XentH.XENT_U64(), Long.BYTES, ElementType.LABELS) {
    @Override
    public long getInteger(MemorySegment array, long index) {
      return array.get(JAVA_LONG_UNALIGNED, index * Long.BYTES);
    }

    @Override
    public void setInteger(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG_UNALIGNED, index * Long.BYTES, value);
    }
  };

  /** What arrays hold, as sets: numbers, where everything is computed in float32. */
  public static final int IN_FLOAT = 1;

  /** Numbers, where everything is computed in float64. */
  public static final int IN_DOUBLE = 1 << 1;

  public static final int NUMBERS = IN_FLOAT | IN_DOUBLE;

  public static final int LABELS = 1 << 2;

  /** Numbers of classes that are written, -1 among them. */
  public static final int CLASS_NUMBERS = 1 << 3;

  public static final int FLAGS = 1 << 4;

  /** What an exact sum adds up. */
  public static final int SUMMANDS = 1 << 5;

  /** Of bits, one for each of 32 classes. */
  public static final int WORDS = 1 << 6;

  /** Floats that adjoin are copied by so many. */
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

  /** The type of a number of xent.h. */
  public static ElementType of(int number) {
    return BY_NUMBER[number];
  }

  /** Whether there is a type of this number, whatever a caller may have put there. */
  public static boolean exists(int number) {
    return number > XentH.XENT_NO_TYPE() && number < BY_NUMBER.length;
  }

  /** Whether arrays of the type of this number, if there is one, may hold one of these. */
  public static boolean holds(int number, int any) {
    return exists(number) && (of(number).holds & any) != 0;
  }

  /** Whether calls whose leading array is of this type, if there is one, compute in float64. */
  public static boolean isWide(int number) {
    return exists(number) && (of(number).holds & NUMBERS) == IN_DOUBLE;
  }

  /** Whether what getInteger gives stands for a number that no long holds. */
  public static boolean isBeyond(int number, long label) {
    return label < 0 && number == U64.number;
  }

  /** The number of the type in xent.h. */
  public int number() {
    return number;
  }

  /** Whether elements are floating-point numbers; else they are integers. */
  public boolean isFloat() {
    return (holds & NUMBERS) != 0;
  }

  public boolean isInteger() {
    return (holds & NUMBERS) == 0;
  }

  /** Whether elements are integers that are never negative. */
  public boolean isUnsigned() {
    return this == U8 || this == U16 || this == U32 || this == U64;
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

  /** The integer at an index. */
  public long getInteger(MemorySegment array, long index) {
    throw new AssertionError(this);
  }

  /** Stores an integer that the type holds. */
  public void setInteger(MemorySegment array, long index, long value) {
    throw new AssertionError(this);
  }

  /**
   * Loads so many numbers.
   *
   * @param floats scratch: any of {@link #SCRATCH} floats
   */
  public void load(
      MemorySegment array, long index, long stride, double[] into, int count, float[] floats) {
    for (int i = 0; i < count; i++) {
      into[i] = get(array, index + i * stride);
    }
  }

  /**
   * Stores so many numbers.
   *
   * @param floats scratch: any of {@link #SCRATCH} floats
   */
  public void store(
      double[] from, int count, MemorySegment array, long index, long stride, float[] floats) {
    for (int i = 0; i < count; i++) {
      set(array, index + i * stride, from[i]);
    }
  }
}
