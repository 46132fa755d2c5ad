// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.Inputs;
import dev.xent.LabelException;
import dev.xent.LossBuilder;
import dev.xent.NoneCounted;
import dev.xent.NoneCountedException;
import dev.xent.Reduction;
import dev.xent.Tensor;
import dev.xent.cli.npy.NpyFile;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What {@code xent cross-entropy} and {@code xent nll} share: options, files, what is printed. */
abstract class LossCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      index = "1",
      paramLabel = "TARGETS.npy",
      description = {
        "Class labels: integers (i1 u1 i2 i4 i8) in the shape of the input without its class axis.",
        "Or probabilities: floats in the shape of the input."
      })
  private Path targets;

  @Option(
      names = "--axis",
      paramLabel = "A",
      description =
          "The class axis; negative ones count from the end. Default: 1, or 0 for one dimension.")
  private @Nullable Integer axis;

  @Option(
      names = "--reduction",
      paramLabel = "R",
      description =
          "none, mean or sum of the rows' losses. Default: mean. With none the loss is null and"
              + " --losses is required.")
  private Reduction reduction = Reduction.MEAN;

  @Option(
      names = "--ignore-index",
      paramLabel = "I",
      description = "Rows with this label do not count and have gradient 0. Default: none has.")
  private @Nullable Long ignoreIndex;

  @Option(
      names = "--label-smoothing",
      order = HelpOrder.SMOOTHING,
      paramLabel = "E",
      description = "Targets become (1 - E) * target + E / classes; 0 to 1. Default: 0.")
  private double labelSmoothing;

  @Option(
      names = "--denominator",
      paramLabel = "D",
      description = "What a mean divides by. Default: the rows that count, or their weights.")
  private @Nullable Double denominator;

  @Option(
      names = "--none-counted",
      paramLabel = "P",
      description = "What the mean of no rows is: nan, zero or error. Default: nan.")
  private NoneCounted noneCounted = NoneCounted.NAN;

  @Option(
      names = "--losses",
      order = HelpOrder.FILES,
      paramLabel = "L.npy",
      description = "Write the loss of every row, before the reduction.")
  private @Nullable Path losses;

  @Option(
      names = "--grad",
      order = HelpOrder.FILES,
      paramLabel = "G.npy",
      description = "Write the gradient of the reduced loss (none: of the sum).")
  private @Nullable Path gradient;

  @Option(names = "--json", order = HelpOrder.PRINT, description = "Print one JSON object.")
  private boolean json;

  @Mixin private OutputType type;
  @Mixin private ComputeOptions compute;

  /** The settings that both operations know by the same names. */
  record Settings(
      int axis,
      Reduction reduction,
      @Nullable Long ignoreIndex,
      double labelSmoothing,
      @Nullable Double denominator,
      NoneCounted noneCounted,
      ComputeOptions compute) {
    /** An operation's builder with what the command line says. */
    <B extends LossBuilder<B>> B applyTo(B builder) {
      builder
          .axis(axis)
          .reduction(reduction)
          .labelSmoothing(labelSmoothing)
          .noneCounted(noneCounted)
          .isa(compute.isa())
          .backend(compute.backend())
          .threads(compute.threads());
      if (ignoreIndex != null) {
        builder.ignoreIndex(ignoreIndex);
      }
      if (denominator != null) {
        builder.denominator(denominator);
      }
      return builder;
    }
  }

  /** The file of the input. */
  abstract Path input();

  /** Refuses values of options of this command alone. */
  void require(double smoothed) {}

  /** The class axis where none is given. */
  int defaultAxis(int rank) {
    return Math.min(rank - 1, 1);
  }

  /** The files that are read beside input and targets. */
  Stream<Path> filesBeside() {
    return Stream.of();
  }

  /** Where ragged rows begin, or null. */
  @Nullable Tensor offsets(Arena arena) {
    return null;
  }

  /** What the classes of sparse targets weigh; null for other targets. */
  @Nullable Tensor targetWeights(Arena arena) {
    return null;
  }

  /** What classes weigh, or null. */
  @Nullable Tensor classWeights(Arena arena) {
    return null;
  }

  /** What else is read. */
  Inputs inputs(@Nullable Tensor offsets, Arena arena) {
    return Inputs.none();
  }

  /** Refuses options of this command alone that such targets cannot have. */
  void requireFor(TargetKind kind, Path file) {}

  /** Asks the outcome for what this command alone writes. */
  void request(CrossEntropy.Outcome outcome, Outputs outputs, OutputType type, Loss loss) {}

  /** Computes the loss, and the gradient unless it is null. */
  abstract void compute(
      Settings settings, Loss loss, @Nullable Tensor gradient, CrossEntropy.Outcome outcome);

  @Override
  public final Integer call() {
    requireOptions();
    try (Arena arena = Arena.ofConfined();
        Outputs outputs = new Outputs(arena)) {
      Loss loss = read(arena);
      outputs.keep(targets);
      filesBeside().forEach(outputs::keep);

      Tensor x = loss.input();
      boolean labels = loss.kind() == TargetKind.LABELS;
      CrossEntropy.Outcome outcome = new CrossEntropy.Outcome().countCorrect(labels);
      outcome.losses(outputs.create(losses, type.perRow(x), loss.rows().shape()));
      request(outcome, outputs, type, loss);
      Tensor dx = outputs.create(gradient, type.like(x), x.shape());
      Settings settings =
          new Settings(
              loss.rows().axis(),
              reduction,
              ignoreIndex,
              labelSmoothing,
              denominator,
              noneCounted,
              compute);
      Progress.during(spec.name(), () -> reduce(settings, loss, dx, outcome));
      outputs.commit();

      LossReport report = new LossReport(reduction, outcome, labels, Used.of(compute));
      spec.commandLine().getOut().println(json ? report.json() : report.text());
    }
    return ExitCode.OK;
  }

  private void requireOptions() {
    if (reduction == Reduction.NONE && losses == null) {
      throw new CommandException(
          "--reduction none gives one loss per row and no file to write them to; add --losses"
              + " L.npy, or use mean or sum");
    }
    Ranges.from0To1("--label-smoothing", labelSmoothing);
    Ranges.atLeast0("--denominator", denominator);
    require(labelSmoothing);
  }

  private Loss read(Arena arena) {
    Tensor x = InputFiles.floats(input(), arena);
    type.requireFor(x, input());
    Tensor targetWeights = targetWeights(arena);
    Tensor q =
        targetWeights != null
            ? InputFiles.integers(targets, arena)
            : NpyFile.open(targets, arena).tensor();
    TargetKind kind =
        targetWeights != null
            ? TargetKind.SPARSE
            : q.type().isInteger() ? TargetKind.LABELS : TargetKind.PROBABILITIES;
    if (ignoreIndex != null && kind == TargetKind.PROBABILITIES) {
      throw kind.refusal("--ignore-index", targets);
    }
    requireFor(kind, targets);
    int classAxis = Axis.resolve(axis != null ? axis : defaultAxis(x.rank()), x, input());
    Tensor offsets = offsets(arena);
    Inputs inputs = inputs(offsets, arena);
    return new Loss(
        Rows.of(x, classAxis, offsets),
        q,
        kind,
        targetWeights,
        classWeights(arena),
        targetWeights == null ? inputs : inputs.targetWeights(targetWeights));
  }

  private void reduce(
      Settings settings, Loss loss, @Nullable Tensor gradient, CrossEntropy.Outcome outcome) {
    try {
      compute(settings, loss, gradient, outcome);
    } catch (LabelException e) {
      throw WrongLabel.in(loss.rows(), e);
    } catch (NoneCountedException e) {
      throw new CommandException(
          denominator == null
              ? "no row counts, so there is no mean; give labels that are not ignored, or"
                  + " --none-counted nan or zero"
              : "--denominator 0 gives no mean; give another one, or --none-counted nan or zero");
    }
  }
}
