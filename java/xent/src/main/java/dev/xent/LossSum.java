// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.plan.call.Sums;
import java.util.Objects;

/**
 * The exact sum of the losses of any number of calls, and of what their mean divides by: for means
 * over micro-batches, threads, processes or machines.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="lossSum" :
 * LossSum sum = new LossSum();
 * LossOutputs outputs = new LossOutputs().lossSum(sum);
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
public final class LossSum {
  final Sums sums;

  /**
   * Creates an empty exact sum.
   *
   * @throws NativeLibraryException if the native library is required and cannot be loaded
   */
  public LossSum() {
    this(new Sums());
  }

  private LossSum(Sums sums) {
    this.sums = sums;
  }

  /**
   * Adds all that another exact sum holds, which stays as it is.
   *
   * @throws PartialStatesException if both have more than 2^39 rows together
   */
  public LossSum add(LossSum other) {
    sums.add(Objects.requireNonNull(other, "other").sums);
    return this;
  }

  /** Returns the exact sum of all row losses, rounded once. */
  public double sum() {
    return sums.sum();
  }

  /**
   * Returns the divisor of the mean: the rows that count, or the exact sum of their weights, for
   * any denominator of the operations.
   */
  public double denominator() {
    return sums.weight();
  }

  /** Returns {@link #sum} divided by {@link #denominator}: NaN if no row counts. */
  public double mean() {
    return sums.sum() / sums.weight();
  }

  /** Returns the number of rows. */
  public long rows() {
    return sums.rows();
  }

  /** Returns the number of rows that are not ignored. */
  public long validRows() {
    return sums.validRows();
  }

  /** Returns this sum in the layout above, to be sent or stored. */
  public byte[] toBytes() {
    return sums.toBytes();
  }

  /**
   * Returns the sum that these bytes hold.
   *
   * @param bytes in the layout above
   * @throws PartialStatesException if they are not an exact sum, or one of another layout or
   *     numerics version
   * @throws NativeLibraryException if the native library is required and cannot be loaded
   */
  public static LossSum ofBytes(byte[] bytes) {
    return new LossSum(Sums.ofBytes(Objects.requireNonNull(bytes, "bytes")));
  }

  /** Returns its numbers, in one line. */
  @Override
  public String toString() {
    return message(
        "LossSum[sum=%s, denominator=%s, rows=%d, validRows=%d]",
        sum(), denominator(), rows(), validRows());
  }
}
