// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of a call.
 *
 * @param type of its elements
 * @param shape of the tensor
 * @param content before the call; null for any content, because the call writes all of it
 * @param written whether the call writes it
 */
record Operand(DType type, long[] shape, @Nullable MemorySegment content, boolean written) {

  static Operand in(Tensor tensor) {
    return new Operand(tensor.type(), tensor.shape(), tensor.segment(), false);
  }

  static Operand inPlace(Tensor tensor) {
    return new Operand(tensor.type(), tensor.shape(), tensor.segment(), true);
  }

  static Operand out(DType type, long... shape) {
    return new Operand(type, shape, null, true);
  }

  long elements() {
    long elements = 1;
    for (long size : shape) {
      elements *= size;
    }
    return elements;
  }

  long bytes() {
    return elements() * type.byteSize();
  }

  /** A tensor over memory of its size, with the content from before the call. */
  Tensor tensor(MemorySegment memory) {
    if (content == null) {
      Bytes.spoil(memory);
    } else {
      Bytes.copy(content, memory);
    }
    return Tensor.of(memory, type, shape);
  }
}
