// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
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
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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
        "Or probabilities: float32 in the shape of the input."
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
      names = "--smoothing",
      order = HelpOrder.SMOOTHING,
      paramLabel = "KIND",
      description = "What smoothing spreads over: uniform, all classes. Default: uniform.")
  private void smoothing(String kind) {
    switch (kind) {
      case "uniform" -> {}
      case "others" -> throw LaterOptions.notYet(spec.commandLine(), "--smoothing others");
      default ->
          throw new ParameterException(
              spec.commandLine(),
              "invalid value for option '--smoothing': '%s' is not uniform".formatted(kind));
    }
  }

  @Option(
      names = "--denominator",
      paramLabel = "D",
      description = "What a mean divides by. Default: the number of rows that count.")
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

  /** Asks the outcome for what this command alone writes. */
  void request(CrossEntropy.Outcome outcome, Outputs outputs, long[] rows) {}

  /** Computes the loss, and the gradient unless it is null. */
  abstract void compute(
      Settings settings,
      Tensor input,
      Tensor targets,
      @Nullable Tensor gradient,
      CrossEntropy.Outcome outcome);

  @Override
  public final Integer call() {
    requireOptions();
    try (Arena arena = Arena.ofConfined();
        Outputs outputs = new Outputs(arena, targets)) {
      Tensor x = Inputs.floats(input(), arena);
      Tensor q = NpyFile.open(targets, arena).tensor();
      int classAxis = Axis.resolve(axis != null ? axis : Math.min(x.rank() - 1, 1), x, input());
      long[] rows = Axis.without(classAxis, x.shape());

      CrossEntropy.Outcome outcome = new CrossEntropy.Outcome();
      outcome.losses(outputs.create(losses, rows));
      request(outcome, outputs, rows);
      boolean labels = q.type().isInteger();
      if (ignoreIndex != null && !labels) {
        throw new CommandException(
            "--ignore-index is for labels, and %s holds probabilities; leave it out"
                .formatted(targets));
      }
      outcome.countCorrect(labels);
      Tensor dx = outputs.create(gradient, x.shape());
      Settings settings =
          new Settings(
              classAxis, reduction, ignoreIndex, labelSmoothing, denominator, noneCounted, compute);
      Progress.during(spec.name(), () -> reduce(settings, x, q, dx, outcome));
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
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new CommandException(
          "--label-smoothing %s is out of range; give a number from 0 to 1"
              .formatted(Numbers.text(labelSmoothing)));
    }
    if (denominator != null && !(denominator >= 0 && denominator < Double.POSITIVE_INFINITY)) {
      throw new CommandException(
          "--denominator %s is out of range; give a finite number of at least 0"
              .formatted(Numbers.text(denominator)));
    }
  }

  private void reduce(
      Settings settings,
      Tensor input,
      Tensor targets,
      @Nullable Tensor gradient,
      CrossEntropy.Outcome outcome) {
    try {
      compute(settings, input, targets, gradient, outcome);
    } catch (LabelException e) {
      throw WrongLabel.in(targets.shape(), e);
    } catch (NoneCountedException e) {
      throw new CommandException(
          denominator == null
              ? "no row counts, so there is no mean; give labels that are not ignored, or"
                  + " --none-counted nan or zero"
              : "--denominator 0 gives no mean; give another one, or --none-counted nan or zero");
    }
  }
}
