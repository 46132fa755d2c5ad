// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static dev.xent.internal.adapter.Sharing.requireUsable;
import static dev.xent.internal.text.Messages.message;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * ONNX Runtime tensors as tensors of Xent and back, without copies.
 *
 * <p>ONNX Runtime for Java shares only memory that came from Java. So to compute on the output of a
 * model, pass the memory in: {@link #wrap} a tensor of Xent and pass it to {@code
 * session.run(inputs, requestedOutputs, pinnedOutputs)} as a pinned output. After the run the
 * tensor holds the result. {@link #view} is for OnnxTensors that were made over direct buffers or
 * from Java arrays. Memory that ONNX Runtime allocates itself, such as outputs that are not pinned,
 * cannot be shared: {@link #copy} copies it.
 *
 * <table>
 * <caption>Element types</caption>
 * <tr><th>ONNX Runtime</th><th>Xent</th></tr>
 * <tr><td>FLOAT, DOUBLE, FLOAT16, BFLOAT16</td><td>F32, F64, F16, BF16</td></tr>
 * <tr><td>INT8, INT16, INT32, INT64</td><td>I8, I16, I32, I64</td></tr>
 * <tr><td>UINT8, and BOOL (0 and 1)</td><td>U8, which becomes UINT8</td></tr>
 * <tr><td>UINT16, UINT32, UINT64</td><td>U16, U32, U64; not by {@link #wrap}</td></tr>
 * </table>
 *
 * <p>Other types are rejected with a {@link dev.xent.errors.DTypeException}. A scalar, whose shape
 * is empty, becomes a tensor of shape [1].
 *
 * <p>All methods may be called by any thread. The caller must synchronise accesses through the
 * OnnxTensor with accesses through the tensor; a run is over when {@code run} returns.
 */
public final class OnnxRuntimeTensors {
  /** ONNX Runtime's limit: 64 bytes less than the largest int. */
  private static final long MOST_BYTES = Integer.MAX_VALUE - 64L;

  private OnnxRuntimeTensors() {}

  /**
   * A tensor over the memory of an OnnxTensor that was made over a direct buffer, from a Java array
   * or by {@link #wrap}. Writes on either side are visible on the other.
   *
   * <p>The memory belongs to the buffer, not to the OnnxTensor: the result keeps the buffer
   * reachable, and stays valid when the OnnxTensor is closed. If the buffer was made from a
   * segment, the segment's arena must stay open. The result for a read-only buffer is read-only.
   *
   * <p>The elements are those from the buffer's position to its limit. ONNX Runtime keeps the
   * caller's buffer, so moving its position or limit later changes which elements a view has. Only
   * a change of their number is detected.
   *
   * @throws MemoryException if the tensor or the arena of its buffer is closed, if ONNX Runtime
   *     allocated its memory, if position or limit of its buffer were moved, or if the byte order
   *     of its buffer is not the machine's
   * @throws dev.xent.errors.DTypeException if Xent has no such type
   */
  public static Tensor view(OnnxTensor tensor) {
    Objects.requireNonNull(tensor, "tensor");
    requireOpen(tensor);
    TensorInfo info = tensor.getInfo();
    DType type = OnnxRuntimeTypes.of(info);
    Buffer buffer = usableBufferOf(tensor);
    if (buffer == null) {
      throw new MemoryException(
          "ONNX Runtime has allocated this OnnxTensor and gives no access to its memory: pin the"
              + " output to a tensor from wrap, or use copy");
    }
    MemorySegment segment = MemorySegment.ofBuffer(buffer);
    if (segment.byteSize() / type.byteSize() != info.getNumElements()) {
      throw new MemoryException(
          message(
              "the buffer of this OnnxTensor has %d bytes from position to limit, not its %d"
                  + " elements of %s: set them back, or use copy",
              segment.byteSize(), info.getNumElements(), type));
    }
    return Tensor.of(segment, type, shape(info));
  }

  /**
   * A copy of an OnnxTensor's elements, from memory of Java or of ONNX Runtime.
   *
   * @param arena owns the copy, which does not depend on the OnnxTensor
   * @throws MemoryException if the tensor, its buffer's arena or the copy's arena is closed, or the
   *     byte order of its buffer is not the machine's
   * @throws dev.xent.errors.DTypeException if Xent has no such type
   */
  public static Tensor copy(OnnxTensor tensor, Arena arena) {
    Objects.requireNonNull(tensor, "tensor");
    Objects.requireNonNull(arena, "arena");
    requireOpen(tensor);
    TensorInfo info = tensor.getInfo();
    DType type = OnnxRuntimeTypes.of(info);
    usableBufferOf(tensor);
    Tensor copy = Tensor.allocate(arena, type, shape(info));
    if (copy.elements() > 0) {
      // ONNX Runtime's elements: they do not depend on the current position of a buffer.
      ByteBuffer elements = tensor.getByteBuffer();
      copy.segment().copyFrom(MemorySegment.ofBuffer(elements));
    }
    return copy;
  }

  /**
   * An OnnxTensor over the memory of a tensor, for use as an input or a pinned output. Writes on
   * either side are visible on the other.
   *
   * <p>The memory stays with its owner. The OnnxTensor, closed or not, keeps reachable what the
   * tensor keeps reachable: an automatic arena or the owner of an address. An arena that is closed
   * explicitly must stay open until the last run with the OnnxTensor is over, which ONNX Runtime
   * cannot check. The caller closes the OnnxTensor, which does not free the memory.
   *
   * @param environment of the sessions that will use it
   * @param tensor off the heap, contiguous, writable, less than 2 GiB
   * @throws MemoryException if the memory is on the heap, not contiguous, read-only, too large,
   *     closed, or confined to another thread
   * @throws dev.xent.errors.DTypeException for U16, U32 and U64, which ONNX Runtime for Java does
   *     not support in new tensors
   * @throws OrtException if ONNX Runtime cannot make the tensor
   */
  public static OnnxTensor wrap(OrtEnvironment environment, Tensor tensor) throws OrtException {
    Objects.requireNonNull(environment, "environment");
    ByteBuffer bytes = TensorBytes.of(tensor, "ONNX Runtime", MOST_BYTES);
    return OnnxTensor.createTensor(
        environment, bytes, tensor.shape(), OnnxRuntimeTypes.of(tensor.type()));
  }

  private static void requireOpen(OnnxTensor tensor) {
    if (tensor.isClosed()) {
      throw new MemoryException("the OnnxTensor is closed: use it before it is closed");
    }
  }

  /**
   * The buffer that a tensor was made of, or null; throws if its arena is closed, since ONNX
   * Runtime would read it.
   */
  private static @Nullable Buffer usableBufferOf(OnnxTensor tensor) {
    Buffer buffer = bufferOf(tensor);
    if (buffer != null) {
      requireUsable("the memory of the OnnxTensor", MemorySegment.ofBuffer(buffer));
      requireNativeOrder(buffer);
    }
    return buffer;
  }

  /** Rejects a buffer of foreign byte order, which ONNX Runtime reads in native order. */
  private static void requireNativeOrder(Buffer buffer) {
    ByteOrder order = orderOf(buffer);
    if (order != ByteOrder.nativeOrder()) {
      throw new MemoryException(
          message(
              "the buffer of this OnnxTensor is %s, and ONNX Runtime takes its bytes as %s: make it"
                  + " of one in ByteOrder.nativeOrder()",
              order, ByteOrder.nativeOrder()));
    }
  }

  private static ByteOrder orderOf(Buffer buffer) {
    return switch (buffer) {
      case ShortBuffer shorts -> shorts.order();
      case IntBuffer ints -> ints.order();
      case LongBuffer longs -> longs.order();
      case FloatBuffer floats -> floats.order();
      case DoubleBuffer doubles -> doubles.order();
      default -> ByteOrder.nativeOrder(); // bytes have no byte order
    };
  }

  /** The buffer that a tensor was made of, even if its memory is freed; or null. */
  private static @Nullable Buffer bufferOf(OnnxTensor tensor) {
    try {
      return tensor.getBufferRef().orElse(null);
    } catch (NullPointerException e) {
      // At least up to 1.29, getBufferRef throws although it documents an empty Optional.
      return null;
    }
  }

  private static long[] shape(TensorInfo info) {
    return info.isScalar() ? new long[] {1} : info.getShape();
  }
}
