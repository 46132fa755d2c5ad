// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemorySegment;

/** One array of a call, as it is checked. */
final class ArrayArgument {
  MemorySegment address = MemorySegment.NULL;
  Layout layout = new Layout();
  int field;
  int types;
  boolean written;
  boolean perRow;
  boolean optional;

  /** So many per row, along the layout's classes; 0: as perRow says. */
  long entries;

  /** Bytes from the first to behind the last element. */
  long bytes;

  private long inPlaceFields;

  void begin(
      MemorySegment ofAddress, Layout ofLayout, int ofField, int ofTypes, boolean isWritten) {
    address = ofAddress;
    layout = ofLayout;
    field = ofField;
    types = ofTypes;
    written = isWritten;
    perRow = false;
    optional = false;
    entries = 0;
    bytes = 0;
    inPlaceFields = 0;
  }

  /** One entry per row, not per class. */
  ArrayArgument perRow() {
    perRow = true;
    return this;
  }

  /** So many entries per row; 0: as perRow says. */
  ArrayArgument entries(long perRowCount) {
    entries = perRowCount;
    return this;
  }

  /** May be NULL. */
  ArrayArgument optional() {
    return optional(true);
  }

  ArrayArgument optional(boolean isOptional) {
    optional = isOptional;
    return this;
  }

  /** May be the array of that field, at the same address and strides. */
  ArrayArgument inPlaceOf(int ofField) {
    inPlaceFields |= 1L << ofField;
    return this;
  }

  boolean isNull() {
    return Addresses.isNull(address);
  }

  boolean overlaps(ArrayArgument other) {
    return Addresses.overlap(address, bytes, other.address, other.bytes);
  }

  /** Whether an overlap with the other is none because this is that array, written in place. */
  boolean isInPlaceOf(ArrayArgument other, Shape shape) {
    Layout that = other.layout;
    return (inPlaceFields >> other.field & 1) == 1
        && address.address() == other.address.address()
        && (layout.outer == that.outer || shape.outer <= 1)
        && (layout.inner == that.inner || shape.inner <= 1)
        && (layout.classes == that.classes || shape.classes <= 1)
        && layout.type == that.type;
  }
}
