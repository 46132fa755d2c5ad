// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.plan.call.Sums;
import java.util.Objects;

/**
 * The exact sum of the losses of any number of calls, and of what their mean divides by: for means
 * over micro-batches, threads, processes or machines.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="lossSum" :
 * LossSum sum = LossSum.create();
 * LossOutputs outputs = LossOutputs.create().lossSum(sum);
 * for (Batch batch : batches) {
 *   loss.on(batch.logits(), batch.labels()).outputs(outputs).run();
 * }
 * double mean = sum.mean();
 * }
 *
 * <p>Additions are exact, so neither their order nor how they are grouped changes a bit; sums are
 * rounded once, when you read them. Up to 2^30 losses that were computed in double, and 2^39
 * others.
 *
 * <p><b>Bytes.</b> {@link #toBytes} and {@link #ofBytes} use this layout, little-endian: 8 bytes
 * {@code XENTLSUM}; layout version 1 (4 bytes); numerics version (4); rows (8); valid rows (8); the
 * sum of losses and the sum of weights, each an {@code xent_exact_sum} of the C API: its size (8),
 * the numbers of NaN, +inf and -inf (8 each), 256 counters of floats, one per exponent (8 each),
 * how many doubles there are (8), and 66 counters of doubles; counter i counts 2^(32 i - 1074) (8
 * each).
 *
 * <p>For one thread at a time; use one exact sum for each thread, and add them up. A use during
 * another one throws {@link java.util.ConcurrentModificationException}.
 */
public sealed interface LossSum permits Sums {
  /**
   * Returns a new exact sum, which is empty.
   *
   * @throws NativeLibraryException if the native library is required and cannot be loaded
   */
  static LossSum create() {
    return new Sums();
  }

  /**
   * Adds all that another exact sum holds, which stays as it is.
   *
   * @throws PartialStatesException if both have more than 2^39 rows together
   */
  LossSum add(LossSum other);

  /** Returns the exact sum of all row losses, rounded once. */
  double sum();

  /**
   * Returns the divisor of the mean: the rows that count, or the exact sum of their weights, for
   * any denominator of the operations.
   */
  double denominator();

  /** Returns {@link #sum} divided by {@link #denominator}: NaN if no row counts. */
  default double mean() {
    return sum() / denominator();
  }

  /** Returns the number of rows. */
  long rows();

  /** Returns the number of rows that are not ignored. */
  long validRows();

  /** Returns this sum in the layout above, to be sent or stored. */
  byte[] toBytes();

  /**
   * Returns the sum that these bytes hold.
   *
   * @param bytes in the layout above
   * @throws PartialStatesException if they are not an exact sum, or one of another layout or
   *     numerics version
   * @throws NativeLibraryException if the native library is required and cannot be loaded
   */
  static LossSum ofBytes(byte[] bytes) {
    return Sums.ofBytes(Objects.requireNonNull(bytes, "bytes"));
  }

  /** Returns its numbers, in one line. */
  @Override
  String toString();
}
