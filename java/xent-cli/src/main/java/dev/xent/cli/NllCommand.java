// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.LossCall;
import dev.xent.NllLoss;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code xent nll}: the loss of log-probabilities, without normalization. */
@Command(
    name = "nll",
    header = "Negative log-likelihood of log-probabilities, and its gradient.",
    customSynopsis = "xent nll LOG-PROBABILITIES.npy TARGETS.npy [OPTIONS]",
    description = "The input is log-probabilities; it is not normalized.",
    footer = {
      "Examples:",
      "  xent softmax logits.npy -o logp.npy --log",
      "  xent nll logp.npy labels.npy",
      "  xent nll logp.npy labels.npy --ignore-index -100 --gradient g.npy --json"
    })
final class NllCommand extends ClassLossCommand {
  @Parameters(
      index = "0",
      paramLabel = "LOG-PROBABILITIES.npy",
      description = "Log-probabilities: f16, bf16, f32 or f64.")
  private InputFile logProbabilities;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, NllLoss.Builder.class);

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    super.require();
    numbers.applyTo(NllLoss.builder());
  }

  @Override
  InputFile input() {
    return logProbabilities;
  }

  @Override
  LossCall on(LossInputs loss, @Nullable Tensor dx) {
    return on(withTargets(NllLoss.builder(), loss).build(), loss, dx);
  }
}
