// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.LossOutputs;
import dev.xent.NllLoss;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code xent nll}: the loss of log-probabilities, without normalization. */
@Command(
    name = "nll",
    header = "Negative log-likelihood of log-probabilities, and its gradient.",
    customSynopsis = "xent nll LOGPROBS.npy TARGETS.npy [OPTIONS]",
    description = "The input is log-probabilities; it is not normalized.",
    footer = {
      "Examples:",
      "  xent softmax logits.npy -o logp.npy --log",
      "  xent nll logp.npy labels.npy",
      "  xent nll logp.npy labels.npy --ignore-index -100 --grad g.npy --json"
    })
final class NllCommand extends ClassLossCommand {
  @Parameters(
      index = "0",
      paramLabel = "LOGPROBS.npy",
      description = "Log-probabilities: f16, bf16, f32 or f64.")
  private Path logProbabilities;

  @Override
  Path input() {
    return logProbabilities;
  }

  @Override
  void compute(Settings settings, Loss loss, @Nullable Tensor dx, LossOutputs outputs) {
    NllLoss.Builder builder = NllLoss.builder();
    settings.tell(builder);
    tell(builder, loss);
    run(builder.build().on(loss.input(), loss.targets()), loss, dx, outputs);
  }
}
