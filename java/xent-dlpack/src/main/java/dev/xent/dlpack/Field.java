// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

/**
 * Offsets of the fields that are read and written, in a DLTensor and in the structs that contain
 * it.
 */
final class Field {
  static final long DATA = Layouts.offset(Layouts.TENSOR, "data");
  static final long DEVICE_TYPE = Layouts.offset(Layouts.TENSOR, "device_type");
  static final long DEVICE_ID = Layouts.offset(Layouts.TENSOR, "device_id");
  static final long NDIM = Layouts.offset(Layouts.TENSOR, "ndim");
  static final long CODE = Layouts.offset(Layouts.TENSOR, "code");
  static final long BITS = Layouts.offset(Layouts.TENSOR, "bits");
  static final long LANES = Layouts.offset(Layouts.TENSOR, "lanes");
  static final long SHAPE = Layouts.offset(Layouts.TENSOR, "shape");
  static final long STRIDES = Layouts.offset(Layouts.TENSOR, "strides");
  static final long BYTE_OFFSET = Layouts.offset(Layouts.TENSOR, "byte_offset");

  static final long MAJOR = Layouts.offset(Layouts.VERSIONED, "major");
  static final long MINOR = Layouts.offset(Layouts.VERSIONED, "minor");
  static final long DELETER = Layouts.offset(Layouts.VERSIONED, "deleter");
  static final long FLAGS = Layouts.offset(Layouts.VERSIONED, "flags");
  static final long TENSOR = Layouts.offset(Layouts.VERSIONED, "dl_tensor");

  static final long UNVERSIONED_DELETER = Layouts.offset(Layouts.UNVERSIONED, "deleter");
  static final long UNVERSIONED_TENSOR = Layouts.offset(Layouts.UNVERSIONED, "dl_tensor");

  private Field() {}
}
