// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The outputs of every loss with targets, in addition to losses and gradient. */
final class TargetOutputs {
  @Option(
      names = "--correct",
      order = HelpOrder.FILES,
      paramLabel = "H.npy",
      description = "Write 1 if the label has the largest logit, else 0, as u8.")
  private @Nullable Path correct;

  @Option(
      names = "--target-grad",
      order = HelpOrder.FILES,
      paramLabel = "T.npy",
      description = "Write the gradient of the target probabilities.")
  private @Nullable Path targetGradient;

  /** Rejects outputs that such targets do not have. */
  void requireFor(TargetKind kind, Path file) {
    if (kind == TargetKind.LABELS && targetGradient != null) {
      throw new CommandException(
          message(
              "--target-grad requires probabilities, but %s holds labels; remove --target-grad",
              file));
    }
    if (kind != TargetKind.LABELS && correct != null) {
      throw kind.refusal("--correct", file);
    }
  }

  /** Creates the files and requests their outputs. */
  void request(LossOutputs outputs, Outputs files, OutputType type, Loss loss) {
    outputs.correct(files.create(correct, DType.U8, loss.rows().shape()));
    Tensor probabilities = loss.probabilities();
    if (probabilities != null) {
      outputs.targetGradient(
          files.create(targetGradient, type.like(probabilities), probabilities.shape()));
    }
  }
}
