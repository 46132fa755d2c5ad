// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.Inputs;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
      "  xent cross-entropy logits.npy labels.npy --ignore-index -100 --grad g.npy",
      "  xent cross-entropy logits.npy labels.npy --reduction none --losses losses.npy",
      "  xent cross-entropy logits.npy soft.npy --reduction sum --json",
      "  xent cross-entropy logits.npy classes.npy --target-weights p.npy",
      "  xent cross-entropy logits.npy labels.npy --top-k 5 --top-classes top.npy"
    })
final class CrossEntropyCommand extends LossCommand {
  @Parameters(index = "0", paramLabel = "LOGITS.npy", description = "Logits: f2, f4, f8 or bf16.")
  private Path logits;

  @Mixin private LogitOptions logitOptions;
  @Mixin private LogitInputs logitInputs;
  @Mixin private TargetOptions targetOptions;
  @Mixin private RowOutputs rowOutputs;

  @Override
  Path input() {
    return logits;
  }

  @Override
  void require(double smoothed) {
    logitOptions.require();
    targetOptions.require(smoothed);
    rowOutputs.require();
  }

  @Override
  int defaultAxis(int rank) {
    return targetOptions.rules().axis(rank);
  }

  @Override
  Stream<Path> filesBeside() {
    return Stream.concat(logitInputs.files(), targetOptions.files());
  }

  @Override
  @Nullable Tensor offsets(Arena arena) {
    return logitInputs.offsets(arena);
  }

  @Override
  @Nullable Tensor targetWeights(Arena arena) {
    return targetOptions.targetWeights(arena);
  }

  @Override
  @Nullable Tensor classWeights(Arena arena) {
    return targetOptions.classWeights(arena);
  }

  @Override
  Inputs inputs(@Nullable Tensor offsets, Arena arena) {
    return targetOptions.addTo(logitInputs.read(offsets, arena), arena);
  }

  @Override
  void requireFor(TargetKind kind, Path file) {
    targetOptions.requireFor(kind, file);
    rowOutputs.requireFor(kind, file);
  }

  @Override
  void request(CrossEntropy.Outcome outcome, Outputs outputs, OutputType type, Loss loss) {
    rowOutputs.request(outcome, outputs, type, loss);
  }

  @Override
  void compute(
      Settings settings, Loss loss, @Nullable Tensor gradient, CrossEntropy.Outcome outcome) {
    CrossEntropy.Builder builder = settings.applyTo(targetOptions.rules().builder());
    builder.classWeights(loss.classWeights());
    CrossEntropy operation = targetOptions.applyTo(logitOptions.applyTo(builder)).build();
    if (gradient == null) {
      operation.forward(loss.input(), loss.targets(), loss.inputs(), outcome);
    } else {
      operation.forwardBackward(loss.input(), loss.targets(), loss.inputs(), gradient, outcome);
    }
  }
}
