// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Objects;

/**
 * Tensors of other libraries by DLPack, and the other way round, without a copy.
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
 * <p><b>Imports.</b> A producer hands out the address of a {@code DLManagedTensorVersioned} of
 * version 1, and with it the duty to call its deleter. {@code view} gives a tensor over the
 * producer's memory, with its strides, and read-only where the flag says so; the deleter is called
 * once, when the {@link ManagedTensor} or the arena is closed. {@code copy} calls it before it
 * returns. <em>Whatever these methods are given is used up, also when they throw</em>: the deleter
 * has been called then. Only an address that is none (NULL, misaligned, on the heap, of a closed
 * arena) has no deleter to call. A deleter that is NULL is taken for one that has nothing to do.
 *
 * <p>Refused are: other major versions ({@link MemoryException}), devices other than the CPU, also
 * pinned and managed memory ({@link MemoryException}), types that are not in the table and more
 * than one lane ({@link DTypeException}), more than 64 dimensions, negative sizes and what
 * overflows 64 bits ({@link ShapeException}); by {@code view} also negative strides ({@link
 * ShapeException}) and elements that are not aligned to their size ({@link MemoryException}), which
 * {@code copy} takes. A tensor without dimensions becomes one of the shape [1]. The rest is the
 * producer's word: DLPack does not tell how long its memory is.
 *
 * <p><b>Exports.</b> {@code export} hands out a tensor of ours. Its memory is kept until the
 * consumer calls the deleter, on whatever thread, also one that the JVM has not seen before.
 *
 * <p>All methods may be called by any number of threads.
 */
public final class DlpackTensors {
  private static final Runnable NOTHING = () -> {};

  private DlpackTensors() {}

  // ---- imports ---------------------------------------------------------------------------------

  /**
   * A tensor over the producer's memory, to be closed.
   *
   * @param pointer to a {@code DLManagedTensorVersioned}; its size does not matter
   */
  public static ManagedTensor view(MemorySegment pointer) {
    return owner(Managed.versioned(pointer));
  }

  /**
   * A tensor over the producer's memory that lives as long as an arena. The deleter is called when
   * the arena is closed, on the thread that closes it; with {@link Arena#ofAuto()}, when nothing
   * uses the tensor any more, on a thread of the JDK; with {@link Arena#global()}, never.
   *
   * @param pointer to a {@code DLManagedTensorVersioned}; its size does not matter
   * @throws MemoryException also if the arena is closed or another thread's
   */
  public static Tensor view(MemorySegment pointer, Arena arena) {
    return view(Managed.versioned(pointer), arena);
  }

  /**
   * A row-major copy of the producer's elements; the deleter has been called when this returns.
   *
   * @param pointer to a {@code DLManagedTensorVersioned}; its size does not matter
   * @param arena owns the copy
   * @throws MemoryException also if the arena is closed or another thread's
   */
  public static Tensor copy(MemorySegment pointer, Arena arena) {
    return copy(Managed.versioned(pointer), arena);
  }

  /**
   * As {@link #view(MemorySegment)}, of the struct from before versions were told, whose Python
   * capsules are named {@code dltensor}. It has no flags: whether it may be written, ask its
   * producer.
   *
   * @param pointer to a {@code DLManagedTensor}; its size does not matter
   */
  public static ManagedTensor viewUnversioned(MemorySegment pointer) {
    return owner(Managed.unversioned(pointer));
  }

  /**
   * As {@link #copy}, of the struct from before versions were told.
   *
   * @param pointer to a {@code DLManagedTensor}; its size does not matter
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
   * Lends a tensor: a {@code DLManagedTensorVersioned} over its memory. The tensor, the owner of
   * its address and memory that the collector frees are kept until the consumer calls the deleter.
   * Memory of an arena that is closed by hand is the caller's to keep open until then: see {@link
   * #export(Tensor, Runnable)}.
   *
   * @param tensor off the heap, of any strides; a read-only one has its flag set
   * @return the address of the struct, for one consumer, who must call its deleter once; where
   *     nobody does, the memory is kept for good
   * @throws MemoryException if the tensor lies on the heap, where memory moves, or is closed or
   *     another thread's
   */
  public static MemorySegment export(Tensor tensor) {
    return export(tensor, NOTHING);
  }

