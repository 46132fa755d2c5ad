// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

/**
 * The bits of a managed tensor's flags that Xent uses. Other bits are ignored, as DLPack requires.
 */
final class Flags {
  /** The consumer must not write. */
  static final long READ_ONLY = 1;

  /** The producer made a copy that only the consumer uses. */
  static final long COPIED = 1 << 1;

  private Flags() {}
}
