// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.kernels.ElementType;

/**
 * The type of a tensor's elements, in the byte order of the machine.
 *
 * <p>Logits, probabilities, losses and gradients are of the floating-point types, labels of any of
 * the integer types. Each operation says which types go together in a call.
 */
public enum DType {
  /** IEEE 754 binary32. */
  F32(ElementType.F32),
  /** IEEE 754 binary64. */
  F64(ElementType.F64),
  /** IEEE 754 binary16. */
  F16(ElementType.F16),
  /** bfloat16: the upper half of a binary32. */
  BF16(ElementType.BF16),
  /** Signed 8-bit integer. */
  I8(ElementType.I8),
  /** Unsigned 8-bit integer. */
  U8(ElementType.U8),
  /** Signed 16-bit integer. */
  I16(ElementType.I16),
  /** Signed 32-bit integer. */
  I32(ElementType.I32),
  /** Signed 64-bit integer. */
  I64(ElementType.I64),
  /** Unsigned 16-bit integer. */
  U16(ElementType.U16),
  /** Unsigned 32-bit integer. */
  U32(ElementType.U32),
  /** Unsigned 64-bit integer; as a {@code long} it has the same bits. */
  U64(ElementType.U64);

  private static final DType[] TYPES = values();

  /** The same type inside the library, whose types are in the same order. */
  final ElementType element;

  DType(ElementType element) {
    this.element = element;
  }

  static DType of(ElementType element) {
    return TYPES[element.ordinal()];
  }

  /**
   * Returns the size of one element.
   *
   * @return bytes
   */
  public int byteSize() {
    return element.byteSize();
  }

  /**
   * Says whether elements are floating-point numbers.
   *
   * @return the opposite of {@link #isInteger()}
   */
  public boolean isFloat() {
    return element.isFloat();
  }

  /**
   * Says whether elements are integers that are never negative.
   *
   * @return true for U8, U16, U32 and U64
   */
  public boolean isUnsigned() {
    return element.isUnsigned();
  }

  /**
   * Says whether elements are integers, as labels are.
   *
   * @return the opposite of {@link #isFloat()}
   */
  public boolean isInteger() {
    return element.isInteger();
  }
}
