// SPDX-License-Identifier: Apache-2.0
package dev.xent;

/**
 * The type of a tensor's elements, in the byte order of the machine.
 *
 * <p>Logits, probabilities, losses and gradients are of the floating-point types, labels of any of
 * the integer types. Each operation says which types go together in a call.
 */
public enum DType {
  /** IEEE 754 binary32. */
  F32(4, true),
  /** IEEE 754 binary64. */
  F64(8, true),
  /** IEEE 754 binary16. */
  F16(2, true),
  /** bfloat16: the upper half of a binary32. */
  BF16(2, true),
  /** Signed 8-bit integer. */
  I8(1, false),
  /** Unsigned 8-bit integer. */
  U8(1, false),
  /** Signed 16-bit integer. */
  I16(2, false),
  /** Signed 32-bit integer. */
  I32(4, false),
  /** Signed 64-bit integer. */
  I64(8, false),
  /** Unsigned 16-bit integer. */
  U16(2, false),
  /** Unsigned 32-bit integer. */
  U32(4, false),
  /** Unsigned 64-bit integer; as a {@code long} it has the same bits. */
  U64(8, false);

  private final int byteSize;
  private final boolean floatingPoint;

  DType(int byteSize, boolean floatingPoint) {
    this.byteSize = byteSize;
    this.floatingPoint = floatingPoint;
  }

  /**
   * Returns the size of one element.
   *
   * @return bytes
   */
  public int byteSize() {
    return byteSize;
  }

  /**
   * Says whether elements are floating-point numbers.
   *
   * @return the opposite of {@link #isInteger()}
   */
  public boolean isFloat() {
    return floatingPoint;
  }

  /**
   * Says whether elements are integers that are never negative.
   *
   * @return true for U8, U16, U32 and U64
   */
  public boolean isUnsigned() {
    return this == U8 || this == U16 || this == U32 || this == U64;
  }

  /**
   * Says whether elements are integers, as labels are.
   *
   * @return the opposite of {@link #isFloat()}
   */
  public boolean isInteger() {
    return !floatingPoint;
  }
}
