// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.Inputs;
import dev.xent.Smoothing;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What targets, classes and rows weigh in a cross-entropy. */
final class TargetOptions {
  @Option(
      names = "--smoothing",
      order = HelpOrder.SMOOTHING,
      paramLabel = "KIND",
      description =
          "What smoothing spreads E over: uniform, all classes; others, all but the label's."
              + " Default: uniform.")
  private Smoothing smoothing = Smoothing.UNIFORM;

  @Option(
      names = "--rules",
      paramLabel = "SYSTEM",
      description =
          "Begin with the rules of pytorch (labels of -100 are ignored) or onnx (the class axis is"
              + " 1); options change them.")
  private Rules rules = Rules.XENT;

  @Option(
      names = "--weight",
      paramLabel = "W.npy",
      description = "The weight of every class; a mean divides by those of the labels.")
  private @Nullable Path classWeights;

  @Option(
      names = "--row-weight",
      paramLabel = "U.npy",
      description =
          "The weight of every row, or booleans: rows of weight 0 are ignored, whatever the"
              + " targets; a mean divides by the weights.")
  private @Nullable Path rowWeights;

  @Option(
      names = "--target-weights",
      paramLabel = "P.npy",
      description =
          "TARGETS.npy has K classes per row along the class axis, and this their probabilities.")
  private @Nullable Path targetWeights;

  @Option(
      names = "--z-loss",
      paramLabel = "Z",
      description = "Add Z * lse^2 to the loss of every row. Default: 0.")
  private @Nullable Double zLoss;

  @Option(
      names = "--probability-clamp",
      paramLabel = "D",
      description =
          "The probability of a label counts as one from D to 1 - D in losses, not in gradients."
              + " Default: as it is.")
  private @Nullable Double probabilityClamp;

  Rules rules() {
    return rules;
  }

  /** Refuses values that do not go together, or with nothing. */
  void require(double labelSmoothing) {
    Ranges.atLeast0("--z-loss", zLoss);
    Ranges.above0To05("--probability-clamp", probabilityClamp);
    if (probabilityClamp != null && labelSmoothing != 0) {
      throw new CommandException(
          "--probability-clamp and --label-smoothing do not go together; give one of them");
    }
  }

  /** Refuses what is for labels alone. */
  void requireFor(TargetKind kind, Path file) {
    if (kind != TargetKind.LABELS && smoothing != Smoothing.UNIFORM) {
      throw kind.refusal("--smoothing " + Converters.name(smoothing), file);
    }
    if (kind != TargetKind.LABELS && probabilityClamp != null) {
      throw kind.refusal("--probability-clamp", file);
    }
  }

  /** The files that were given. */
  Stream<Path> files() {
    return Stream.of(classWeights, rowWeights, targetWeights).flatMap(Stream::ofNullable);
  }

  /** What the classes of sparse targets weigh, or null. */
  @Nullable Tensor targetWeights(Arena arena) {
    return targetWeights == null ? null : InputFiles.floats(targetWeights, arena);
  }

  /** What classes weigh, or null. */
  @Nullable Tensor classWeights(Arena arena) {
    return classWeights == null ? null : InputFiles.floats(classWeights, arena);
  }

  /** Adds what rows weigh. */
  Inputs addTo(Inputs inputs, Arena arena) {
    return rowWeights == null ? inputs : inputs.rowWeights(InputFiles.weights(rowWeights, arena));
  }

  /** A builder with what the command line says. */
  CrossEntropy.Builder applyTo(CrossEntropy.Builder builder) {
    builder.smoothing(smoothing);
    if (zLoss != null) {
      builder.zLoss(zLoss);
    }
    if (probabilityClamp != null) {
      builder.probabilityClamp(probabilityClamp);
    }
    return builder;
  }
}
