// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.dlpack.Layouts.ADDRESS;
import static dev.xent.dlpack.Layouts.INT;
import static dev.xent.dlpack.Layouts.LONG;
import static dev.xent.internal.adapter.Sharing.unusable;
import static dev.xent.internal.text.Messages.message;

import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An imported managed tensor. Its deleter is called once, by the first call of {@link #giveBack}.
 */
final class Managed {
  /** The major version whose struct Xent reads. */
  static final int MAJOR = 1;

  private final MemorySegment struct;
  private final MemorySegment deleter;
  private final boolean versioned;
  private final AtomicBoolean back = new AtomicBoolean();

  private Managed(MemorySegment struct, MemorySegment deleter, boolean versioned) {
    this.struct = struct;
    this.deleter = deleter;
    this.versioned = versioned;
  }

  /**
   * The DLManagedTensorVersioned at an address; of an unknown version, all fields up to the flags.
   */
  static Managed versioned(MemorySegment pointer) {
    MemorySegment struct = at(pointer, Layouts.VERSIONED);
    return new Managed(struct, struct.get(ADDRESS, Field.DELETER), true);
  }

  /** The DLManagedTensor at an address. */
  static Managed unversioned(MemorySegment pointer) {
    MemorySegment struct = at(pointer, Layouts.UNVERSIONED);
    return new Managed(struct, struct.get(ADDRESS, Field.UNVERSIONED_DELETER), false);
  }

  private static MemorySegment at(MemorySegment pointer, StructLayout layout) {
    Objects.requireNonNull(pointer, "pointer");
    if (!pointer.isNative()) {
      throw noAddress("memory on the Java heap");
    }
    if (pointer.address() == 0) {
      throw noAddress("NULL");
    }
    if (!pointer.scope().isAlive()) {
      throw noAddress("memory of a closed arena");
    }
    if (pointer.address() % layout.byteAlignment() != 0) {
      throw new MemoryException(
          message(
              "address 0x%x is not aligned to %d bytes, so it is no managed tensor; expected the pointer that its producer returned",
              pointer.address(), layout.byteAlignment()));
    }
    return MemorySegment.ofAddress(pointer.address()).reinterpret(layout.byteSize());
  }

  private static MemoryException noAddress(String what) {
    return new MemoryException(
        what
            + " is no address of a managed tensor; expected the pointer that its producer returned");
  }

  /** The checked DLTensor; throws if Xent cannot use it. */
  DlpackView read() {
    if (!versioned) {
      return DlpackView.read(struct.asSlice(Field.UNVERSIONED_TENSOR, Layouts.TENSOR), 0);
    }
    int major = struct.get(INT, Field.MAJOR);
    if (major != MAJOR) {
      throw new MemoryException(
          message(
              "the tensor is one of DLPack %s.%s: request version 1, __dlpack__(max_version=(1, 0)) in Python",
              Integer.toUnsignedString(major),
              Integer.toUnsignedString(struct.get(INT, Field.MINOR))));
    }
    return DlpackView.read(
        struct.asSlice(Field.TENSOR, Layouts.TENSOR), struct.get(LONG, Field.FLAGS));
  }

  /** A tensor over the producer's memory; the deleter is called when the arena is closed. */
  Tensor lend(DlpackView lent, Arena arena) {
    try {
      MemorySegment memory = lent.memory().reinterpret(arena, null);
      Tensor tensor =
          Tensor.strided(
              lent.readOnly() ? memory.asReadOnly() : memory,
              lent.type(),
              lent.tensorShape(),
              lent.tensorStrides());
      // This comes last: from here on the arena calls the deleter.
      struct.reinterpret(arena, closed -> giveBack());
      return tensor;
    } catch (IllegalStateException | WrongThreadException e) {
      throw unusable(e);
    }
  }

  /** Calls the deleter, unless it has been called before. */
  void giveBack() {
    if (back.compareAndSet(false, true)) {
      Natives.delete(deleter, struct);
    }
  }
}
