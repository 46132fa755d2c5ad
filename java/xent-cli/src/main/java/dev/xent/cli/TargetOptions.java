// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import dev.xent.options.Smoothing;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of targets. */
final class TargetOptions {
  @Option(
      names = "--label-smoothing",
      order = HelpOrder.SMOOTHING,
      paramLabel = "E",
      description = "Targets become (1 - E) * target + E / classes; 0 to 1. Default: 0.")
  private double labelSmoothing;

  @Option(
      names = "--smoothing",
      order = HelpOrder.SMOOTHING,
      paramLabel = "KIND",
      description =
          "Spread E over all classes (uniform) or over all but the label (others)."
              + " Default: uniform.")
  private Smoothing smoothing = Smoothing.UNIFORM;

  @Option(
      names = "--weight",
      paramLabel = "W.npy",
      description = "Weight of each class; a mean divides by the sum of the weights of the labels.")
  private @Nullable Path classWeights;

  @Option(
      names = "--target-weights",
      paramLabel = "P.npy",
      description =
          "Probabilities of the K classes per row that TARGETS.npy has along the class axis.")
  private @Nullable Path targetWeights;

  /** Rejects values out of range. */
  void require() {
    Ranges.require("--label-smoothing", labelSmoothing, CrossEntropy.builder()::labelSmoothing);
  }

  /** Rejects options that require labels. */
  void requireFor(TargetKind kind, Path file) {
    if (kind != TargetKind.LABELS && smoothing != Smoothing.UNIFORM) {
      throw kind.refusal("--smoothing " + Converters.name(smoothing), file);
    }
  }

  double labelSmoothing() {
    return labelSmoothing;
  }

  Smoothing smoothing() {
    return smoothing;
  }

  /** The files of these options. */
  Stream<Path> files() {
    return Stream.of(classWeights, targetWeights).flatMap(Stream::ofNullable);
  }

  /** The weights of the classes of sparse targets, or null. */
  @Nullable Tensor targetWeights(FileMemory memory) {
    return targetWeights == null ? null : InputFiles.floats(targetWeights, memory);
  }

  /** The class weights, or null. */
  @Nullable Tensor classWeights(FileMemory memory) {
    return classWeights == null ? null : InputFiles.floats(classWeights, memory);
  }
}
