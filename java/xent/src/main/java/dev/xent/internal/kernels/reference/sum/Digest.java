// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static dev.xent.internal.kernels.Array.CLASS_WEIGHTS;
import static dev.xent.internal.kernels.Array.TARGETS;

import dev.xent.internal.kernels.reference.call.CallOptions;
import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Sampling;

/** What states and statistics depend on beside the arrays, in 32 bits (FNV-1a). */
public final class Digest {
  private static final int OFFSET = 0x811c9dc5;
  private static final int PRIME = 0x01000193;

  private Digest() {}

  /** Of a forward call, or of one that uses what a forward left behind. */
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
      digest = options.focalGamma == 0 ? digest : add(digest, options.focalGamma);
    }
    return digest;
  }

  /**
   * Of selected classes: their sums are split elsewhere than those of a loss with the same options.
   */
  public static int ofSelected(Request call) {
    return add(of(call), 1L);
  }

  /** Of a softmax's backward: of its two sums, this one. */
  public static int ofBackward(boolean log) {
    return log ? 1 : 0;
  }

  /**
   * What the states of a softmax's backward must all have: as the first one, which must be lawful.
   */
  public static int ofBackward(State first) {
    return first.digest & 1;
  }

  /** Of a row that is sampled, with a stream, of so many classes. */
  public static int ofSampling(Request call, Sampling o, long stream, long classes) {
    long[] integers = {
      classes,
      o.rules,
      o.keepsAllTies() ? 1 : 0,
      o.greedy,
      o.minKeep,
      o.topK,
      o.seed,
      stream,
      Integer.toUnsignedLong(o.step),
      Integer.toUnsignedLong(o.draw)
    };
    double[] numbers = {
      o.topP,
      o.minP,
      o.typicalP,
      o.temperature == 0 ? 1 : o.temperature,
      o.repetitionPenalty,
      o.frequencyPenalty,
      o.presencePenalty,
      call.options.softcap
    };
    int digest = OFFSET;
    for (long number : integers) {
      digest = add(digest, number);
    }
    for (double number : numbers) {
      digest = add(digest, number);
    }
    return digest;
  }

  private static int add(int digest, double v) {
    return add(digest, Double.doubleToRawLongBits(v + 0.0)); // no option is -0
  }

  /** Eight bytes, the lowest first. */
  private static int add(int digest, long bits) {
    int added = digest;
    for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
      added = (added ^ (int) (bits >>> shift & 0xff)) * PRIME;
    }
    return added;
  }
}
