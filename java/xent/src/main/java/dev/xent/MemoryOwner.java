// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import org.jspecify.annotations.Nullable;

/**
 * Something that lends its memory to a tensor, and may move it or reuse it: a buffer that grows, a
 * tensor of another library that is closed. {@link Tensor#ownedBy} makes it part of a tensor, which
 * then asks before each use.
 */
@FunctionalInterface
public interface MemoryOwner {
  /**
   * Returns why the tensor must not use the memory any more, or null as long as it may.
   *
   * <p>Each use of the tensor asks at least once before it reads or writes anything, on the calling
   * thread, and several threads may ask at once. Calls are as short as some hundred nanoseconds, so
   * the answer has to come soon and allocate nothing. It may make other calls.
   *
   * @return the end of a message, such as "the buffer is closed; keep it open during the call"
   */
  @Nullable String unavailableReason();
}
