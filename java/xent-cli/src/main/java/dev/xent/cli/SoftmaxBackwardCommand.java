// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.LogSoftmax;
import dev.xent.Softmax;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code xent softmax-backward}: the gradient of the logits from that of the output. */
@Command(
    name = "softmax-backward",
    header = "Gradient of the logits from that of a softmax's output.",
    customSynopsis = "xent softmax-backward --y Y.npy --dy DY.npy -o DX.npy [OPTIONS]",
    description = {"Softmax: dx = y * (dy - sum(dy * y)). With --log: dx = dy - exp(y) * sum(dy)."},
    footer = {
      "Examples:",
      "  xent softmax-backward --y y.npy --dy dy.npy -o dx.npy",
      "  xent softmax-backward --log --y logp.npy --dy dy.npy -o dx.npy --axis 1"
    })
final class SoftmaxBackwardCommand implements Callable<Integer> {
  @Option(
      names = "--y",
      required = true,
      paramLabel = "Y.npy",
      description = "What 'xent softmax' wrote, float32.")
  private Path y;

  @Option(
      names = "--dy",
      required = true,
      paramLabel = "DY.npy",
      description = "The gradient of Y.npy, in its shape, float32.")
  private Path dy;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DX.npy",
      description = "The file to write, in the shape of Y.npy.")
  private Path dx;

  @Option(
      names = "--axis",
      paramLabel = "A",
      description = "The class axis; negative ones count from the end. Default: -1.")
  private int axis = -1;

  @Option(names = "--log", description = "Y.npy is the output of a log-softmax.")
  private boolean log;

  @Mixin private ComputeOptions compute;

  @Override
  public Integer call() {
    try (Arena arena = Arena.ofConfined();
        Outputs outputs = new Outputs(arena)) {
      Tensor output = Inputs.floats(y, arena);
      Tensor upstream = Inputs.floats(dy, arena);
      int classAxis = Axis.resolve(axis, output, y);
      Tensor gradient = outputs.create(dx, output.shape());
      backward(classAxis, output, upstream, gradient);
      outputs.commit();
    }
    return ExitCode.OK;
  }

  private void backward(int classAxis, Tensor output, Tensor upstream, Tensor gradient) {
    if (log) {
      LogSoftmax operation =
          LogSoftmax.builder()
              .axis(classAxis)
              .isa(compute.isa())
              .backend(compute.backend())
              .threads(compute.threads())
              .build();
      RowBlocks.each(
          "log-softmax-backward",
          classAxis,
          List.of(output, upstream, gradient),
          part -> operation.backward(part.get(0), part.get(1), part.get(2)));
    } else {
      Softmax operation =
          Softmax.builder()
              .axis(classAxis)
              .isa(compute.isa())
              .backend(compute.backend())
              .threads(compute.threads())
              .build();
      RowBlocks.each(
          "softmax-backward",
          classAxis,
          List.of(output, upstream, gradient),
          part -> operation.backward(part.get(0), part.get(1), part.get(2)));
    }
  }
}
