// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import dev.xent.DType;
import org.jspecify.annotations.Nullable;

/**
 * The element types of .safetensors files by their names in the format. Types that Xent does not
 * support are listed with their size, so that a file with such tensors can be checked and its other
 * tensors read.
 */
enum SafetensorsType {
  BOOL(8, DType.U8),
  U8(8, DType.U8),
  I8(8, DType.I8),
  I16(16, DType.I16),
  I32(32, DType.I32),
  I64(64, DType.I64),
  F16(16, DType.F16),
  BF16(16, DType.BF16),
  F32(32, DType.F32),
  F64(64, DType.F64),
  U16(16, DType.U16),
  U32(32, DType.U32),
  U64(64, DType.U64),
  C64(64, null),
  F8_E5M2(8, null),
  F8_E4M3(8, null),
  F8_E8M0(8, null),
  F8_E4M3FNUZ(8, null),
  F8_E5M2FNUZ(8, null),
  F6_E2M3(6, null),
  F6_E3M2(6, null),
  F4(4, null);

  /** The size of an element. */
  final int bits;

  /** The Xent type; null if Xent has no such type. */
  final @Nullable DType type;

  SafetensorsType(int bits, @Nullable DType type) {
    this.bits = bits;
    this.type = type;
  }

  /** The type of a name, which must be in capital letters; null for other names. */
  static @Nullable SafetensorsType named(String name) {
    for (SafetensorsType type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }

  /** How to save a tensor of this type so that Xent can read it. */
  String fix() {
    return switch (this) {
      case C64 -> "save its parts as F32";
      default -> "save it as F16, BF16 or F32, with its scales applied";
    };
  }
}
