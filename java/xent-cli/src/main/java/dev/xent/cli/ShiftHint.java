// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.CrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.errors.LabelException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Notices labels that are shifted twice or not at all, by their loss. */
final class ShiftHint {
  /** The option for labels that are shifted already. */
  static final String NO_SHIFT = "--no-shift";

  /** The logits of a sample: enough tokens for a comparison, in little time. */
  private static final long SAMPLE = 16L << 20;

  /** If one mean is lower than the other by more than this, its labels are probably right. */
  private static final double NATS = 1;

  /** What the rounding of equal probabilities may add to their loss. */
  private static final double ROUNDING = 1e-3;

  private ShiftHint() {}

  /**
   * A hint, or null.
   *
   * @param operation the sum of the losses
   * @param mean the loss per token
   * @param asTokens the labels if they must be shifted
   * @param asLabels the labels if they are shifted already
   * @param noShift whether the loss is that of {@code asLabels}
   */
  static @Nullable String of(
      CrossEntropy operation,
      double mean,
      LabelledRows asTokens,
      LabelledRows asLabels,
      boolean noShift) {
    LossSum ours = sample(operation, noShift ? asLabels : asTokens);
    double others = sample(operation, noShift ? asTokens : asLabels).mean();
    if (ours.mean() > others + NATS) {
      return message(
          "labels may %s: %s nats for each of the first %d, %s %s; %s it",
          noShift ? "not be shifted" : "be shifted twice",
          text(ours.mean()),
          ours.validRows(),
          text(others),
          (noShift ? "without " : "with ") + NO_SHIFT,
          noShift ? "remove" : "add");
    }
    long classes = asLabels.logits().dim(-1);
    double guess = StrictMath.log(classes);
    return mean > guess + ROUNDING
        ? message(
            "%s nats per token are more than log %d = %s, those of equal probabilities;"
                + " check that the tokens belong to these logits, and try %s",
            text(mean), classes, text(guess), (noShift ? "without " : "") + NO_SHIFT)
        : null;
  }

  /** The losses of the first rows; none if a label is no class. */
  private static LossSum sample(CrossEntropy operation, LabelledRows rows) {
    LossSum sum = LossSum.create();
    List<LabelledRows> blocks = rows.blocks(SAMPLE);
    if (!blocks.isEmpty()) {
      LabelledRows first = blocks.getFirst();
      try {
        operation
            .on(first.logits(), first.labels())
            .outputs(LossOutputs.create().lossSum(sum))
            .run();
      } catch (LabelException e) {
        return LossSum.create(); // The first token of a sequence is not scored if they are shifted.
      }
    }
    return sum;
  }

  private static String text(double nats) {
    return Double.isFinite(nats) ? message("%.4f", nats) : Numbers.text(nats);
  }
}
