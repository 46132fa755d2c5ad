// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static dev.xent.internal.kernels.Array.CLASS_WEIGHTS;
import static dev.xent.internal.kernels.Array.TARGETS;

import dev.xent.internal.kernels.reference.call.CallOptions;
import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Request;

/**
 * A digest of everything except the arrays that states and statistics depend on, in 32 bits
 * (FNV-1a).
 */
public final class Digest {
  private static final int OFFSET = 0x811c9dc5;
  private static final int PRIME = 0x01000193;

  private Digest() {}

  /** The digest of a forward call, or of a call that uses the statistics of a forward. */
  public static int of(Request call) {
    CallOptions options = call.options;
    int digest = OFFSET;
    digest = add(digest, options.temperature == 1 ? 0 : options.temperature);
    digest = add(digest, options.softcap);
    if (GivenArrays.has(call.given.of(TARGETS))) {
      digest = add(digest, options.labelSmoothing);
      digest = add(digest, options.zLoss);
      int weighted = GivenArrays.has(call.given.of(CLASS_WEIGHTS)) ? 2 : 0;
      digest = add(digest, (long) options.smoothing + weighted);
      for (double number : options.digestedIfUsed) {
        digest = number == 0 ? digest : add(digest, number);
      }
    }
    return digest;
  }

  /**
   * The digest for selected classes, whose sums are split differently from those of a loss with the
   * same options.
   */
  public static int ofSelected(Request call) {
    return add(of(call), 1L);
  }

  /** The digest of a softmax backward: which of the two sums it is. */
  public static int ofBackward(boolean log) {
    return log ? 1 : 0;
  }

  /**
   * The digest that all states of a softmax backward must have: that of the first state, if it is
   * valid.
   */
  public static int ofBackward(State first) {
    return first.digest & 1;
  }

  private static int add(int digest, double v) {
    return add(digest, Double.doubleToRawLongBits(v + 0.0)); // -0 counts as +0
  }

  /** Adds eight bytes, the lowest first. */
  private static int add(int digest, long bits) {
    int added = digest;
    for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
      added = (added ^ (int) (bits >>> shift & 0xff)) * PRIME;
    }
    return added;
  }
}
