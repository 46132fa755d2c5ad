// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.LinearCrossEntropy;
import dev.xent.LinearGradients;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent linear-cross-entropy}: the loss of a linear layer without storing its logits. */
@Command(
    name = "linear-cross-entropy",
    header = "Cross-entropy of hidden states times weights, and its gradients.",
    customSynopsis = "xent linear-cross-entropy HIDDEN.npy WEIGHTS TARGETS.npy [OPTIONS]",
    modelTransformer = LinearCommand.OwnOptions.class,
    description = {
      "The logits HIDDEN x WEIGHTS^T are never stored as a whole.",
      "Prints the loss, how many rows counted and how many labels were the largest logit."
    },
    footer = {
      "Examples:",
      "  xent linear-cross-entropy h.npy model.safetensors:lm_head.weight labels.npy",
      "  xent linear-cross-entropy h.npy weights.npy labels.npy --bias b.npy --json",
      "  xent linear-cross-entropy h.npy weights.npy labels.npy --gradient dh.npy \\",
      "      --weights-gradient dw.npy"
    })
final class LinearCommand extends LossCommand {
  @Parameters(
      index = "0",
      paramLabel = "HIDDEN.npy",
      description = "Hidden states: f16, bf16 or f32, features along --axis.")
  private InputFile hidden;

  @Parameters(
      index = "1",
      paramLabel = "WEIGHTS",
      description = {
        "FILE.npy or FILE.safetensors:NAME, [classes, features] of f16, bf16 or f32;",
        "mapped, not copied."
      })
  private InputFile weights;

  @Parameters(
      index = "2",
      paramLabel = "TARGETS.npy",
      description = {
        "Class labels: integers in the shape of HIDDEN.npy without its features.",
        "Or probabilities: floats in the shape of HIDDEN.npy, with classes instead of features."
      })
  private InputFile targets;

  @Option(
      names = "--bias",
      paramLabel = "B",
      description = "Bias, one number per class: FILE.npy or FILE.safetensors:NAME.")
  private @Nullable InputFile bias;

  @Option(
      names = "--weights-gradient",
      order = HelpOrder.FILES,
      paramLabel = "DW.npy",
      description = "Write the gradient of the weights.")
  private @Nullable Path weightsGradient;

  @Option(
      names = "--bias-gradient",
      order = HelpOrder.FILES,
      paramLabel = "DB.npy",
      description = "Write the gradient of the bias.")
  private @Nullable Path biasGradient;

  @Option(
      names = "--workspace",
      paramLabel = "BYTES",
      description = "Maximum workspace per thread, in bytes. Default: about 64 MiB.")
  private @Nullable Long workspace;

  @Mixin private InputOptions.Mask mask;
  @Mixin private CrossEntropyOptions options;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, LinearCrossEntropy.Builder.class);

  private final LinearGradients gradients = LinearGradients.create();
  private @Nullable Tensor matrix;

  /** Adapts the options: the axis is that of the features, and f64 is not an output type. */
  static final class OwnOptions extends OutputType.WithoutDoubles {
    @Override
    public CommandSpec transform(CommandSpec spec) {
      OptionSpec axis = spec.findOption("--axis");
      spec.remove(axis);
      spec.addOption(
          OptionSpec.builder(axis)
              .description(
                  "The axis of the features; negative ones count from the end. Default: -1, the"
                      + " last.")
              .build());
      return super.transform(spec);
    }
  }

  @Override
  InputFile input() {
    return hidden;
  }

  @Override
  InputFile targets() {
    return targets;
  }

  @Override
  InputOptions classes() {
    return mask;
  }

  @Override
  CrossEntropyOptions ofLogits() {
    return options;
  }

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    super.require();
    configured().execution(execution()).build();
  }

  @Override
  LossInputs read(Rows rows, CommandFiles files) {
    matrix = files.floats(weights);
    if (matrix.rank() != 2) {
      throw new CommandException(
          message(
              "%s has shape %s; expected [classes, features]",
              weights, Arrays.toString(matrix.shape())));
    }
    LossInputs loss = super.read(Rows.ofHidden(rows, matrix.dim(0)), files);
    return bias == null ? loss : loss.with(loss.inputs().withBias(files.floats(bias)));
  }

  @Override
  boolean request(LossOutputs wanted, CommandFiles files, OutputType types, LossInputs loss) {
    boolean countsCorrect = super.request(wanted, files, types, loss);
    DType number = types.like(matrix);
    gradients
        .weights(files.create(weightsGradient, number, matrix.shape()))
        .bias(files.create(biasGradient, number, new long[] {matrix.dim(0)}));
    return countsCorrect;
  }

  @Override
  LossCall on(LossInputs loss, @Nullable Tensor dx) {
    if (dx == null && weightsGradient == null && biasGradient == null) {
      return operation(loss).on(loss.input(), matrix, loss.targets());
    }
    return operation(loss).on(loss.input(), matrix, loss.targets(), gradients.hidden(dx));
  }

  private LinearCrossEntropy operation(LossInputs loss) {
    LinearCrossEntropy.Builder builder = withTargets(configured(), loss);
    options.applyTo(builder);
    return builder.build();
  }

  private LinearCrossEntropy.Builder configured() {
    LinearCrossEntropy.Builder builder = numbers.applyTo(LinearCrossEntropy.builder());
    return workspace == null ? builder : builder.workspace(workspace);
  }
}
