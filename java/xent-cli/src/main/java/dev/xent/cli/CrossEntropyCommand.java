// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent cross-entropy}: the loss of logits, and its gradient in the same read. */
@Command(
    name = "cross-entropy",
    header = "Cross-entropy of logits and targets, and its gradient.",
    customSynopsis = "xent cross-entropy LOGITS.npy TARGETS.npy [OPTIONS]",
    description = {
      "Prints the loss, how many rows counted and how many labels were the largest logit."
    },
    footer = {
      "Examples:",
      "  xent cross-entropy logits.npy labels.npy",
      "  xent cross-entropy logits.npy labels.npy --ignore-index -100 --grad g.npy",
      "  xent cross-entropy logits.npy labels.npy --reduction none --losses losses.npy",
      "  xent cross-entropy logits.npy soft.npy --reduction sum --json"
    })
final class CrossEntropyCommand extends LossCommand {
  @Parameters(index = "0", paramLabel = "LOGITS.npy", description = "Logits, float32.")
  private Path logits;

  @Option(
      names = "--lse",
      order = HelpOrder.FILES,
      paramLabel = "S.npy",
      description = "Write the log-sum-exp of every row; NaN for ignored rows.")
  private @Nullable Path logSumExp;

  @Override
  Path input() {
    return logits;
  }

  @Override
  void request(CrossEntropy.Outcome outcome, Outputs outputs, long[] rows) {
    outcome.logSumExp(outputs.create(logSumExp, rows));
  }

  @Override
  void compute(
      Settings settings,
      Tensor input,
      Tensor targets,
      @Nullable Tensor gradient,
      CrossEntropy.Outcome outcome) {
    CrossEntropy operation = settings.applyTo(CrossEntropy.builder()).build();
    if (gradient == null) {
      operation.forward(input, targets, outcome);
    } else {
      operation.forwardBackward(input, targets, gradient, outcome);
    }
  }
}
