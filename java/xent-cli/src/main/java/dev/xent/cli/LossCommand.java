// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.LossBuilder;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.stream.Stream;
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

  @Mixin private TargetOptions options;
  @Mixin private RowWeightInput rowWeight;
  @Mixin private TargetOutputs targetOutputs;

  /** The file of the targets. */
  abstract Path targets();

  /** Files that set the classes of rows. */
  abstract MaskInput classInputs();

  /** The options of a loss of logits; null for other losses. */
  @Nullable CrossEntropyOptions ofLogits() {
    return null;
  }

  @Override
  void require() {
    options.require();
    if (ofLogits() != null) {
      ofLogits().require(options.labelSmoothing());
    }
  }

  @Override
  Stream<Path> otherFiles() {
    Stream<Path> ofLogits = ofLogits() == null ? Stream.empty() : ofLogits().files();
    return Stream.of(
            Stream.of(targets()),
            options.files(),
            rowWeight.files(),
            classInputs().files(),
            ofLogits)
        .flatMap(files -> files);
  }

  @Override
  Loss read(Rows rows, FileMemory memory) {
    Tensor targetWeights = options.targetWeights(memory);
    Tensor q =
        targetWeights != null
            ? InputFiles.integers(targets(), memory)
            : InputFiles.numbers(targets(), memory);
    TargetKind kind =
        targetWeights != null
            ? TargetKind.SPARSE
            : q.type().isInteger() ? TargetKind.LABELS : TargetKind.PROBABILITIES;
    requireFor(kind, targets());
    Inputs inputs = rowWeight.addTo(classInputs().addTo(rows.inputs(), memory), memory);
    if (targetWeights != null) {
      inputs = inputs.targetWeights(targetWeights);
    }
    Tensor classWeights = options.classWeights(memory);
    if (ofLogits() != null) {
      inputs = ofLogits().addTo(inputs, memory);
    }
    return new Loss(rows, q, kind, targetWeights, classWeights, inputs);
  }

  /** Rejects options that do not apply to such targets. */
  private void requireFor(TargetKind kind, Path file) {
    if (ignoreIndex != null && kind == TargetKind.PROBABILITIES) {
      throw kind.refusal("--ignore-index", file);
    }
    options.requireFor(kind, file);
    targetOutputs.requireFor(kind, file);
    if (ofLogits() != null) {
      ofLogits().requireFor(kind, file);
    }
  }

  @Override
  void request(LossOutputs outputs, Outputs files, OutputType types, Loss loss) {
    outputs.countCorrect(loss.kind() == TargetKind.LABELS);
    targetOutputs.request(outputs, files, types, loss);
    if (ofLogits() != null) {
      ofLogits().request(outputs, files, types, loss);
    }
  }

  /** Sets the options of targets in a builder. */
  final void tell(LossBuilder<?> builder, Loss loss) {
    if (ignoreIndex != null) {
      builder.ignoreIndex(ignoreIndex);
    }
    builder.labelSmoothing(options.labelSmoothing());
    builder.smoothing(options.smoothing());
    builder.classWeights(loss.classWeights());
  }
}
