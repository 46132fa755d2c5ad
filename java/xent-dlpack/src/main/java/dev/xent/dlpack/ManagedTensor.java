// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;

/**
 * A tensor over memory of another library. {@link #close} calls the producer's deleter, once.
 *
 * <p>The memory belongs to an arena that only this instance uses: after the close, every use of
 * {@link #tensor()} and of its views throws. Instances that are not closed are not collected, so
 * their memory leaks. This is deliberate: a deleter may take locks or free memory that the garbage
 * collector does not manage, so the program must choose the thread and the time. To let the garbage
 * collector choose, pass {@link Arena#ofAuto()} to {@link
 * DlpackTensors#view(java.lang.foreign.MemorySegment, Arena)}.
 *
 * <p>Any number of threads may use an instance and its tensor, and any thread may close it.
 */
public final class ManagedTensor implements AutoCloseable {
  private final Arena arena;
  private final Tensor tensor;
  private final boolean copied;

  ManagedTensor(Arena arena, Tensor tensor, boolean copied) {
    this.arena = arena;
    this.tensor = tensor;
    this.copied = copied;
  }

  /** The tensor over the producer's memory; read-only if the producer set the flag. */
  public Tensor tensor() {
    return tensor;
  }

  /** Whether the producer marked this tensor as a copy that only the consumer uses. */
  public boolean isCopied() {
    return copied;
  }

  /** Whether the tensor has not been closed. */
  public boolean isOpen() {
    return arena.scope().isAlive();
  }

  /**
   * Closes the tensor. The deleter has been called when the first call returns; later calls do
   * nothing.
   *
   * @throws MemoryException if a call on another thread uses the tensor right now; it stays open
   */
  @Override
  public void close() {
    try {
      arena.close();
    } catch (IllegalStateException e) {
      if (isOpen()) {
        throw new MemoryException(
            "the tensor is used by a call on another thread: close it when that has returned", e);
      }
    }
  }
}
