// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LogitBuilder;
import dev.xent.Softmax;
import dev.xent.SoftmaxOperation;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code xent softmax-backward}: the gradient of the logits from the output's gradient. */
@Command(
    name = "softmax-backward",
    header = "Gradient of the logits from the gradient of a softmax's output.",
    customSynopsis = "xent softmax-backward --y Y.npy --dy DY.npy [-o DX.npy] [OPTIONS]",
    description = {
      "Softmax: dx = y * (dy - sum(dy * y)) / T. With --log: dx = (dy - exp(y) * sum(dy)) / T."
    },
    footer = {
      "Examples:",
      "  xent softmax-backward --y y.npy --dy dy.npy -o dx.npy",
      "  xent softmax-backward --log --y logp.npy --dy dy.npy -o dx.npy --axis 1"
    })
final class SoftmaxBackwardCommand extends FileCommand {
  @Option(
      names = "--y",
      required = true,
      paramLabel = "Y.npy",
      description = "Output of 'xent softmax': f16, bf16, f32 or f64.")
  private Path y;

  @Option(
      names = "--dy",
      required = true,
      paramLabel = "DY.npy",
      description = "The gradient of Y.npy, in its shape.")
  private Path dy;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DX.npy",
      description = "Write the gradient here. Default: print it.")
  private @Nullable Path dx;

  @Mixin private Axis axis;

  @Option(names = "--log", description = "Y.npy is the output of a log-softmax.")
  private boolean log;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "As for 'xent softmax'. Default: 1.")
  private double temperature = 1;

  @Mixin private InputOptions.Classes classes;
  @Mixin private OutputType type;

  @Override
  void require() {
    Ranges.set("--temperature", temperature, Softmax.builder()::temperature);
  }

  @Override
  void compute(CommandFiles files) {
    Tensor output = files.replaceableFloats(y);
    Tensor upstream = files.replaceableFloats(dy);
    type.requireFor(output, y);
    Rows rows = classes.rows(output, axis.in(output, y), files);
    Inputs inputs = InputOptions.of(rows, files, classes);
    Tensor gradient = files.createOrShow(dx, "-o DX.npy", type.like(output), output.shape());
    SoftmaxOperation operation = operation(rows.axis());
    run(() -> operation.onBackward(output, upstream, gradient).inputs(inputs).run());
  }

  private SoftmaxOperation operation(int classAxis) {
    return log
        ? configured(LogSoftmax.builder(), classAxis).build()
        : configured(Softmax.builder(), classAxis).build();
  }

  private <B extends LogitBuilder<B>> B configured(B builder, int classAxis) {
    return builder.execution(execution()).axis(classAxis).temperature(temperature);
  }
}
