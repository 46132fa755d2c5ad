// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.BinaryCrossEntropy;
import dev.xent.Inputs;
import dev.xent.LossCall;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent binary-cross-entropy}: the loss of every logit on its own, and its gradient. */
@Command(
    name = "binary-cross-entropy",
    header = "Binary cross-entropy of logits and targets, and its gradient.",
    customSynopsis = "xent binary-cross-entropy LOGITS.npy TARGETS.npy [OPTIONS]",
    description =
        "Per element: t softplus(-x) + (1 - t) softplus(x); every element counts as a row.",
    footer = {
      "Examples:",
      "  xent binary-cross-entropy logits.npy labels.npy",
      "  xent binary-cross-entropy logits.npy targets.npy --gradient g.npy",
      "  xent binary-cross-entropy logits.npy labels.npy --focal-gamma 2"
    })
final class BinaryCrossEntropyCommand extends ReducedCommand {
  @Parameters(
      index = "0",
      paramLabel = "LOGITS.npy",
      description = "Logits: f16, bf16, f32 or f64.")
  private InputFile logits;

  @Parameters(
      index = "1",
      paramLabel = "TARGETS.npy",
      description = {
        "In the shape of the logits: floats from 0 to 1, or labels 0 and 1 (integers, booleans)."
      })
  private InputFile targets;

  @Option(
      names = "--element-weights",
      paramLabel = "W.npy",
      description =
          "The weight of every element, or booleans: in the shape of the logits, or one per"
              + " class. An axis of size 1 holds for all. Elements of weight 0 are ignored.")
  private @Nullable InputFile elementWeights;

  @Option(
      names = "--positive-weights",
      paramLabel = "R.npy",
      description = "Factor of the loss of positive targets, in the same shapes.")
  private @Nullable InputFile positiveWeights;

  @Option(
      names = "--ignore-index",
      paramLabel = "I",
      description = "Ignore elements with this label; their gradient is 0. Default: none.")
  private @Nullable Long ignoreIndex;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, BinaryCrossEntropy.Builder.class);

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    super.require();
    numbers.applyTo(BinaryCrossEntropy.builder());
  }

  @Override
  InputFile input() {
    return logits;
  }

  @Override
  LossInputs read(Rows rows, CommandFiles files) {
    Tensor t = files.numbers(targets);
    TargetKind kind = t.type().isInteger() ? TargetKind.LABELS : TargetKind.PROBABILITIES;
    if (ignoreIndex != null && kind == TargetKind.PROBABILITIES) {
      throw kind.refusal("--ignore-index", targets);
    }
    Inputs inputs = Inputs.none();
    if (elementWeights != null) {
      inputs = inputs.withElementWeights(files.weights(elementWeights));
    }
    if (positiveWeights != null) {
      inputs = inputs.withPositiveWeights(files.floats(positiveWeights));
    }
    return new LossInputs(Rows.ofElements(rows), t, kind, null, null, inputs);
  }

  @Override
  LossCall on(LossInputs loss, @Nullable Tensor dx) {
    BinaryCrossEntropy.Builder builder = configured(BinaryCrossEntropy.builder(), loss);
    if (ignoreIndex != null) {
      builder.ignoreIndex(ignoreIndex);
    }
    return on(builder.build(), loss, dx);
  }
}
