// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropyHvp;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.Tensor;
import dev.xent.options.FullyMasked;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code xent cross-entropy-hvp}: the Hessian of the loss times a vector. */
@Command(
    name = "cross-entropy-hvp",
    header = "The Hessian of cross-entropy times a vector, row by row.",
    customSynopsis = "xent cross-entropy-hvp LOGITS.npy --v V.npy [-o OUT.npy] [OPTIONS]",
    description = {
      "c * u * p * (v - sum(p * v)) / T^2, p = softmax(x / T): the same for every target."
    },
    footer = {
      "Examples:",
      "  xent cross-entropy-hvp logits.npy --v v.npy -o hv.npy",
      "  xent cross-entropy-hvp logits.npy --v v.npy -o hv.npy --scale 0.01"
    })
final class HvpCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "LOGITS.npy",
      description = "Logits: f16, bf16, f32 or f64.")
  private Path in;

  @Option(
      names = "--v",
      required = true,
      paramLabel = "V.npy",
      description = "The vectors, in the shape of the logits.")
  private Path vectors;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT.npy",
      description =
          "Write the products here, as f64 for f64 logits, else f32. Default: print them.")
  private @Nullable Path out;

  @Mixin private Axis axis;

  @Option(
      names = "--scale",
      paramLabel = "C",
      description = "Factor of all products; 1 / rows for a mean. Default: 1.")
  private double scale = 1;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Divide logits by T. Default: 1.")
  private double temperature = 1;

  @Option(
      names = "--fully-masked",
      paramLabel = "P",
      description =
          "Result of a row that is all -inf or masked: nan or zero. Default: nan. A zero row"
              + " has products 0.")
  private FullyMasked fullyMasked = FullyMasked.NAN;

  @Mixin private ClassInputs inputs;
  @Mixin private SinkInput sink;
  @Mixin private RowWeightInput weights;
  @Mixin private ComputeOptions compute;

  @Override
  public Integer call() {
    CrossEntropyHvp.Builder builder = CrossEntropyHvp.builder();
    Ranges.require("--temperature", temperature, builder::temperature);
    Ranges.require("--scale", scale, builder::gradientScale);
    try (FileMemory memory = new FileMemory();
        Outputs outputs = new Outputs(memory)) {
      Tensor logits = InputFiles.floats(in, memory);
      Tensor v = InputFiles.floats(vectors, memory);
      int classAxis = axis.in(logits, in);
      Inputs beside = inputs.read(inputs.offsets(memory), memory);
      Inputs all = weights.addTo(sink.addTo(beside, memory), memory);
      Stream.of(Stream.of(vectors), inputs.files(), sink.files(), weights.files())
          .flatMap(files -> files)
          .forEach(outputs::keep);
      DType type = logits.type() == DType.F64 ? DType.F64 : DType.F32;
      Tensor products = outputs.createOrShow(out, "-o OUT.npy", type, logits.shape());
      CrossEntropyHvp operation =
          CrossEntropyHvp.builder()
              .execution(compute.execution())
              .axis(classAxis)
              .temperature(temperature)
              .gradientScale(scale)
              .fullyMasked(fullyMasked)
              .build();
      Progress.during(
          "cross-entropy-hvp", () -> operation.on(logits, v, products).inputs(all).run());
      outputs.commit();
      outputs.show(spec.commandLine().getOut());
    }
    return ExitCode.OK;
  }
}