  /**
   * Lends a tensor, and says when it has come back.
   *
   * @param tensor off the heap, of any strides; a read-only one has its flag set
   * @param released is run once, when the consumer has called the deleter, on its thread: {@code
   *     arena::close} of a shared arena, say, which the caller does not close then. What it throws
   *     is logged. It is not run if this method throws
   * @return the address of the struct, for one consumer, who must call its deleter once; where
   *     nobody does, the memory is kept for good
   * @throws MemoryException if the tensor lies on the heap, where memory moves, or is closed or
   *     another thread's
   */
  public static MemorySegment export(Tensor tensor, Runnable released) {
    Objects.requireNonNull(released, "released");
    requireLendable(tensor);
    return Exports.add(tensor, 0, released);
  }

  /**
   * As {@link #export(Tensor, Runnable)}, with the struct from before versions were told: a {@code
   * DLManagedTensor}, for consumers that know no other and take Python capsules named {@code
   * dltensor}. It has no flags, so a read-only tensor is refused.
   *
   * @param tensor off the heap, of any strides
   * @param released is run once, when the consumer has called the deleter, on its thread
   * @return the address of the struct, for one consumer, who must call its deleter once
   * @throws MemoryException if the tensor lies on the heap, is closed, another thread's or
   *     read-only
   */
  public static MemorySegment exportUnversioned(Tensor tensor, Runnable released) {
    Objects.requireNonNull(released, "released");
    requireLendable(tensor);
    if (tensor.isReadOnly()) {
      throw new MemoryException(
          tensor
              + ", which a struct without a version cannot say: use DlpackTensors.export, or lend a copy");
    }
    return Exports.addUnversioned(tensor, released);
  }

  /**
   * Lends a row-major copy of a tensor, also of one on the heap; the flag for copies is set, and
   * the consumer may write it. Its memory is freed some time after the consumer has called the
   * deleter.
   *
   * @return the address of the struct, for one consumer, who must call its deleter once
   * @throws MemoryException if the tensor's memory is closed or another thread's, or its strides
   *     repeat elements more often than memory can hold
   */
  public static MemorySegment exportCopy(Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    requireUsable(tensor);
    DType type = tensor.type();
    if (tensor.elements() > (Long.MAX_VALUE - Exports.ALIGNMENT) / type.byteSize()) {
      throw new MemoryException(
          tensor + " is more than memory can be: lend a copy of a slice of it");
    }
    long bytes = tensor.elements() * type.byteSize();
    Tensor copy =
        Tensor.of(Arena.ofAuto().allocate(bytes, Exports.ALIGNMENT), type, tensor.shape());
    copy.copyFrom(tensor);
    return Exports.add(copy, Flags.COPIED, NOTHING);
  }

  /** How many exported tensors consumers have not given back: 0 when all is well in the end. */
  public static int outstandingExports() {
    return Exports.count();
  }

  private static void requireLendable(Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    requireUsable(tensor);
    if (!tensor.segment().isNative()) {
      throw new MemoryException(
          tensor
              + " has no address that stays: allocate it off the heap, or lend a copy with DlpackTensors.exportCopy");
    }
  }

  private static void requireUsable(Tensor tensor) {
    MemorySegment memory = tensor.segment();
    if (!memory.scope().isAlive() || !memory.isAccessibleBy(Thread.currentThread())) {
      throw new MemoryException(
          String.format(
              Locale.ROOT,
              "%s belongs to an arena that is closed or confined to another thread: use an open shared one",
              tensor));
    }
  }
}
