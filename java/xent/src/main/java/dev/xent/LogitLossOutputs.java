// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Arguments.viewOrNull;

import dev.xent.internal.kernels.Array;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/** What losses can hand out besides that see the logits. */
abstract class LogitLossOutputs extends LossOutputs {
  /**
   * Asks for the log-sum-exp of every row; NaN for ignored ones.
   *
   * @param tensor of a type that fits the logits, in the shape of the rows, or null to cancel the
   *     request
   */
  protected LogitLossOutputs logSumExp(@Nullable Tensor tensor) {
    outputs.set(Array.LOG_SUM_EXP, viewOrNull(tensor));
    return this;
  }

  /**
   * Asks for the log-probability of every label, {@code x - lse}; NaN for ignored rows. Class
   * indices only.
   *
   * @param tensor of a type that fits the logits, in the shape of the rows, or null to cancel the
   *     request
   */
  protected LogitLossOutputs logProbabilities(@Nullable Tensor tensor) {
    outputs.set(Array.LOG_PROBABILITIES, viewOrNull(tensor));
    return this;
  }

  /**
   * Asks for the class of the largest logit in every row, the lowest one among equals; -1 in rows
   * that are NaN, fully masked or ignored.
   *
   * @param tensor I32 or I64 in the shape of the rows, or null to cancel the request
   */
  protected LogitLossOutputs argmax(@Nullable Tensor tensor) {
    outputs.set(Array.ARGMAX, viewOrNull(tensor));
    return this;
  }

  /**
   * Asks how many classes come before the label in falling order of the logits, the lower one first
   * among equals: 0 is a hit. -1 in rows that are NaN, fully masked or ignored. Class indices only.
   *
   * @param tensor I32 or I64 in the shape of the rows, or null to cancel the request
   */
  protected LogitLossOutputs ranks(@Nullable Tensor tensor) {
    outputs.set(Array.RANKS, viewOrNull(tensor));
    return this;
  }

  /**
   * Asks for the entropy of every row, {@code - sum p log p} over its classes; NaN for ignored
   * ones.
   *
   * @param tensor of a type that fits the logits, in the shape of the rows, or null to cancel the
   *     request
   */
  protected LogitLossOutputs entropies(@Nullable Tensor tensor) {
    outputs.set(Array.ENTROPIES, viewOrNull(tensor));
    return this;
  }

  /**
   * Asks for the {@code k} classes of the largest logits in every row, in falling order, the lower
   * one first among equals; -1 if a row has fewer, and in rows that are NaN, fully masked or
   * ignored.
   *
   * @param tensor I32 or I64 in the shape of the logits with {@code k}, at least 1 and at most all
   *     classes, along the class axis, or null to cancel the request
   */
  protected LogitLossOutputs topClasses(@Nullable Tensor tensor) {
    outputs.set(Array.TOP_CLASSES, viewOrNull(tensor));
    return this;
  }

  /**
   * Asks for the log-probabilities of the {@code k} largest classes; -inf where there are not so
   * many, NaN in rows that are NaN or ignored.
   *
   * @param tensor of a type that fits the logits, in the shape of the logits with {@code k} along
   *     the class axis, the same as in {@code topClasses}, or null to cancel the request
   */
  protected LogitLossOutputs topLogProbabilities(@Nullable Tensor tensor) {
    outputs.set(Array.TOP_LOG_PROBABILITIES, viewOrNull(tensor));
    return this;
  }

  /**
   * Asks for the row statistics that a backward needs: 64 bytes per row, kept in these outputs
   * until the next call, which leaves none where it fails.
   *
   * @param arena for their memory; a call with more rows than any before takes new memory from it.
   *     Null cancels the request and drops those that are kept
   */
  protected LogitLossOutputs saveStatistics(@Nullable Arena arena) {
    outputs.saveStatistics(arena);
    return this;
  }
}
