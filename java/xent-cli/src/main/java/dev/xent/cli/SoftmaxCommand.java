// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LogitBuilder;
import dev.xent.Softmax;
import dev.xent.SoftmaxOperation;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code xent softmax}: probabilities or log-probabilities of logits. */
@Command(
    name = "softmax",
    header = "Softmax or log-softmax along one axis.",
    customSynopsis = "xent softmax IN.npy [-o OUT.npy] [OPTIONS]",
    description =
        "A row with NaN or +inf becomes NaN; so does one that is all -inf, unless --fully-masked"
            + " zero.",
    footer = {
      "Examples:",
      "  xent softmax logits.npy -o probabilities.npy",
      "  xent softmax logits.npy -o logp.npy --log --axis 1",
      "  xent softmax logits.npy -o p.npy --temperature 0.7 --mask allowed.npy"
    })
final class SoftmaxCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "IN.npy", description = "Logits: f16, bf16, f32 or f64.")
  private Path in;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT.npy",
      description = "Write the result here; IN.npy itself is allowed. Default: print it.")
  private @Nullable Path out;

  @Mixin private Axis axis;

  @Option(names = "--log", description = "Compute log-softmax.")
  private boolean log;

  @Mixin private LogitOptions options;
  @Mixin private ClassInputs inputs;
  @Mixin private SinkInput sink;
  @Mixin private OutputType type;
  @Mixin private ComputeOptions compute;

  @Override
  public Integer call() {
    options.require();
    try (FileMemory memory = new FileMemory();
        Outputs outputs = new Outputs(memory)) {
      Tensor logits = InputFiles.floats(in, memory);
      type.requireFor(logits, in);
      int classAxis = axis.in(logits, in);
      Inputs beside = sink.addTo(inputs.read(inputs.offsets(memory), memory), memory);
      otherFiles().forEach(outputs::keep);
      Tensor output = outputs.createOrShow(out, "-o OUT.npy", type.like(logits), logits.shape());
      forward(classAxis, logits, beside, output);
      outputs.commit();
      outputs.show(spec.commandLine().getOut());
    }
    return ExitCode.OK;
  }

  private Stream<Path> otherFiles() {
    return Stream.concat(inputs.files(), sink.files());
  }

  private void forward(int classAxis, Tensor logits, Inputs beside, Tensor output) {
    SoftmaxOperation operation = operation(classAxis);
    RowBlocks.run(
        log ? "log-softmax" : "softmax",
        classAxis,
        List.of(logits, output),
        beside,
        otherFiles().findAny().isPresent(),
        part -> operation.on(part.get(0), part.get(1)));
  }

  private SoftmaxOperation operation(int classAxis) {
    return log
        ? configured(LogSoftmax.builder(), classAxis).build()
        : configured(Softmax.builder(), classAxis).build();
  }

  private <B extends LogitBuilder<B>> B configured(B builder, int classAxis) {
    options.tell(builder);
    return builder.execution(compute.execution()).axis(classAxis);
  }
}
