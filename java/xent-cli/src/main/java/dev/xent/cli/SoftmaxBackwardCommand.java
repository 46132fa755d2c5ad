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
import picocli.CommandLine.Parameters;

/** {@code xent softmax-backward}: the gradient of the logits from the output's gradient. */
@Command(
    name = "softmax-backward",
    header = "Gradient of the logits from the gradient of a softmax's output.",
    customSynopsis = "xent softmax-backward OUTPUT.npy UPSTREAM.npy [-o DX.npy] [OPTIONS]",
    description = {
      "With y the output and g its upstream gradient: dx = y * (g - sum(g * y)) / T.",
      "With --log: dx = (g - exp(y) * sum(g)) / T."
    },
    footer = {
      "Examples:",
      "  xent softmax-backward y.npy g.npy -o dx.npy",
      "  xent softmax-backward --log logp.npy g.npy -o dx.npy --axis 1"
    })
final class SoftmaxBackwardCommand extends FileCommand {
  @Parameters(
      index = "0",
      paramLabel = "OUTPUT.npy",
      description = "Output of 'xent softmax': f16, bf16, f32 or f64.")
  private InputFile y;

  @Parameters(
      index = "1",
      paramLabel = "UPSTREAM.npy",
      description = "The gradient of this output, in its shape.")
  private InputFile dy;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DX.npy",
      description = "Write the gradient here. Default: print it.")
  private @Nullable Path dx;

  @Mixin private Axis axis;

  @Option(names = "--log", description = "The output is that of a log-softmax.")
  private boolean log;

  @Mixin private InputOptions.Classes classes;
  @Mixin private OutputType type;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, Softmax.Builder.class, "softcap");

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    numbers.applyTo(Softmax.builder());
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
    return numbers.applyTo(builder.execution(execution()).axis(classAxis));
  }
}
