// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.NllLoss;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code xent nll}: the loss of log-probabilities, which are taken as they are. */
@Command(
    name = "nll",
    header = "Negative log-likelihood of log-probabilities, and its gradient.",
    customSynopsis = "xent nll LOGPROBS.npy TARGETS.npy [OPTIONS]",
    description = "The input is taken as log-probabilities: nothing is normalised.",
    footer = {
      "Examples:",
      "  xent softmax logits.npy -o logp.npy --log --axis 1",
      "  xent nll logp.npy labels.npy",
      "  xent nll logp.npy labels.npy --ignore-index -100 --grad g.npy --json"
    })
final class NllCommand extends LossCommand<NllLoss.Outputs> {
  @Parameters(
      index = "0",
      paramLabel = "LOGPROBS.npy",
      description = "Log-probabilities: f2, f4, f8 or bf16.")
  private Path logProbabilities;

  @Parameters(
      index = "1",
      paramLabel = "TARGETS.npy",
      description = {
        "Class labels: integers (i1 to i8, u1 to u8) in the shape of the input without its class axis.",
        "Or probabilities: floats in the shape of the input."
      })
  private Path targets;

  @Mixin private ClassInputs classInputs;

  @Override
  Path targets() {
    return targets;
  }

  @Override
  MaskInput classInputs() {
    return classInputs;
  }

  @Override
  Path input() {
    return logProbabilities;
  }

  @Override
  NllLoss.Outputs outputs() {
    return new NllLoss.Outputs();
  }

  @Override
  void compute(Settings settings, Loss loss, @Nullable Tensor dx, NllLoss.Outputs outputs) {
    NllLoss operation =
        apply(settings, NllLoss.builder())
            .smoothing(targetOptions().smoothing())
            .classWeights(loss.classWeights())
            .build();
    if (dx == null) {
      operation.forward(loss.input(), loss.targets(), loss.inputs(), outputs);
    } else {
      operation.forwardBackward(loss.input(), loss.targets(), loss.inputs(), dx, outputs);
    }
  }
}
