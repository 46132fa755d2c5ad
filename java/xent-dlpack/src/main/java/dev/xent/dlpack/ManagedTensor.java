// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;

/**
 * A tensor that another library lends, to be given back by {@link #close}, which calls the
 * producer's deleter, once.
 *
 * <p>Its memory belongs to an arena of its own: after the close, every use of {@link #tensor()} and
 * of its views is refused. No thread collects instances that are not closed, so the memory of one
 * that is forgotten is lost: a deleter may take locks or free what the collector knows nothing of,
 * which belongs on a thread and to a time that the program chooses. Whoever wants the collector to
 * choose gives {@link Arena#ofAuto()} to {@link DlpackTensors#view(java.lang.foreign.MemorySegment,
 * Arena)}.
 *
 * <p>Any number of threads may use an instance and its tensor, and any may close it.
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

  /** The tensor over the producer's memory; read-only where the producer says so. */
  public Tensor tensor() {
    return tensor;
  }

  /** Whether the producer says that this is a copy of its own tensor, which nobody else uses. */
  public boolean isCopied() {
    return copied;
  }

  /** Whether it has not been given back. */
  public boolean isOpen() {
    return arena.scope().isAlive();
  }

  /**
   * Gives the tensor back: the deleter has been called when the first call returns. Others do
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
