// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

import dev.xent.errors.NativeLibraryException;

/** The implementation of the operations. Both backends return the same bits. */
public enum Backend {
  /**
   * The native library if it can be loaded, otherwise the reference; {@link
   * dev.xent.XentRuntime#backend} returns the choice.
   */
  AUTO,
  /** The native library; a {@link NativeLibraryException} if it cannot be loaded. */
  NATIVE,
  /** Plain Java: the specification in executable form, slow, and available on every platform. */
  REFERENCE
}
