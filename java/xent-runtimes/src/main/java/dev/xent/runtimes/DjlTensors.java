// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static dev.xent.internal.text.Messages.message;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Arrays of DJL's PyTorch engine as tensors of Xent and back, without copies.
 *
 * <p>{@link #view} returns a tensor over the memory of an {@link NDArray}, so an operation can read
 * logits and write gradients in PyTorch's memory. {@link #wrap} returns an NDArray over the memory
 * of a tensor. Both compare addresses with PyTorch, to make sure that the memory is shared and not
 * copied. Memory that cannot be shared is rejected; {@link #copy} copies it. Other DJL engines only
 * return copies of their memory, so their arrays are rejected too.
 *
 * <table>
 * <caption>Element types</caption>
 * <tr><th>DJL</th><th>Xent</th></tr>
 * <tr><td>FLOAT32, FLOAT64, FLOAT16, BFLOAT16</td><td>F32, F64, F16, BF16</td></tr>
 * <tr><td>INT8, INT16, INT32, INT64</td><td>I8, I16, I32, I64</td></tr>
 * <tr><td>UINT8, and BOOLEAN (0 and 1)</td><td>U8, which becomes UINT8</td></tr>
 * <tr><td>UINT16, UINT32, UINT64</td><td>U16, U32, U64</td></tr>
 * </table>
 *
 * <p>Other types are rejected with a {@link dev.xent.errors.DTypeException}. {@link #wrap} also
 * rejects BF16, I16, U16, U32 and U64, because the PyTorch engine has no arrays of these types. A
 * scalar, whose shape is empty, becomes a tensor of shape [1].
 *
 * <p>PyTorch's autograd does not record the operations of Xent: write a gradient into separate
 * memory, and change values only of arrays that need no gradient.
 *
 * <p>All methods may be called by any thread that may use the array or manager. The caller must
 * synchronise accesses through the array with accesses through the tensor.
 */
public final class DjlTensors {
  /** The largest direct buffer, in which DJL returns memory. */
  private static final long MOST_BYTES = Integer.MAX_VALUE;

  private static final String PYTORCH = "PyTorch";

  private static final String CLOSED =
      "the NDArray is closed; keep it and its manager open as long as the tensor is used";

  private DjlTensors() {}

  /**
   * A tensor over the memory of an array. Writes on either side are visible on the other.
   *
   * <p>The memory belongs to the array, or to the array that it is a part of. The tensor keeps the
   * NDArray reachable, but closing the array or its {@link NDManager} frees the memory; any later
   * use of the tensor throws. Two cases are not detected, and the caller must avoid them: another
   * thread closes the array or its manager during a call, or {@code set} replaces the memory of the
   * array.
   *
   * @param array of the PyTorch engine, on the CPU, dense, contiguous, less than 2 GiB; it may be a
   *     part of another array along the first axis
   * @throws MemoryException if the array is closed, or cannot be shared without a copy
   * @throws dev.xent.errors.DTypeException if Xent has no such type
   */
  public static Tensor view(NDArray array) {
    Objects.requireNonNull(array, "array");
    requireOpen(array);
    requirePyTorch(array.getManager());
    DType type = DjlTypes.of(array.getDataType());
    requireCpu(array.getDevice());
    if (array.isSparse()) {
      throw new MemoryException("the NDArray is sparse: use copy, or toDense()");
    }
    long[] shape = shape(array);
    long bytes = bytes(array, type, "view");
    long address = bytes == 0 ? 0 : address(array);
    return Tensor.ofAddress(address, bytes, array, type, shape)
        .withGuard(() -> array.isReleased() ? CLOSED : null);
  }

  /**
   * A copy of an array's elements in row-major order, from any engine and device.
   *
   * @param arena owns the copy, which does not depend on the array
   * @throws MemoryException if the array or the arena is closed, or the array has 2 GiB or more
   * @throws dev.xent.errors.DTypeException if Xent has no such type
   */
  public static Tensor copy(NDArray array, Arena arena) {
    Objects.requireNonNull(array, "array");
    Objects.requireNonNull(arena, "arena");
    requireOpen(array);
    DType type = DjlTypes.of(array.getDataType());
    bytes(array, type, "copy");
    Tensor copy = Tensor.allocate(arena, type, shape(array));
    if (copy.elements() > 0) {
      ByteBuffer elements = array.isSparse() ? denseBytes(array) : array.toByteBuffer();
      copy.segment().copyFrom(MemorySegment.ofBuffer(elements));
    }
    return copy;
  }

  private static ByteBuffer denseBytes(NDArray array) {
    try (NDArray dense = array.toDense()) {
      return dense.toByteBuffer();
    }
  }

  /**
   * A PyTorch array over the memory of a tensor. Writes on either side are visible on the other.
   *
   * <p>The memory stays with its owner. The NDArray keeps reachable what the tensor keeps
   * reachable, an automatic arena or the owner of an address, until it is closed; PyTorch's views
   * of the NDArray do not. An arena that is closed explicitly must stay open until the last use of
   * the NDArray and its views, which PyTorch cannot check. Closing the array or its manager does
   * not free the memory.
   *
   * @param manager of the PyTorch engine, for the CPU; closes the array when it is closed
   * @param tensor off the heap, contiguous, writable, less than 2 GiB
   * @throws MemoryException if the memory is on the heap, not contiguous, read-only, too large,
   *     closed, or confined to another thread, or if the manager would copy it
   * @throws dev.xent.errors.DTypeException for BF16, I16, U16, U32 and U64
   */
  public static NDArray wrap(NDManager manager, Tensor tensor) {
    Objects.requireNonNull(manager, "manager");
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    requirePyTorch(manager);
    requireCpu(manager.getDevice());
    ByteBuffer bytes = TensorBytes.of(tensor, "DJL", MOST_BYTES);
    return manager.create(bytes, new Shape(tensor.shape()), DjlTypes.of(tensor.type()));
  }

  /**
   * The size of an array in bytes; throws if it exceeds the int that DJL counts with.
   *
   * @param what the caller wants to do, for the message
   */
  private static long bytes(NDArray array, DType type, String what) {
    long bytes = Math.multiplyExact(array.size(), type.byteSize());
    if (bytes > MOST_BYTES) {
      throw new MemoryException(
          message(
              "the NDArray has %d bytes, DJL lends at most %d at once: %s parts of it",
              bytes, MOST_BYTES, what));
    }
    return bytes;
  }

  private static void requireOpen(NDArray array) {
    if (array.isReleased()) {
      throw new MemoryException("the NDArray is closed: use it before it or its manager is closed");
    }
  }

  private static void requirePyTorch(NDManager manager) {
    Engine engine = manager.getEngine();
    String name = engine == null ? "none" : engine.getEngineName();
    if (!name.equals(PYTORCH)) {
      throw new MemoryException(
          message("the engine is %s, and only PyTorch's arrays can be shared: use copy", name));
    }
  }

  private static void requireCpu(Device device) {
    if (!device.getDeviceType().equals(Device.Type.CPU)) {
      throw new MemoryException(
          message(
              "the memory is on %s, which the CPU cannot reach: use copy, or toDevice(Device.cpu(),"
                  + " true)",
              device));
    }
  }

  /**
   * The address of the elements. DJL does not report whether an array is contiguous, and returns a
   * copy if it is not. Two copies that exist at the same time have different addresses.
   */
  private static long address(NDArray array) {
    try (NDManager copies = array.getManager().newSubManager()) {
      // A copy belongs to the manager of its source, so the source must have a manager that is
      // closed here.
      NDArray same = array.reshape(array.getShape());
      same.attach(copies);
      long first = MemorySegment.ofBuffer(same.toByteBuffer(true)).address();
      long second = MemorySegment.ofBuffer(same.toByteBuffer(true)).address();
      if (first != second) {
        throw new MemoryException(
            "the NDArray is not contiguous, and DJL does not tell its strides: use copy");
      }
      return first;
    }
  }

  private static long[] shape(NDArray array) {
    Shape shape = array.getShape();
    return shape.isScalar() ? new long[] {1} : shape.getShape();
  }
}
