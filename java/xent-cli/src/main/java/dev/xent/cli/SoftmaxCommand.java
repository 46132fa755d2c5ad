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
import picocli.CommandLine.Parameters;

/** {@code xent softmax}: probabilities or log-probabilities of logits. */
@Command(
    name = "softmax",
    header = "Softmax or log-softmax of a file along one axis.",
    customSynopsis = "xent softmax IN.npy -o OUT.npy [OPTIONS]",
    description = "A row with NaN or +inf becomes NaN, and so does a row that is all -inf.",
    footer = {
      "Examples:",
      "  xent softmax logits.npy -o probabilities.npy",
      "  xent softmax logits.npy -o logp.npy --log --axis 1"
    })
final class SoftmaxCommand implements Callable<Integer> {
  @Parameters(paramLabel = "IN.npy", description = "Logits, float32.")
  private Path in;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "OUT.npy",
      description = "The file to write, in the shape of IN.npy; it may be IN.npy itself.")
  private Path out;

  @Option(
      names = "--axis",
      paramLabel = "A",
      description = "The class axis; negative ones count from the end. Default: -1.")
  private int axis = -1;

  @Option(names = "--log", description = "Log-softmax.")
  private boolean log;

  @Mixin private ComputeOptions compute;

  @Override
  public Integer call() {
    try (Arena arena = Arena.ofConfined();
        Outputs outputs = new Outputs(arena)) {
      Tensor logits = Inputs.floats(in, arena);
      int classAxis = Axis.resolve(axis, logits, in);
      Tensor output = outputs.create(out, logits.shape());
      forward(classAxis, logits, output);
      outputs.commit();
    }
    return ExitCode.OK;
  }

  private void forward(int classAxis, Tensor logits, Tensor output) {
    if (log) {
      LogSoftmax operation =
          LogSoftmax.builder()
              .axis(classAxis)
              .isa(compute.isa())
              .backend(compute.backend())
              .threads(compute.threads())
              .build();
      RowBlocks.each(
          "log-softmax",
          classAxis,
          List.of(logits, output),
          part -> operation.forward(part.get(0), part.get(1)));
    } else {
      Softmax operation =
          Softmax.builder()
              .axis(classAxis)
              .isa(compute.isa())
              .backend(compute.backend())
              .threads(compute.threads())
              .build();
      RowBlocks.each(
          "softmax",
          classAxis,
          List.of(logits, output),
          part -> operation.forward(part.get(0), part.get(1)));
    }
  }
}
