// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import org.jspecify.annotations.Nullable;

/**
 * Says whether the memory that a tensor views may still be used: for memory that somebody else may
 * move, reuse or free, such as a buffer that grows, or a tensor of another library that is closed.
 * {@link Tensor#withGuard} attaches a guard to a tensor, which then asks it before each use.
 */
@FunctionalInterface
public interface MemoryGuard {
  /**
   * Returns why the tensor must not use the memory any more, or null as long as it may.
   *
   * <p>Each use of the tensor calls this at least once before it reads or writes anything, on the
   * calling thread, and several threads may call it at once. An operation can be as short as some
   * hundred nanoseconds, so return quickly and allocate nothing. It may make other calls.
   *
   * @return the end of a message, such as "the buffer is closed; keep it open during the call"
   */
  @Nullable String unavailableReason();
}
