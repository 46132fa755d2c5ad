// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.DType;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.regex.Pattern;

/** A {@code struct ArrowSchema} of the C Data Interface. */
final class CSchema {
  private static final long SIZE = 72;
  private static final long FORMAT = 0;
  private static final long CHILD_COUNT = 32;
  private static final long CHILDREN = 40;
  private static final long DICTIONARY = 48;
  private static final long RELEASE = 56;

  /** The format of fixed-size lists; a size of 18 digits fits in a long. */
  private static final Pattern FIXED_SIZE = Pattern.compile("\\+w:[0-9]{1,18}");

  /** Longer than any supported format. */
  private static final int LONGEST_FORMAT = 64;

  private final String name;
  private final MemorySegment struct;
  private final String format;

  CSchema(long address) {
    this("the schema", address);
  }

  private CSchema(String name, long address) {
    this.name = name;
    struct = CMemory.struct(name, "ArrowSchema", address, SIZE);
    if (number(RELEASE) == 0) {
      throw new MemoryException(
          String.format(Locale.ROOT, "%s is released; expected one that is not", name));
    }
    if (number(DICTIONARY) != 0) {
      throw new DTypeException("the array holds indices into a dictionary: decode it first");
    }
    if (number(FORMAT) == 0) {
      throw new MemoryException(
          String.format(Locale.ROOT, "%s has no format: let its producer set it", name));
    }
    format = text(number(FORMAT));
  }

  private long number(long offset) {
    return struct.get(ValueLayout.JAVA_LONG, offset);
  }

  /**
   * The C string at an address, at most as long as is needed to recognise every supported format.
   */
  private static String text(long address) {
    MemorySegment bytes = MemorySegment.ofAddress(address).reinterpret(LONGEST_FORMAT);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < LONGEST_FORMAT; i++) {
      byte letter = bytes.get(ValueLayout.JAVA_BYTE, i);
      if (letter == 0) {
        break;
      }
      text.append(letter >= ' ' && letter < 0x7f ? (char) letter : '?');
    }
    return text.toString();
  }

  /** The schema of the values of lists. */
  CSchema child() {
    requireChildren(1);
    return new CSchema(
        "the child schema", CMemory.pointer(name, "children", 1, number(CHILDREN), 0));
  }

  private void requireChildren(int count) {
    if (number(CHILD_COUNT) != count) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has format %s and %d children; expected one with %d",
              name,
              format,
              number(CHILD_COUNT),
              count));
    }
  }

  /** The size of each list, or -1 if the format is not a fixed-size list. */
  long listSize() {
    return FIXED_SIZE.matcher(format).matches() ? Long.parseLong(format.substring(3)) : -1;
  }

  /** The type of the offsets of lists. */
  DType offsetType() {
    return switch (format) {
      case "+l" -> DType.I32;
      case "+L" -> DType.I64;
      default ->
          throw new DTypeException(
              String.format(
                  Locale.ROOT,
                  "the array has format %s; expected +l or +L (lists), or use view",
                  format));
    };
  }

  /** The type of the numbers. */
  DType type() {
    DType type = typeOfFormat();
    requireChildren(0);
    return type;
  }

  private DType typeOfFormat() {
    return switch (format) {
      case "e" -> DType.F16;
      case "f" -> DType.F32;
      case "g" -> DType.F64;
      case "c" -> DType.I8;
      case "C" -> DType.U8;
      case "s" -> DType.I16;
      case "i" -> DType.I32;
      case "l" -> DType.I64;
      case "S" -> DType.U16;
      case "I" -> DType.U32;
      case "L" -> DType.U64;
      case "+l", "+L" ->
          throw new DTypeException(
              String.format(
                  Locale.ROOT,
                  "the array has format %s (lists of any size): use viewRagged, which takes lists of numbers alone",
                  format));
      default ->
          throw new DTypeException(
              String.format(
                  Locale.ROOT,
                  "the array has format %s; expected e, f, g, c, C, s, S, i, I, l or L (numbers), or +w (fixed-size lists) of them",
                  format));
    };
  }

  /** Calls the producer's release. */
  void release() {
    CRelease.call(struct, number(RELEASE));
  }
}
