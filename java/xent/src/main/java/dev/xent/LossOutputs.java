// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Outputs;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Further results of a call of a loss.
 *
 * <p>Set what you want once, then pass it to any number of calls; each overwrites the numbers and
 * tensors of the one before. A call that fails leaves the numbers of the call before. Not safe for
 * use by several threads at once.
 *
 * <p>{@link CrossEntropy} and {@link LinearCrossEntropy} have all results. {@link NllLoss} has
 * {@code losses}, {@code lossSum}, {@code correct}, {@code countCorrect} and {@code
 * targetGradient}. {@link BinaryCrossEntropy} and {@link Divergence} have {@code losses} and {@code
 * lossSum}. A shard ({@link CrossEntropyShard}) has {@code losses}, {@code lossSum}, {@code
 * logSumExp}, {@code correct} and {@code countCorrect}. {@link SelectedLogProbabilities} saves
 * statistics alone. A call that cannot compute what you ask for throws {@link OptionException}
 * before it writes anything.
 */
public sealed interface LossOutputs permits Outputs {
  /** Returns new outputs, which request only the numbers of a call. */
  static LossOutputs create() {
    return new Outputs();
  }

  /**
   * Requests the loss of every row, unreduced. In {@link BinaryCrossEntropy} every element is a
   * row.
   *
   * @param tensor of a type that fits the logits or log-probabilities, in the shape of the rows:
   *     theirs without the class axis, or with that axis at size 1; of {@link BinaryCrossEntropy}
   *     theirs; or null to cancel the request
   */
  default LossOutputs losses(@Nullable Tensor tensor) {
    return ask(Array.LOSSES, tensor);
  }

  /**
   * Adds the losses of every call, and the denominators of their means, to an exact sum. A call
   * that fails adds nothing.
   *
   * @param sums the sum to add them to, or null to cancel the request
   */
  LossOutputs lossSum(@Nullable LossSum sums);

  /**
   * Requests 1 in every row whose label is the first of the largest logits or log-probabilities, 0
   * in others. Class indices only.
   *
   * @param tensor U8 or I8 in the shape of the rows, or null to cancel the request
   */
  default LossOutputs correct(@Nullable Tensor tensor) {
    return ask(Array.CORRECT, tensor);
  }

  /** Requests {@link #correctRows()} without a tensor of correct rows. Class indices only. */
  LossOutputs countCorrect(boolean wanted);

  /**
   * Requests the gradient with respect to probability rows or the weights of sparse targets: {@code
   * - c u (1 - eps) w l}, where {@code l} are the log-probabilities. It is written in every call
   * that receives these outputs.
   *
   * @param tensor of a type that fits the logits or log-probabilities, in the shape of the
   *     probability rows or of {@link Inputs#withTargetWeights}, or null to cancel the request
   */
  default LossOutputs targetGradient(@Nullable Tensor tensor) {
    return ask(Array.TARGET_GRADIENT, tensor);
  }

  /**
   * Requests the log-sum-exp of every row; NaN for ignored ones.
   *
   * @param tensor of a type that fits the logits, in the shape of the rows, or null to cancel the
   *     request
   */
  default LossOutputs logSumExp(@Nullable Tensor tensor) {
    return ask(Array.LOG_SUM_EXP, tensor);
  }

  /**
   * Requests the log-probability of every label, {@code x - lse}; NaN for ignored rows. Class
   * indices only.
   *
   * @param tensor of a type that fits the logits, in the shape of the rows, or null to cancel the
   *     request
   */
  default LossOutputs logProbabilities(@Nullable Tensor tensor) {
    return ask(Array.LOG_PROBABILITIES, tensor);
  }

  /**
   * Requests the class of the largest logit in every row, the lowest one among equals; -1 in rows
   * that are NaN, fully masked or ignored.
   *
   * @param tensor I32 or I64 in the shape of the rows, or null to cancel the request
   */
  default LossOutputs argmax(@Nullable Tensor tensor) {
    return ask(Array.ARGMAX, tensor);
  }

