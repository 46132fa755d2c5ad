// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * The workspace for sampling, in the size that the library needs; the reference uses none of it.
 */
final class SampleWorkspace {
  private SampleWorkspace() {}

  /** A bit per class, and two slots per token. */
  static long bytes(long classes, long tokens) {
    if (classes < 1 || classes > Integer.MAX_VALUE || tokens < 1) {
      return 0;
    }
    long words = (classes - 1) / Long.SIZE + 1;
    long slots = 2;
    while (slots < 2 * Math.min(tokens, classes)) {
      slots *= 2;
    }
    return (words + 2 * slots) * Long.BYTES;
  }
}
