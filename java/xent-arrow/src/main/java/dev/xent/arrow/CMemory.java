// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.errors.MemoryException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * Memory at the addresses in structs of the C Data Interface. NULL, misaligned addresses and ranges
 * beyond the address space are rejected. For other addresses, Xent trusts the producer that the
 * memory exists and has the required size.
 */
final class CMemory {
  private CMemory() {}

  /** The memory of a struct, whose fields are numbers and addresses of eight bytes. */
  static MemorySegment struct(String what, String type, long address, long byteSize) {
    if (address == 0 || address % Long.BYTES != 0 || wraps(address, byteSize)) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has address %s; expected the address of a struct %s",
              what,
              address == 0 ? "0" : "0x" + Long.toHexString(address),
              type));
    }
    return MemorySegment.ofAddress(address).reinterpret(byteSize).asReadOnly();
  }

  /**
   * The memory of an array of {@code count} elements, at least 1.
   *
   * @param owner the struct that points to the array, for the message
   * @param elements names the elements in the message
   */
  static MemorySegment array(
      String owner, String elements, long count, long address, int byteSize) {
    if (address == 0) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has %d %s and no address of them: let its producer set it",
              owner,
              count,
              elements));
    }
    if (address % byteSize != 0) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has %s at address 0x%x, not a multiple of their %d bytes: let its producer align them",
              owner,
              elements,
              address,
              byteSize));
    }
    if (count > Long.MAX_VALUE / byteSize || wraps(address, count * byteSize)) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s has %d %s at address 0x%x: more than memory can hold, let its producer count them",
              owner,
              count,
              elements,
              address));
    }
    return MemorySegment.ofAddress(address).reinterpret(count * byteSize).asReadOnly();
  }

  /** The address at {@code index} in an array of {@code count} addresses. */
  static long pointer(String owner, String elements, long count, long address, int index) {
    return array(owner, elements, count, address, Long.BYTES)
        .getAtIndex(ValueLayout.JAVA_LONG, index);
  }

  private static boolean wraps(long address, long byteSize) {
    return Long.compareUnsigned(address + byteSize, address) < 0;
  }
}
