// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.DTypeException;
import dev.xent.MemoryException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.regex.Pattern;

/** A {@code struct ArrowSchema} of the C Data Interface. */
final class CSchema {
  private static final long SIZE = 72;
  private static final long FORMAT = 0;
  private static final long CHILD_COUNT = 32;
  private static final long CHILDREN = 40;
  private static final long DICTIONARY = 48;
  private static final long RELEASE = 56;

  /** A number that a long holds. */
  private static final Pattern FIXED_SIZE = Pattern.compile("\\+w:[0-9]{1,18}");

  private final MemorySegment struct;

  CSchema(long address) {
    if (address == 0) {
      throw new MemoryException("the schema has address 0: give that of a struct ArrowSchema");
    }
    struct = MemorySegment.ofAddress(address).reinterpret(SIZE);
    if (pointer(RELEASE) == 0) {
      throw new MemoryException("the schema is released: give one that is not");
    }
    if (pointer(DICTIONARY) != 0) {
      throw new DTypeException("the array holds indices into a dictionary: decode it first");
    }
  }

  private long pointer(long offset) {
    return struct.get(ValueLayout.JAVA_LONG, offset);
  }

  /** The type, in the letters of the C Data Interface. */
  String format() {
    return MemorySegment.ofAddress(pointer(FORMAT)).reinterpret(Long.MAX_VALUE).getString(0);
  }

  CSchema child() {
    if (struct.get(ValueLayout.JAVA_LONG, CHILD_COUNT) != 1) {
      throw new MemoryException(
          "the schema has format %s and %d children: give one with 1"
              .formatted(format(), struct.get(ValueLayout.JAVA_LONG, CHILD_COUNT)));
    }
    MemorySegment children = MemorySegment.ofAddress(pointer(CHILDREN)).reinterpret(8);
    return new CSchema(children.get(ValueLayout.JAVA_LONG, 0));
  }

  /** The size of each list, or -1 where these are no lists of one size. */
  long listSize() {
    String format = format();
    return FIXED_SIZE.matcher(format).matches() ? Long.parseLong(format.substring(3)) : -1;
  }

  /** The type of the offsets of lists. */
  DType offsetType() {
    return switch (format()) {
      case "+l" -> DType.I32;
      case "+L" -> DType.I64;
      default ->
          throw new DTypeException(
              "the array has format %s: give +l or +L (lists), or use view".formatted(format()));
    };
  }

  /** The type of numbers. */
  DType type() {
    return switch (format()) {
      case "e" -> DType.F16;
      case "f" -> DType.F32;
      case "g" -> DType.F64;
      case "c" -> DType.I8;
      case "C" -> DType.U8;
      case "s" -> DType.I16;
      case "i" -> DType.I32;
      case "l" -> DType.I64;
      case "+l", "+L" ->
          throw new DTypeException(
              "the array has format %s (lists of any size): use viewRagged, which takes lists of numbers alone"
                  .formatted(format()));
      default ->
          throw new DTypeException(
              "the array has format %s: give e, f, g, c, C, s, i or l (numbers), or +w (fixed-size lists) of them"
                  .formatted(format()));
    };
  }

  /** Calls the producer's release. */
  void release() {
    CRelease.call(struct, pointer(RELEASE));
  }
}
