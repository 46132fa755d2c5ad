// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.LogSigmoid;
import dev.xent.Sigmoid;
import dev.xent.SigmoidBuilder;
import dev.xent.SigmoidOperation;
import dev.xent.Tensor;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent sigmoid}: the scores of independent yes-or-no logits. */
@Command(
    name = "sigmoid",
    header = "Sigmoid or log-sigmoid of each element.",
    customSynopsis = "xent sigmoid LOGITS.npy [-o OUT.npy] [OPTIONS]",
    description = "NaN stays NaN; neither end is rounded away: the sigmoid of -100 is 3.8e-44.",
    footer = {
      "Examples:",
      "  xent sigmoid logits.npy -o scores.npy",
      "  xent sigmoid logits.npy -o log-scores.npy --log --temperature 1.5"
    })
final class SigmoidCommand extends FileCommand {
  @Parameters(paramLabel = "LOGITS.npy", description = "Logits: f16, bf16, f32 or f64.")
  private InputFile in;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT.npy",
      description = "Write the result here; LOGITS.npy itself is allowed. Default: print it.")
  private @Nullable Path out;

  @Option(names = "--log", description = "Compute log-sigmoid.")
  private boolean log;

  @Mixin private OutputType type;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, SigmoidBuilder.class);

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    numbers.applyTo(Sigmoid.builder());
  }

  @Override
  void compute(CommandFiles files) {
    Tensor logits = files.replaceableFloats(in);
    type.requireFor(logits, in);
    Tensor output = files.createOrShow(out, "-o OUT.npy", type.like(logits), logits.shape());
    SigmoidOperation operation = operation();
    run(() -> operation.on(logits, output).run());
  }

  private SigmoidOperation operation() {
    return log
        ? numbers.applyTo(LogSigmoid.builder()).execution(execution()).build()
        : numbers.applyTo(Sigmoid.builder()).execution(execution()).build();
  }
}
