// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

/**
 * The greedy token of an array. An engine computes for milliseconds between two tokens, which
 * leaves little of the library's code in the caches of the processor. The kernel then takes 20 to
 * 50 microseconds, and a loop that fits into a few lines of the cache less.
 */
final class LargestLogit {
  /** The most logits for which the loop is faster than the kernel after a pause. */
  static final int MOST = 1 << 16;

  /** A pause in nanoseconds after which a draw is a seldom one. */
  static final long PAUSE = 100_000;

  private static final long NONE = -1;

  private LargestLogit() {}

  /**
   * Returns the first class of the largest logit; -1 if a logit is NaN or +inf, or all are -inf.
   */
  static long of(float[] logits) {
    long token = NONE;
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < logits.length; i++) {
      float x = logits[i];
      if (!(x <= largest)) {
        if (Float.isNaN(x)) {
          return NONE;
        }
        largest = x;
        token = i;
      }
    }
    return largest < Float.POSITIVE_INFINITY ? token : NONE;
  }
}
