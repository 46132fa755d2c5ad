// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

/** The bits of a managed tensor's flags that matter here. Others are left alone, as DLPack says. */
final class Flags {
  /** The consumer must not write. */
  static final long READ_ONLY = 1;

  /** The producer made a copy, which the consumer has to itself. */
  static final long COPIED = 1 << 1;

  private Flags() {}
}
