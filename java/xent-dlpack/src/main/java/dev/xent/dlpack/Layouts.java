// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The structs of DLPack for 64-bit addresses, where they have no padding. A test compares every
 * size and offset with those of a C compiler.
 */
final class Layouts {
  static final AddressLayout ADDRESS = ValueLayout.ADDRESS;
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;

  /** DLTensor: a tensor in memory that it does not own. */
  static final StructLayout TENSOR =
      MemoryLayout.structLayout(
          ADDRESS.withName("data"),
          INT.withName("device_type"),
          INT.withName("device_id"),
          INT.withName("ndim"),
          BYTE.withName("code"),
          BYTE.withName("bits"),
          SHORT.withName("lanes"),
          ADDRESS.withName("shape"),
          ADDRESS.withName("strides"),
          LONG.withName("byte_offset"));

  /** DLManagedTensorVersioned, of DLPack 1. Later versions keep all fields up to the flags. */
  static final StructLayout VERSIONED =
      MemoryLayout.structLayout(
          INT.withName("major"),
          INT.withName("minor"),
          ADDRESS.withName("manager_ctx"),
          ADDRESS.withName("deleter"),
          LONG.withName("flags"),
          TENSOR.withName("dl_tensor"));

  /** DLManagedTensor, the unversioned struct of DLPack before 1.0. */
  static final StructLayout UNVERSIONED =
      MemoryLayout.structLayout(
          TENSOR.withName("dl_tensor"),
          ADDRESS.withName("manager_ctx"),
          ADDRESS.withName("deleter"));

  private Layouts() {}

  /** The offset of a field; a path names a field of a nested struct. */
  static long offset(StructLayout struct, String... path) {
    return struct.byteOffset(
        Arrays.stream(path).map(name -> groupElement(name)).toArray(PathElement[]::new));
  }
}
