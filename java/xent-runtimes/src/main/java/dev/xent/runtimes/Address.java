// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import dev.xent.errors.MemoryException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.tensorflow.ndarray.buffer.DataStorageVisitor;

/** Visits the storage of a byte buffer and returns its address. */
final class Address implements DataStorageVisitor<Long> {
  /** TensorFlow's storage is an address if TensorFlow may use {@code sun.misc.Unsafe}. */
  @Override
  public Long visit(long address, long length, long scale) {
    return address;
  }

  /** Otherwise its storage is a direct buffer. */
  @Override
  public Long visit(ByteBuffer buffer) {
    return buffer.isDirect() ? (Long) MemorySegment.ofBuffer(buffer).address() : fallback();
  }

  @Override
  public Long fallback() {
    throw new MemoryException(
        "TensorFlow does not return the address of this tensor: use a version whose data() is off the heap");
  }
}
