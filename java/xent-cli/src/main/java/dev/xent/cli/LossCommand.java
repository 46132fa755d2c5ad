// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LossBuilder;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.options.Smoothing;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The common part of {@code xent cross-entropy}, {@code linear-cross-entropy} and {@code nll}:
 * targets and their weights.
 */
abstract class LossCommand extends ReducedCommand {
  @Option(
      names = "--ignore-index",
      paramLabel = "I",
      description = "Ignore rows with this label; their gradient is 0. Default: none.")
  private @Nullable Long ignoreIndex;

  @Option(
      names = "--smoothing",
      paramLabel = "KIND",
      description =
          "Spread --label-smoothing over all classes (uniform) or all but the label (others)."
              + " Default: uniform.")
  private Smoothing smoothing = Smoothing.UNIFORM;

  @Option(
      names = "--class-weights",
      paramLabel = "W.npy",
      description = "Weight of each class; a mean divides by the sum of the weights of the labels.")
  private @Nullable InputFile classWeights;

  @Option(
      names = "--target-weights",
      paramLabel = "P.npy",
      description =
          "Probabilities of the K classes per row that TARGETS.npy has along the class axis.")
  private @Nullable InputFile targetWeights;

  @Mixin private InputOptions.RowWeights rowWeights;

  @Option(
      names = "--correct",
      order = HelpOrder.FILES,
      paramLabel = "H.npy",
      description = "Write 1 if the label has the largest logit, else 0, as u8.")
  private @Nullable Path correct;

  @Option(
      names = "--target-gradient",
      order = HelpOrder.FILES,
      paramLabel = "T.npy",
      description = "Write the gradient of the target probabilities.")
  private @Nullable Path targetGradient;

  /** The file of the targets. */
  abstract InputFile targets();

  /** The option that sets the classes of rows. */
  abstract InputOptions classes();

  /** The options of a loss of logits; null for other losses. */
  @Nullable CrossEntropyOptions ofLogits() {
    return null;
  }

  @Override
  void require() {
    super.require();
    if (ofLogits() != null) {
      ofLogits().require();
    }
  }

  @Override
  LossInputs read(Rows rows, CommandFiles files) {
    Tensor w = targetWeights == null ? null : files.floats(targetWeights);
    Tensor q = w != null ? files.integers(targets()) : files.numbers(targets());
    TargetKind kind =
        w != null
            ? TargetKind.SPARSE
            : q.type().isInteger() ? TargetKind.LABELS : TargetKind.PROBABILITIES;
    requireFor(kind);
    Inputs inputs = InputOptions.of(rows, files, classes(), rowWeights);
    if (w != null) {
      inputs = inputs.withTargetWeights(w);
    }
    Tensor ofClasses = classWeights == null ? null : files.floats(classWeights);
    if (ofLogits() != null) {
      inputs = ofLogits().addTo(inputs, files);
    }
    return new LossInputs(rows, q, kind, w, ofClasses, inputs);
  }

  /** Rejects options that do not apply to such targets. */
  private void requireFor(TargetKind kind) {
    boolean labels = kind == TargetKind.LABELS;
    if (ignoreIndex != null && kind == TargetKind.PROBABILITIES) {
      throw kind.refusal("--ignore-index", targets());
    }
    if (!labels && smoothing != Smoothing.UNIFORM) {
      throw kind.refusal("--smoothing " + Converters.name(smoothing), targets());
    }
    if (labels && targetGradient != null) {
      throw new CommandException(
          message(
              "--target-gradient requires probabilities, but %s holds labels; remove --target-gradient",
              targets()));
    }
    if (!labels && correct != null) {
      throw kind.refusal("--correct", targets());
    }
    if (ofLogits() != null) {
      ofLogits().requireFor(kind, targets());
    }
  }

  @Override
  boolean request(LossOutputs wanted, CommandFiles files, OutputType types, LossInputs loss) {
    boolean labels = loss.kind() == TargetKind.LABELS;
    wanted.countCorrect(labels);
    wanted.correct(files.create(correct, DType.U8, loss.rows().shape()));
    Tensor probabilities = loss.probabilities();
    if (probabilities != null) {
      wanted.targetGradient(
          files.create(targetGradient, types.like(probabilities), probabilities.shape()));
    }
    if (ofLogits() != null) {
      ofLogits().request(wanted, files, types, loss);
    }
    return labels;
  }

  /** Sets the options of targets, and those of every loss. */
  final <B extends LossBuilder<?>> B withTargets(B builder, LossInputs loss) {
    if (ignoreIndex != null) {
      builder.ignoreIndex(ignoreIndex);
    }
    builder.smoothing(smoothing);
    builder.classWeights(loss.classWeights());
    return configured(builder, loss);
  }
}
