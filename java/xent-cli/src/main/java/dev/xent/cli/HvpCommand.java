// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropyHvp;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.Tensor;
import dev.xent.options.FullyMasked;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

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
final class HvpCommand extends FileCommand {
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

  @Mixin private InputOptions.Classes classes;
  @Mixin private InputOptions.Sink sink;
  @Mixin private InputOptions.RowWeights weights;

  @Override
  void require() {
    CrossEntropyHvp.Builder builder = CrossEntropyHvp.builder();
    Ranges.set("--temperature", temperature, builder::temperature);
    Ranges.set("--scale", scale, builder::gradientScale);
  }

  @Override
  void compute(CommandFiles files) {
    Tensor logits = files.replaceableFloats(in);
    Tensor v = files.floats(vectors);
    Rows rows = classes.rows(logits, axis.in(logits, in), files);
    Inputs inputs = InputOptions.of(rows, files, classes, sink, weights);
    DType type = logits.type() == DType.F64 ? DType.F64 : DType.F32;
    Tensor products = files.createOrShow(out, "-o OUT.npy", type, logits.shape());
    CrossEntropyHvp operation =
        CrossEntropyHvp.builder()
            .execution(execution())
            .axis(rows.axis())
            .temperature(temperature)
            .gradientScale(scale)
            .fullyMasked(fullyMasked)
            .build();
    run(() -> operation.on(logits, v, products).inputs(inputs).run());
  }
}