  /**
   * Requests the number of classes that come before the label in falling order of the logits, the
   * lower one first among equals: 0 is a hit. -1 in rows that are NaN, fully masked or ignored.
   * Class indices only.
   *
   * @param tensor I32 or I64 in the shape of the rows, or null to cancel the request
   */
  default LossOutputs ranks(@Nullable Tensor tensor) {
    return ask(Array.RANKS, tensor);
  }

  /**
   * Requests the entropy of every row, {@code - sum p log p} over its classes; NaN for ignored
   * ones.
   *
   * @param tensor of a type that fits the logits, in the shape of the rows, or null to cancel the
   *     request
   */
  default LossOutputs entropies(@Nullable Tensor tensor) {
    return ask(Array.ENTROPIES, tensor);
  }

  /**
   * Requests the {@code k} classes of the largest logits in every row, in falling order, the lower
   * one first among equals; -1 if a row has fewer, and in rows that are NaN, fully masked or
   * ignored.
   *
   * @param tensor I32 or I64 in the shape of the logits with {@code k}, at least 1 and at most all
   *     classes, along the class axis, or null to cancel the request
   */
  default LossOutputs topClasses(@Nullable Tensor tensor) {
    return ask(Array.TOP_CLASSES, tensor);
  }

  /**
   * Requests the log-probabilities of the {@code k} largest classes; -inf if a row has fewer
   * classes, NaN in rows that are NaN or ignored.
   *
   * @param tensor of a type that fits the logits, in the shape of the logits with {@code k} along
   *     the class axis, the same as in {@code topClasses}, or null to cancel the request
   */
  default LossOutputs topLogProbabilities(@Nullable Tensor tensor) {
    return ask(Array.TOP_LOG_PROBABILITIES, tensor);
  }

  /**
   * Requests the row statistics that a backward needs: 64 bytes per row, kept in these outputs
   * until the next call, and dropped if that call fails.
   *
   * @param arena for their memory; a call with more rows than any before takes new memory from it.
   *     Null cancels the request and drops those that are kept
   */
  LossOutputs saveStatistics(@Nullable Arena arena);

  /**
   * Saves the statistics in memory that is freed some time after they are no longer reachable.
   *
   * @see #saveStatistics(Arena)
   */
  default LossOutputs saveStatistics() {
    return saveStatistics(Arena.ofAuto());
  }

  // ---- the numbers of the last call ------------------------------------------------------------

  /** Returns the reduced loss, as it was returned; NaN before the first call that succeeds. */
  default double loss() {
    return outputs().loss;
  }

  /**
   * Returns the exact sum of the row losses, rounded once; NaN before the first call that succeeds.
   */
  default double sum() {
    return outputs().sum;
  }

  /**
   * Returns the number of rows, of {@link BinaryCrossEntropy} that of elements; -1 before the first
   * call that succeeds.
   */
  default long rows() {
    return outputs().rows;
  }

  /**
   * Returns the number of rows that are not ignored: their label is not, and their weight is not 0;
   * -1 before the first call that succeeds.
   */
  default long validRows() {
    return outputs().validRows;
  }

  /**
   * Returns the divisor of a mean: the valid rows, or the sum of their weights, or the denominator
   * that is set; NaN before the first call that succeeds.
   */
  default double denominator() {
    return outputs().denominator;
  }

  /**
   * Returns the number of correct rows.
   *
   * @throws IllegalStateException if the last call that succeeded did not count them: set {@link
   *     #countCorrect} or {@link #correct} before it
   */
  default long correctRows() {
    return outputs().countedCorrect();
  }

  /** Returns the outputs that are set, and the numbers of the last call, in one line. */
  @Override
  String toString();

  private LossOutputs ask(Array array, @Nullable Tensor tensor) {
    outputs().set(array, (View) tensor);
    return this;
  }

  private Outputs outputs() {
    return (Outputs) this;
  }
}
