// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static dev.xent.internal.adapter.Sharing.requireUsable;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ForeignAllocation;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/** Vectors over the memory of tensors. */
final class WrappedVector {
  private WrappedVector() {}

  static FieldVector of(Tensor tensor, String name, BufferAllocator allocator) {
    requireShareable(tensor);
    long[] shape = tensor.shape();
    FieldVector vector = field(name, tensor.type(), shape, 0).createVector(allocator);
    ArrowBuf memory =
        tensor.elements() == 0
            ? allocator.getEmpty()
            : allocator.wrapForeignAllocation(new TensorMemory(tensor));
    try {
      FieldVector inner = vector;
      long count = shape[0];
      for (int d = 1; d < shape.length; d++) {
        inner.loadFieldBuffers(new ArrowFieldNode(count, 0), List.of(allocator.getEmpty()));
        count *= shape[d];
        inner = ((FixedSizeListVector) inner).getDataVector();
      }
      inner.loadFieldBuffers(new ArrowFieldNode(count, 0), List.of(allocator.getEmpty(), memory));
      return vector;
    } catch (RuntimeException e) {
      vector.close();
      throw e;
    } finally {
      memory.getReferenceManager().release(); // the vector has retained it
    }
  }

  private static void requireShareable(Tensor tensor) {
    String reason =
        !tensor.isContiguous()
            ? "a vector has no strides: copy it into a contiguous tensor first"
            : !tensor.segment().isNative()
                ? "a vector lies off the heap: copy it into a tensor there first"
                : tensor.isReadOnly()
                    ? "a vector can be written; expected the tensor it was made from, or a copy"
                    : largest(tensor) > Integer.MAX_VALUE
                        ? "a vector counts with an int: wrap slices of it"
                        : null;
    if (reason != null) {
      throw new MemoryException("the tensor is " + tensor.describe() + ", and " + reason);
    }
    requireUsable(tensor.describe(), tensor.segment());
  }

  /** The largest count in the vector: of elements, and of rows and lists, which may be empty. */
  private static long largest(Tensor tensor) {
    return Math.max(tensor.elements(), Arrays.stream(tensor.shape()).max().getAsLong());
  }

  private static Field field(String name, DType type, long[] shape, int dimension) {
    if (dimension == shape.length - 1) {
      return new Field(name, FieldType.notNullable(type(type)), List.of());
    }
    int size = (int) shape[dimension + 1];
    return new Field(
        name,
        FieldType.notNullable(new ArrowType.FixedSizeList(size)),
        List.of(field("item", type, shape, dimension + 1)));
  }

  private static ArrowType type(DType type) {
    return switch (type) {
      case F16 -> new ArrowType.FloatingPoint(FloatingPointPrecision.HALF);
      case F32 -> new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
      case F64 -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
      case I8, I16, I32, I64 -> new ArrowType.Int(8 * type.byteSize(), true);
      case U8, U16, U32, U64 -> new ArrowType.Int(8 * type.byteSize(), false);
      case BF16 ->
          throw new DTypeException(
              "the tensor is BF16, which Arrow does not have: copy it into a tensor of type F32");
    };
  }

  /** The memory of a tensor, which stays reachable until Arrow releases it. */
  private static final class TensorMemory extends ForeignAllocation {
    private final Tensor tensor;

    TensorMemory(Tensor tensor) {
      super(tensor.segment().byteSize(), tensor.segment().address());
      this.tensor = tensor;
    }

    @Override
    protected void release0() {
      Reference.reachabilityFence(tensor);
    }
  }
}
