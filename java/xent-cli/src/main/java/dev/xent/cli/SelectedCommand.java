// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.BoundCall;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.SelectedLogProbabilities;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.ShapeException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code xent selected-log-probabilities}: the log-probabilities of several classes of each row.
 */
@Command(
    name = "selected-log-probabilities",
    header = "Log-probabilities of chosen classes of each row, their gradient and sums.",
    customSynopsis = "xent selected-log-probabilities LOGITS.npy TARGETS.npy [OPTIONS]",
    description = "Each row has one target class, such as a token of a completion, or K of them.",
    footer = {
      "Examples:",
      "  xent selected-log-probabilities logits.npy tokens.npy -o logp.npy",
      "  xent selected-log-probabilities logits.npy tokens.npy -o logp.npy \\",
      "      --sequence-offsets offsets.npy --sums scores.npy",
      "  xent selected-log-probabilities logits.npy tokens.npy -o logp.npy \\",
      "      --upstream g.npy --gradient dx.npy"
    })
final class SelectedCommand extends FileCommand {
  @Parameters(
      index = "0",
      paramLabel = "LOGITS.npy",
      description = "Logits: f16, bf16, f32 or f64.")
  private InputFile in;

  @Parameters(
      index = "1",
      paramLabel = "TARGETS.npy",
      description = {
        "Classes: integers in the shape of the logits without the class axis,",
        "or with K of each row along it."
      })
  private InputFile targets;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT.npy",
      description = "Write the log-probabilities here. Default: print them.")
  private @Nullable Path out;

  @Mixin private Axis axis;

  @Option(
      names = "--ignore-index",
      paramLabel = "I",
      description = "Target without a class; its log-probability is 0. Default: none.")
  private @Nullable Long ignoreIndex;

  @Option(
      names = "--upstream",
      paramLabel = "G.npy",
      description = "Upstream gradient for --gradient. Default: 1 each.")
  private @Nullable InputFile upstream;

  @Option(
      names = "--gradient",
      paramLabel = "DX.npy",
      description = "Write the gradient of their weighted sum, in the shape of LOGITS.npy.")
  private @Nullable Path grad;

  @Option(
      names = "--sequence-offsets",
      paramLabel = "S.npy",
      description = "Sequence i has the rows S[i] to S[i+1]; i32 or i64. For --sums.")
  private @Nullable InputFile sequences;

  @Option(
      names = "--sums",
      paramLabel = "SUMS.npy",
      description = "Write the sum of each sequence, as f64.")
  private @Nullable Path sums;

  @Mixin private FullyMaskedRows fullyMasked;
  @Mixin private InputOptions.Classes rowClasses;
  @Mixin private InputOptions.Sink sink;
  @Mixin private OutputType type;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, SelectedLogProbabilities.Builder.class);

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    numbers.applyTo(SelectedLogProbabilities.builder());
    if ((sequences == null) != (sums == null)) {
      throw new CommandException(
          "--sequence-offsets and --sums require each other; pass both or none");
    }
    if (upstream != null && grad == null) {
      throw new CommandException("--upstream requires --gradient; add --gradient DX.npy");
    }
  }

  @Override
  void compute(CommandFiles files) {
    Tensor logits = files.replaceableFloats(in);
    Tensor classes = files.integers(targets);
    type.requireFor(logits, in);
    Rows rows = rowClasses.rows(logits, axis.in(logits, in), files);
    Inputs inputs = InputOptions.of(rows, files, rowClasses, sink);
    Tensor g = upstream == null ? null : files.floats(upstream);
    Tensor s = sequences == null ? null : files.integers(sequences);
    DType number = type.perRow(logits);
    requireSummands(number);
    Tensor values = files.createOrShow(out, "-o OUT.npy", number, classes.shape());
    Tensor dx = files.create(grad, type.like(logits), logits.shape());
    Tensor scores =
        s == null
            ? null
            : files.create(sums, DType.F64, new long[] {Math.max(0, s.elements() - 1)});
    SelectedLogProbabilities operation = operation(rows.axis());
    BoundCall call =
        dx == null
            ? operation.on(logits, classes, values)
            : operation.on(logits, classes, values, g, dx);
    try {
      run(call.inputs(inputs)::run);
    } catch (LabelException e) {
      throw WrongLabel.in(rows, e);
    }
    if (s != null) {
      addUp(operation, byRow(values, rows, files), s, scores);
    }
  }

  /** The numbers of each row next to each other: as {@code [rows]} or {@code [rows, k]}. */
  private static Tensor byRow(Tensor values, Rows rows, CommandFiles files) {
    if (values.rank() == rows.shape().length) {
      return values.reshape(values.elements());
    }
    int axis = rows.offsets() == null ? rows.axis() : 1;
    int[] order = new int[values.rank()];
    for (int d = 0; d < order.length; d++) {
      order[d] = d < axis ? d : d + 1;
    }
    order[order.length - 1] = axis;
    Tensor turned = values.permute(order);
    long each = values.dim(axis);
    Tensor copy = turned;
    if (!turned.isContiguous()) {
      copy = files.allocate(values.type(), turned.shape());
      copy.copyFrom(turned);
    }
    return copy.reshape(values.elements() / each, each);
  }

  /** Adds up, with messages in the names of the command line. */
  private void addUp(
      SelectedLogProbabilities operation, Tensor values, Tensor offsets, Tensor scores) {
    try {
      operation.sumSequences(values, offsets, scores);
    } catch (ShapeException | DTypeException e) {
      Map<String, String> names =
          Map.of("offsets", "--sequence-offsets", "logProbabilities", "the result");
      throw new CommandException(TypedNames.replaced(e.getMessage(), names));
    }
  }

  private void requireSummands(DType number) {
    if (sums != null && number != DType.F32 && number != DType.F64) {
      throw new CommandException(
          message(
              "--sums requires log-probabilities of f32 or f64, which are %s; remove --dtype",
              Converters.name(number)));
    }
  }

  private SelectedLogProbabilities operation(int classAxis) {
    SelectedLogProbabilities.Builder builder =
        SelectedLogProbabilities.builder().execution(execution()).axis(classAxis);
    numbers.applyTo(builder.fullyMasked(fullyMasked.result()));
    if (ignoreIndex != null) {
      builder.ignoreIndex(ignoreIndex);
    }
    return builder.build();
  }
}
