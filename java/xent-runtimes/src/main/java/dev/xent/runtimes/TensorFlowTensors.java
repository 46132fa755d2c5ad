// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.util.Objects;
import org.tensorflow.RawTensor;
import org.tensorflow.proto.DataType;

/**
 * TensorFlow tensors as tensors of Xent, without copies.
 *
 * <p>{@link #view} returns a tensor over the native memory of a TensorFlow tensor: the result of a
 * session or an eager operation, or a tensor that was allocated as an output. The other direction
 * is not possible without a copy, because TensorFlow for Java allocates the memory of all its
 * tensors itself. Let TensorFlow allocate, {@code TFloat32.tensorOf(Shape.of(64, 1000))}, and
 * compute into a view of it.
 *
 * <table>
 * <caption>Element types</caption>
 * <tr><th>TensorFlow</th><th>Xent</th></tr>
 * <tr><td>TFloat32, TFloat64, TFloat16, TBfloat16</td><td>F32, F64, F16, BF16</td></tr>
 * <tr><td>TInt32, TInt64</td><td>I32, I64</td></tr>
 * <tr><td>TUint8, and TBool (0 and 1); TUint16</td><td>U8; U16</td></tr>
 * </table>
 *
 * <p>Other types are rejected with a {@link DTypeException}. A scalar, whose shape is empty,
 * becomes a tensor of shape [1].
 *
 * <p>TensorFlow treats the tensors of a session or an eager operation as constant, and two of them
 * may share their memory. Write only into tensors that you have allocated and not yet passed to
 * TensorFlow.
 *
 * <p>A TensorFlow tensor may be used by one thread at a time, also by these methods. Its views may
 * be used by any number of threads.
 */
public final class TensorFlowTensors {
  private static final String CLOSED = "the tensor is closed: use it before it is closed";

  private static final long WHEN_CLOSED = -1;

  private TensorFlowTensors() {}

  /**
   * A tensor over the native memory of a TensorFlow tensor. Writes on either side are visible on
   * the other.
   *
   * <p>The memory belongs to the TensorFlow tensor. The view keeps that tensor reachable, but
   * closing it, or closing the eager session that made it, frees the memory. A later call on the
   * view throws a {@link MemoryException}; closing the tensor during a call is not detected.
   *
   * @param tensor dense, raw or typed
   * @throws MemoryException if the tensor is closed or sparse
   * @throws DTypeException if Xent has no such type
   */
  public static Tensor view(org.tensorflow.Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor");
    if (tensor.isSparse()) {
      throw new MemoryException("the tensor is sparse: view its values()");
    }
    DType type = type(tensor.dataType());
    RawTensor raw = tensor.asRawTensor();
    long bytes = bytes(raw);
    if (bytes == WHEN_CLOSED) {
      throw new MemoryException(CLOSED);
    }
    long[] shape = raw.shape().numDimensions() == 0 ? new long[] {1} : raw.shape().asArray();
    long address = bytes == 0 ? 0 : raw.data().accept(new Address());
    return Tensor.ofAddress(address, bytes, raw, type, shape)
        .withGuard(() -> bytes(raw) == WHEN_CLOSED ? CLOSED : null);
  }

  /**
   * A copy of a tensor's elements.
   *
   * @param arena owns the copy, which does not depend on the tensor
   * @throws MemoryException if the tensor is closed or sparse, or the arena is closed
   * @throws DTypeException if Xent has no such type
   */
  public static Tensor copy(org.tensorflow.Tensor tensor, Arena arena) {
    Objects.requireNonNull(tensor, "tensor");
    Objects.requireNonNull(arena, "arena");
    Tensor view = view(tensor);
    Tensor copy = Tensor.allocate(arena, view.type(), view.shape());
    copy.copyFrom(view);
    return copy;
  }

  /** The size of a tensor in bytes, which TensorFlow tells of open ones only. */
  private static long bytes(RawTensor raw) {
    try {
      return raw.numBytes();
    } catch (IllegalStateException e) {
      return WHEN_CLOSED;
    }
  }

  private static DType type(DataType type) {
    return switch (type) {
      case DT_FLOAT -> DType.F32;
      case DT_DOUBLE -> DType.F64;
      case DT_HALF -> DType.F16;
      case DT_BFLOAT16 -> DType.BF16;
      case DT_UINT8, DT_BOOL -> DType.U8;
      case DT_INT32 -> DType.I32;
      case DT_INT64 -> DType.I64;
      case DT_UINT16 -> DType.U16;
      default ->
          throw new DTypeException(
              message(
                  "the tensor holds %s, which has no counterpart: convert it with tf.dtypes.cast",
                  type));
    };
  }
}
