// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.math.BigInteger;
import java.util.Arrays;

/**
 * A managed tensor in memory as a producer would hand it out, with fields as the fuzzer likes them.
 * Its deleter counts how often it is called, and whether it is called with this struct.
 */
final class Descriptor {
  /** What there is behind `data`, and never more. */
  static final int MEMORY = 4096;

  private static final int MOST_AXES = 64;
  private static final int VERSIONED_BYTES = 80;
  private static final int UNVERSIONED_BYTES = 64;
  private static final long[] NUMBERS = {
    0, 1, 2, 3, 5, -1, -2, 64, 1L << 31, 1L << 32, 1L << 62, Long.MAX_VALUE, Long.MIN_VALUE
  };
  private static final MemorySegment DELETER = deleter();

  private static long lastDeleted;
  private static int deleted;

  final boolean versioned;
  final MemorySegment struct;
  private final int axes;
  private final int bits;
  private final long[] shape = new long[MOST_AXES];
  private final long[] strides = new long[MOST_AXES];
  private final boolean hasStrides;
  private final long byteOffset;
  private final boolean atMemory;

  Descriptor(FuzzedDataProvider data, Arena arena) {
    versioned = data.consumeBoolean();
    struct = arena.allocate(versioned ? VERSIONED_BYTES : UNVERSIONED_BYTES, Long.BYTES);
    int code = usually(data, 2, 0, 255);
    bits = usually(data, 32, 0, 255);
    int lanes = usually(data, 1, 0, 65535);
    int device = usually(data, 1, Integer.MIN_VALUE, Integer.MAX_VALUE);
    axes = usually(data, data.consumeInt(0, 4), Integer.MIN_VALUE, Integer.MAX_VALUE);
    long flags = data.consumeInt(0, 15) < 14 ? data.consumeInt(0, 3) : data.consumeLong();
    int major = usually(data, 1, Integer.MIN_VALUE, Integer.MAX_VALUE);
    byteOffset = data.consumeInt(0, 7) < 6 ? data.consumeInt(0, 64) : data.consumeLong();
    atMemory = data.consumeInt(0, 31) < 30;
    hasStrides = data.consumeBoolean();
    boolean hasShape = data.consumeInt(0, 31) < 30;
    for (int d = 0; d < Math.clamp(axes, 0, MOST_AXES); d++) {
      shape[d] = number(data);
      strides[d] = number(data);
    }
    MemorySegment memory =
        atMemory ? arena.allocate(MEMORY, 64) : MemorySegment.ofAddress(data.consumeLong());
    long tensor = versioned ? 32 : 0;
    struct.set(ADDRESS, tensor, memory);
    struct.set(JAVA_INT, tensor + 8, device);
    struct.set(JAVA_INT, tensor + 16, axes);
    struct.set(JAVA_BYTE, tensor + 20, (byte) code);
    struct.set(JAVA_BYTE, tensor + 21, (byte) bits);
    struct.set(JAVA_SHORT, tensor + 22, (short) lanes);
    struct.set(
        ADDRESS, tensor + 24, hasShape ? arena.allocateFrom(JAVA_LONG, shape) : MemorySegment.NULL);
    struct.set(
        ADDRESS,
        tensor + 32,
        hasStrides ? arena.allocateFrom(JAVA_LONG, strides) : MemorySegment.NULL);
    struct.set(JAVA_LONG, tensor + 40, byteOffset);
    struct.set(ADDRESS, versioned ? 16 : 56, DELETER);
    if (versioned) {
      struct.set(JAVA_INT, 0, major);
      struct.set(JAVA_LONG, 24, flags);
    }
    deleted = 0;
    lastDeleted = 0;
  }

  private static int usually(FuzzedDataProvider data, int usual, int least, int most) {
    return data.consumeInt(0, 15) < 14 ? usual : data.consumeInt(least, most);
  }

  private static long number(FuzzedDataProvider data) {
    int kind = data.consumeInt(0, 15);
    return kind < 10
        ? data.consumeInt(0, 6)
        : kind < 15 ? data.pickValue(NUMBERS) : data.consumeLong();
  }

  /**
   * Whether every element lies in the memory that there is; by arithmetic that does not overflow.
   */
  boolean isWithinMemory() {
    if (axes < 0 || axes > MOST_AXES || !atMemory) {
      return false;
    }
    BigInteger first = BigInteger.ZERO;
    BigInteger last = BigInteger.ZERO;
    BigInteger step = BigInteger.ONE;
    BigInteger elements = BigInteger.ONE;
    for (int d = axes - 1; d >= 0; d--) {
      BigInteger stride = hasStrides ? BigInteger.valueOf(strides[d]) : step;
      BigInteger reach = stride.multiply(BigInteger.valueOf(shape[d] - 1));
      first = first.add(reach.min(BigInteger.ZERO));
      last = last.add(reach.max(BigInteger.ZERO));
      step = step.multiply(BigInteger.valueOf(Math.max(shape[d], 1)));
      elements = elements.multiply(BigInteger.valueOf(shape[d]));
    }
    if (elements.signum() == 0) {
      return true;
    }
    BigInteger size = BigInteger.valueOf(Math.max(bits / 8, 1));
    BigInteger offset = new BigInteger(Long.toUnsignedString(byteOffset));
    return offset.add(first.multiply(size)).signum() >= 0
        && offset.add(last.add(BigInteger.ONE).multiply(size)).compareTo(BigInteger.valueOf(MEMORY))
            <= 0
        && elements.compareTo(BigInteger.valueOf(1 << 20)) <= 0;
  }

  /** Fails unless the tensor has been given back so many times. */
  void requireDeleted(int times) {
    Found.unless(
        deleted == times, "the deleter was called %d times, not %d".formatted(deleted, times));
    Found.unless(times == 0 || lastDeleted == struct.address(), "the deleter got another struct");
  }

  @Override
  public String toString() {
    return "shape %s strides %s"
        .formatted(Arrays.toString(shape), hasStrides ? Arrays.toString(strides) : "NULL");
  }

  private static void delete(MemorySegment self) {
    deleted++;
    lastDeleted = self.address();
  }

  private static MemorySegment deleter() {
    try {
      return Linker.nativeLinker()
          .upcallStub(
              MethodHandles.lookup()
                  .findStatic(
                      Descriptor.class,
                      "delete",
                      MethodType.methodType(void.class, MemorySegment.class)),
              FunctionDescriptor.ofVoid(ADDRESS),
              Arena.global());
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("the method is in this class", e);
    }
  }
}
