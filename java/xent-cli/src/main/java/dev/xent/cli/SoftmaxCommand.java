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

/** {@code xent softmax}: probabilities or log-probabilities of logits. */
@Command(
    name = "softmax",
    header = "Softmax or log-softmax along one axis.",
    customSynopsis = "xent softmax LOGITS.npy [-o OUT.npy] [OPTIONS]",
    description =
        "A row with NaN or +inf becomes NaN; so does one that is all -inf, unless --fully-masked"
            + " zero.",
    footer = {
      "Examples:",
      "  xent softmax logits.npy -o probabilities.npy",
      "  xent softmax logits.npy -o logp.npy --log --axis 1",
      "  xent softmax logits.npy -o p.npy --temperature 0.7 --class-mask allowed.npy"
    })
final class SoftmaxCommand extends FileCommand {
  @Parameters(paramLabel = "LOGITS.npy", description = "Logits: f16, bf16, f32 or f64.")
  private InputFile in;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT.npy",
      description = "Write the result here; LOGITS.npy itself is allowed. Default: print it.")
  private @Nullable Path out;

  @Mixin private Axis axis;

  @Option(names = "--log", description = "Compute log-softmax.")
  private boolean log;

  @Mixin private FullyMaskedRows fullyMasked;
  @Mixin private InputOptions.Classes classes;
  @Mixin private InputOptions.Sink sink;
  @Mixin private OutputType type;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, Softmax.Builder.class);

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
    Tensor logits = files.replaceableFloats(in);
    type.requireFor(logits, in);
    Rows rows = classes.rows(logits, axis.in(logits, in), files);
    Inputs inputs = InputOptions.of(rows, files, classes, sink);
    Tensor output = files.createOrShow(out, "-o OUT.npy", type.like(logits), logits.shape());
    SoftmaxOperation operation = operation(rows.axis());
    run(() -> operation.on(logits, output).inputs(inputs).run());
  }

  private SoftmaxOperation operation(int classAxis) {
    return log
        ? configured(LogSoftmax.builder(), classAxis).build()
        : configured(Softmax.builder(), classAxis).build();
  }

  private <B extends LogitBuilder<B>> B configured(B builder, int classAxis) {
    builder.execution(execution()).axis(classAxis).fullyMasked(fullyMasked.result());
    return numbers.applyTo(builder);
  }
}
