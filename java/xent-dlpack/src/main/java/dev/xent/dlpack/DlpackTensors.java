// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.internal.adapter.Sharing.requireUsable;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Imports tensors of other libraries and exports tensors to them through DLPack, without a copy.
 *
 * <table>
 *   <caption>Types</caption>
 *   <tr><th>DLPack</th><th>type</th></tr>
 *   <tr><td>float 16, 32, 64</td><td>F16, F32, F64</td></tr>
 *   <tr><td>bfloat 16</td><td>BF16</td></tr>
 *   <tr><td>int 8, 16, 32, 64</td><td>I8, I16, I32, I64</td></tr>
 *   <tr><td>uint 16, 32, 64</td><td>U16, U32, U64</td></tr>
 *   <tr><td>uint 8, bool 8</td><td>U8, which is exported as uint 8</td></tr>
 * </table>
 *
 * <p><b>Imports.</b> A producer returns the address of a {@code DLManagedTensorVersioned} of
 * version 1; the receiver must call its deleter. {@code view} returns a tensor over the producer's
 * memory, with the producer's strides, and read-only if the flag is set. The deleter is called
 * once, when the {@link ManagedTensor} or the arena is closed. {@code copy} calls it before it
 * returns. <em>These methods consume the struct, also when they throw</em>: the deleter has been
 * called by then. The one exception is an invalid address (NULL, misaligned, on the heap, of a
 * closed arena), which has no deleter to call. A NULL deleter is valid and means that nothing has
 * to be freed.
 *
 * <p>All imports reject other major versions ({@link MemoryException}), devices other than the CPU,
 * including pinned and managed memory ({@link MemoryException}), types that are not in the table
 * and more than one lane ({@link DTypeException}), and more than 64 dimensions, negative sizes and
 * extents that overflow 64 bits ({@link ShapeException}). {@code view} also rejects negative
 * strides ({@link ShapeException}) and elements that are not aligned to their size ({@link
 * MemoryException}); {@code copy} accepts both. A tensor without dimensions becomes a tensor of
 * shape [1]. Xent trusts the producer for the rest: DLPack does not include the length of the
 * memory.
 *
 * <p><b>Exports.</b> {@code export} exports a tensor of this JVM. Its memory is kept until the
 * consumer calls the deleter, on any thread, including a thread that is not attached to the JVM.
 *
 * <p>All methods may be called by any number of threads.
 */
public final class DlpackTensors {
  private static final Runnable NOTHING = () -> {};

  private DlpackTensors() {}

  // ---- imports ---------------------------------------------------------------------------------

  /**
   * A tensor over the producer's memory, which the caller must close.
   *
   * @param pointer to a {@code DLManagedTensorVersioned}; the size of the segment is ignored
   */
  public static ManagedTensor view(MemorySegment pointer) {
    return owner(Managed.versioned(pointer));
  }

  /**
   * A tensor over the producer's memory that lives as long as an arena. The deleter is called when
   * the arena is closed, on the thread that closes it. With {@link Arena#ofAuto()} it is called
   * when the tensor is unreachable, on a thread of the JDK; with {@link Arena#global()}, never.
   *
   * @param pointer to a {@code DLManagedTensorVersioned}; the size of the segment is ignored
   * @throws MemoryException also if the arena is closed or another thread's
   */
  public static Tensor view(MemorySegment pointer, Arena arena) {
    return view(Managed.versioned(pointer), arena);
  }

  /**
   * A row-major copy of the producer's elements; the deleter has been called when this returns.
   *
   * @param pointer to a {@code DLManagedTensorVersioned}; the size of the segment is ignored
   * @param arena owns the copy
   * @throws MemoryException also if the arena is closed or another thread's
   */
  public static Tensor copy(MemorySegment pointer, Arena arena) {
    return copy(Managed.versioned(pointer), arena);
  }

  /**
   * As {@link #view(MemorySegment)}, for the unversioned struct of DLPack before 1.0, whose Python
   * capsules are named {@code dltensor}. The struct has no flags, so only the producer's
   * documentation says whether the memory may be written.
   *
   * @param pointer to a {@code DLManagedTensor}; the size of the segment is ignored
   */
  public static ManagedTensor viewUnversioned(MemorySegment pointer) {
    return owner(Managed.unversioned(pointer));
  }

  /**
   * As {@link #copy}, for the unversioned struct of DLPack before 1.0.
   *
   * @param pointer to a {@code DLManagedTensor}; the size of the segment is ignored
   * @param arena owns the copy
   */
  public static Tensor copyUnversioned(MemorySegment pointer, Arena arena) {
    return copy(Managed.unversioned(pointer), arena);
  }

  private static ManagedTensor owner(Managed managed) {
    Arena arena = Arena.ofShared();
    try {
      DlpackView lent = viewable(managed);
      return new ManagedTensor(arena, lend(managed, lent, arena), lent.copied());
    } catch (RuntimeException | Error refusal) {
      arena.close();
      throw refusal;
    }
  }

