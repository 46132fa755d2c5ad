// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

import dev.xent.errors.NativeLibraryException;

/** Who computes. Both backends return the same bits. */
public enum Backend {
  /**
   * The native library where it can be loaded, else the reference; {@link
   * dev.xent.XentRuntime#backend} says which.
   */
  AUTO,
  /** The native library; a {@link NativeLibraryException} where it cannot be loaded. */
  NATIVE,
  /** Plain Java: the specification in executable form, slow, and at home on every platform. */
  REFERENCE
}
