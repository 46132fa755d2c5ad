// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Compares two arrays of one shape element by element in row-major order, for any layout in their
 * files. Their types are equal, or both floats.
 */
final class Comparison {
  private final Tensor actual;
  private final Tensor expected;
  private final Tolerance tolerance;
  private final long[] shape;
  private final long[] actualStrides;
  private final long[] expectedStrides;
  private final long[] index;

  private long differ;
  private @Nullable Place first;
  private @Nullable Place worst;
  private @Nullable Place farthestAccepted;

  private Comparison(Tensor actual, Tensor expected, Tolerance tolerance) {
    this.actual = actual;
    this.expected = expected;
    this.tolerance = tolerance;
    this.shape = actual.shape();
    this.actualStrides = actual.strides();
    this.expectedStrides = expected.strides();
    this.index = new long[shape.length];
  }

  static Comparison of(Tensor actual, Tensor expected, Tolerance tolerance) {
    Comparison comparison = new Comparison(actual, expected, tolerance);
    if (actual.elements() > 0) {
      comparison.walk(0, 0, 0);
    }
    return comparison;
  }

  /** The number of compared elements. */
  long compared() {
    return actual.elements();
  }

  /** The number of elements that are not equal within the tolerance. */
  long differ() {
    return differ;
  }

  /** The first element that differs; null if none differs. */
  @Nullable Place first() {
    return first;
  }

  /**
   * The element that differs by most ulps; if none differs, the accepted element with most ulps;
   * null if all bits are equal.
   */
  @Nullable Place worst() {
    return worst != null ? worst : farthestAccepted;
  }

  /** Visits all elements of an axis; the offsets, in elements, are those of the axes before it. */
  private void walk(int axis, long actualOffset, long expectedOffset) {
    if (axis == index.length) {
      compare(actualOffset, expectedOffset);
      return;
    }
    for (long i = 0; i < shape[axis]; i++) {
      index[axis] = i;
      walk(
          axis + 1,
          actualOffset + i * actualStrides[axis],
          expectedOffset + i * expectedStrides[axis]);
    }
  }

  private void compare(long actualOffset, long expectedOffset) {
    long a = bits(actual.segment(), actual.type(), actualOffset);
    long e = bits(expected.segment(), expected.type(), expectedOffset);
    boolean sameType = actual.type() == expected.type();
    if (sameType && a == e) {
      return;
    }
    Value one = Value.of(actual.type(), a);
    Value other = Value.of(expected.type(), e);
    if (!sameType && one.number() == other.number()) {
      return;
    }
    long ulps = one.ulpsTo(other);
    record(new Place(index, one, other, ulps), tolerance.accepts(one, other, ulps));
  }

  private void record(Place place, boolean accepted) {
    if (accepted) {
      farthestAccepted = farther(farthestAccepted, place);
      return;
    }
    differ++;
    if (first == null) {
      first = place.settled();
    }
    worst = farther(worst, place);
  }

  private static Place farther(@Nullable Place before, Place place) {
    return before != null && before.ulps() >= place.ulps() ? before : place.settled();
  }

  /** The bits of a float, in the low bits; the value of an integer. Files need not be aligned. */
  private static long bits(MemorySegment data, DType type, long index) {
    long at = index * type.byteSize();
    return switch (type) {
      case I8 -> data.get(ValueLayout.JAVA_BYTE, at);
      case U8 -> Byte.toUnsignedLong(data.get(ValueLayout.JAVA_BYTE, at));
      case I16 -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
      case F16, BF16, U16 -> Short.toUnsignedLong(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
      case I32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED, at);
      case F32, U32 -> Integer.toUnsignedLong(data.get(ValueLayout.JAVA_INT_UNALIGNED, at));
      case I64, U64, F64 -> data.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
    };
  }
}
