// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.LossCall;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
      "  xent cross-entropy logits.npy labels.npy --ignore-index -100 --gradient g.npy",
      "  xent cross-entropy logits.npy labels.npy --reduction sum --losses losses.npy",
      "  xent cross-entropy logits.npy soft.npy --reduction sum --json",
      "  xent cross-entropy logits.npy classes.npy --target-weights p.npy",
      "  xent cross-entropy logits.npy labels.npy --top-count 5 --top-classes top.npy"
    })
final class CrossEntropyCommand extends ClassLossCommand {
  @Parameters(
      index = "0",
      paramLabel = "LOGITS.npy",
      description = "Logits: f16, bf16, f32 or f64.")
  private InputFile logits;

  @Option(
      names = "--defaults",
      paramLabel = "SYSTEM",
      description =
          "Begin with the defaults of pytorch (class axis 1, labels of -100 are ignored) or onnx"
              + " (class axis 1); options change them.")
  private Rules rules = Rules.XENT;

  @Mixin private CrossEntropyOptions options;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, CrossEntropy.Builder.class);

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    super.require();
    numbers.applyTo(rules.builder()).execution(execution()).build();
  }

  @Override
  InputFile input() {
    return logits;
  }

  @Override
  int defaultAxis() {
    return rules.axis();
  }

  @Override
  CrossEntropyOptions ofLogits() {
    return options;
  }

  @Override
  LossCall on(LossInputs loss, @Nullable Tensor dx) {
    CrossEntropy.Builder builder = withTargets(rules.builder(), loss);
    options.applyTo(builder);
    return on(builder.build(), loss, dx);
  }
}
