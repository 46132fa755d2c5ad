// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.ffi.XentH;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A format in which one process passes its results to another: a header, which is a magic number,
 * the version of the format and that of the numerics, and contents. Numbers are little-endian.
 *
 * @param magic the first eight bytes
 * @param contents what the bytes hold, in error messages
 * @param begin how they begin, in error messages: "an exact sum does"
 */
public record ByteFormat(long magic, String contents, String begin) {
  public static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  public static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The offset of the contents. */
  public static final long HEADER = 16;

  private static final int VERSION = 1;
  private static final long AT_VERSION = 8;
  private static final long AT_NUMERICS = 12;

  /** Whether a Java array can have this number of bytes. */
  public static boolean isArraySize(long bytes) {
    return bytes <= Integer.MAX_VALUE - 8;
  }

  /** Returns a new array with the header. */
  public byte[] bytes(long size) {
    byte[] bytes = new byte[(int) size];
    MemorySegment to = MemorySegment.ofArray(bytes);
    to.set(LONG, 0, magic);
    to.set(INT, AT_VERSION, VERSION);
    to.set(INT, AT_NUMERICS, XentH.XENT_NUMERICS_VERSION());
    return bytes;
  }

  /**
   * Returns the bytes as a segment.
   *
   * @throws PartialStatesException for fewer bytes than the least, or another header
   */
  public MemorySegment read(byte[] bytes, long least) {
    MemorySegment from = MemorySegment.ofArray(bytes);
    if (bytes.length < least || from.get(LONG, 0) != magic) {
      throw unfit("they do not begin as " + begin);
    }
    require(from, AT_VERSION, "layout version", VERSION, VERSION);
    int numerics = XentH.XENT_NUMERICS_VERSION();
    require(from, AT_NUMERICS, "numerics version", numerics, numerics);
    return from;
  }

  /** Returns the number at an offset; throws if it is not within the limits. */
  public int require(MemorySegment from, long at, String name, int least, int most) {
    int value = from.get(INT, at);
    if (value < least || value > most) {
      throw unfit(
          least == most
              ? message("their %s is %d, here it is %d", name, value, least)
              : message("their %s is %d, and it is %d to %d", name, value, least, most));
    }
    return value;
  }

  /** The exception for bytes that do not fit. */
  public PartialStatesException unfit(String why) {
    return new PartialStatesException(
        "the bytes hold no "
            + contents
            + " that can be used: "
            + why
            + "; pass bytes that toBytes() wrote");
  }
}