  private static Tensor view(Managed managed, Arena arena) {
    requireArena(managed, arena);
    return lend(managed, viewable(managed), arena);
  }

  private static void requireArena(Managed managed, Arena arena) {
    if (arena == null) {
      managed.giveBack();
      throw new NullPointerException("arena");
    }
  }

  private static DlpackView viewable(Managed managed) {
    try {
      DlpackView lent = managed.read();
      lent.requireViewable();
      return lent;
    } catch (RuntimeException | Error refusal) {
      managed.giveBack();
      throw refusal;
    }
  }

  private static Tensor lend(Managed managed, DlpackView lent, Arena arena) {
    try {
      return managed.lend(lent, arena);
    } catch (RuntimeException | Error refusal) {
      managed.giveBack();
      throw refusal;
    }
  }

  private static Tensor copy(Managed managed, Arena arena) {
    requireArena(managed, arena);
    try {
      return Elements.copy(managed.read(), arena);
    } finally {
      managed.giveBack();
    }
  }

  // ---- exports ---------------------------------------------------------------------------------

  /**
   * Exports a tensor as a {@code DLManagedTensorVersioned} over its memory. The tensor, the owner
   * of its address and memory that the garbage collector frees are kept until the consumer calls
   * the deleter. The caller must keep memory of an arena that is closed explicitly open until then:
   * see {@link #export(Tensor, Runnable)}.
   *
   * @param tensor off the heap, of any strides; the flag is set for a read-only tensor
   * @return the address of the struct, for one consumer, who must call its deleter once; otherwise
   *     the memory is kept until the process ends
   * @throws MemoryException if the tensor is on the heap, where memory moves, or is closed or
   *     another thread's
   */
  public static MemorySegment export(Tensor tensor) {
    return export(tensor, NOTHING);
  }

  /**
   * Exports a tensor, and runs {@code released} when the consumer has released it.
   *
   * @param tensor off the heap, of any strides; the flag is set for a read-only tensor
   * @param released run once, when the consumer has called the deleter, on the consumer's thread,
   *     for example {@code arena::close} of a shared arena that the caller then does not close
   *     itself. Exceptions that it throws are logged. It is not run if this method throws
   * @return the address of the struct, for one consumer, who must call its deleter once; otherwise
   *     the memory is kept until the process ends
   * @throws MemoryException if the tensor is on the heap, where memory moves, or is closed or
   *     another thread's
   */
  public static MemorySegment export(Tensor tensor, Runnable released) {
    Objects.requireNonNull(released, "released");
    requireLendable(tensor);
    return Exports.add(tensor, 0, released);
  }

  /**
   * As {@link #export(Tensor, Runnable)}, with the unversioned struct of DLPack before 1.0: a
   * {@code DLManagedTensor}, for consumers that accept only Python capsules named {@code dltensor}.
   * The struct has no flags, so read-only tensors are rejected.
   *
   * @param tensor off the heap, of any strides
   * @param released run once, when the consumer has called the deleter, on the consumer's thread
   * @return the address of the struct, for one consumer, who must call its deleter once
   * @throws MemoryException if the tensor is on the heap, is closed, another thread's or read-only
   */
  public static MemorySegment exportUnversioned(Tensor tensor, Runnable released) {
    Objects.requireNonNull(released, "released");
    requireLendable(tensor);
    if (tensor.isReadOnly()) {
      throw new MemoryException(
          tensor.describe()
              + ", which a struct without a version cannot say: use DlpackTensors.export, or lend a"
              + " copy");
    }
    return Exports.addUnversioned(tensor, released);
  }

  /**
   * Exports a row-major copy of a tensor, which may be on the heap. The flag for copies is set, and
   * the consumer may write to the copy. The garbage collector frees its memory after the consumer
   * has called the deleter.
   *
   * @return the address of the struct, for one consumer, who must call its deleter once
   * @throws MemoryException if the tensor's memory is closed or another thread's, or its strides
   *     repeat elements more often than memory can hold
   */
  public static MemorySegment exportCopy(Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    requireUsable(tensor.describe(), tensor.segment());
    DType type = tensor.type();
    if (tensor.elements() > (Long.MAX_VALUE - Exports.ALIGNMENT) / type.byteSize()) {
      throw new MemoryException(
          tensor.describe() + " is more than memory can be: lend a copy of a slice of it");
    }
    long bytes = tensor.elements() * type.byteSize();
    Tensor copy =
        Tensor.of(Arena.ofAuto().allocate(bytes, Exports.ALIGNMENT), type, tensor.shape());
    copy.copyFrom(tensor);
    return Exports.add(copy, Flags.COPIED, NOTHING);
  }

  /** The number of exported tensors whose deleter has not been called; 0 when all are released. */
  public static int outstandingExports() {
    return Exports.count();
  }

  private static void requireLendable(Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    requireUsable(tensor.describe(), tensor.segment());
    if (!tensor.segment().isNative()) {
      throw new MemoryException(
          tensor.describe()
              + " has no address that stays: allocate it off the heap, or lend a copy with"
              + " DlpackTensors.exportCopy");
    }
  }
}
