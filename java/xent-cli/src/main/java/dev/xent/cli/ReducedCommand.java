// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.ReducedBuilder;
import dev.xent.Tensor;
import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.LabelException;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The common part of commands that reduce the losses of rows: options, files, output. */
abstract class ReducedCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--axis",
      paramLabel = "A",
      description = "The class axis; -1 is the last. Default: -1.")
  private @Nullable Integer axis;

  @Option(
      names = "--reduction",
      paramLabel = "R",
      description =
          "mean or sum of the losses of rows, or none: the losses themselves, printed or with"
              + " --losses written. Default: mean.")
  private LossReduction reduction = LossReduction.MEAN;

  @Option(
      names = "--denominator",
      paramLabel = "D",
      description =
          "Divisor of a mean. Default: the number of rows that count, or the sum of their weights.")
  private @Nullable Double denominator;

  @Option(
      names = "--empty-mean",
      paramLabel = "P",
      description = "Mean if all rows are ignored: nan, zero or error. Default: nan.")
  private @Nullable EmptyMean emptyMean;

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
      description = "Write the gradient of the reduced loss.")
  private @Nullable Path gradient;

  @Option(names = "--json", order = HelpOrder.PRINT, description = "Print one JSON object.")
  private boolean json;

  @Mixin private OutputType type;
  @Mixin private ComputeOptions compute;

  /**
   * The settings that all operations have under the same names.
   *
   * @param axis of the classes
   * @param reduction of the losses
   * @param denominator of a mean, or null
   * @param emptyMean the mean over no row
   * @param compute the backend, instruction set and threads
   */
  record Settings(
      int axis,
      Reduction reduction,
      @Nullable Double denominator,
      EmptyMean emptyMean,
      ComputeOptions compute) {

    /** Sets all of them in a builder. */
    void tell(ReducedBuilder<?> builder) {
      builder.execution(compute.execution());
      builder.axis(axis);
      builder.reduction(reduction);
      builder.emptyMean(emptyMean);
      if (denominator != null) {
        builder.denominator(denominator);
      }
    }
  }

  /** The default class axis. */
  int defaultAxis() {
    return -1;
  }

  /** Rejects invalid values of options. */
  abstract void require();

  /** The file of the input. */
  abstract Path input();

  /** The other input files, which no output may replace. */
  abstract Stream<Path> otherFiles();

  /** The offsets of ragged rows, or null. */
  @Nullable Tensor offsets(FileMemory memory) {
    return null;
  }

  /** Reads the targets of the rows. */
  abstract Loss read(Rows rows, FileMemory memory);

  /** Requests the outputs of this command in addition to losses and gradient. */
  void request(LossOutputs outputs, Outputs files, OutputType types, Loss loss) {}

  /** Computes the loss, and the gradient unless it is null. */
  abstract void compute(Settings settings, Loss loss, @Nullable Tensor dx, LossOutputs outputs);

  /** Runs a call of the operation with all requested outputs. */
  final void run(LossCall call, Loss loss, @Nullable Tensor dx, LossOutputs outputs) {
    if (dx != null) {
      call.gradient(dx);
    }
    call.inputs(loss.inputs()).outputs(outputs).run();
  }

  @Override
  public final Integer call() {
    requireOptions();
    try (FileMemory memory = new FileMemory();
        Outputs files = new Outputs(memory)) {
      Tensor x = InputFiles.floats(input(), memory);
      requireType(x);
      int given = axis != null ? axis : defaultAxis();
      int classAxis = Axis.resolve(given, x, input());
      Loss loss = read(Rows.of(x, classAxis, offsets(memory)), memory);
      otherFiles().forEach(files::keep);

      LossOutputs outputs =
          new LossOutputs().losses(losses(files, type.perRow(x), loss.rows().shape()));
      request(outputs, files, type, loss);
      Tensor dx = files.create(gradient, type.like(x), x.shape());
      EmptyMean ofNone = emptyMean == null ? EmptyMean.NAN : emptyMean;
      Settings settings =
          new Settings(classAxis, reduction.ofLibrary(), denominator, ofNone, compute);
      Progress.during(spec.name(), () -> reduce(settings, loss, dx, outputs));
      files.commit();

      LossReport report = LossReport.of(outputs, reduction, Used.of(compute));
      if (!json) {
        files.show(spec.commandLine().getOut());
      }
      spec.commandLine().getOut().println(json ? report.json(files.json()) : report.text());
    }
    return ExitCode.OK;
  }

  private @Nullable Tensor losses(Outputs files, DType ofRows, long[] shape) {
    return reduction == LossReduction.NONE
        ? files.createOrShow(losses, "--losses L.npy", ofRows, shape)
        : files.create(losses, ofRows, shape);
  }

  /** Rejects an output type that does not match the input. */
  void requireType(Tensor x) {
    type.requireFor(x, input());
  }

  private void requireOptions() {
    Ranges.require(
        "--denominator",
        denominator,
        CrossEntropy.builder()::denominator,
        "a finite number of at least 0");
    requireMeanFor("--denominator", denominator);
    requireMeanFor("--empty-mean", emptyMean);
    if (denominator != null
        && gradient != null
        && reduction == LossReduction.MEAN
        && denominator > 0
        && Double.isInfinite(1 / denominator)) {
      throw new CommandException(
          message(
              "--denominator %s is too small for --grad; must be 0 or at least 5.6e-309",
              Numbers.text(denominator)));
    }
    require();
  }

  private void requireMeanFor(String option, @Nullable Object given) {
    if (given != null && reduction != LossReduction.MEAN) {
      throw new CommandException(
          message(
              "%s requires --reduction mean (was %s); remove one of them",
              option, Converters.name(reduction)));
    }
  }

  private void reduce(Settings settings, Loss loss, @Nullable Tensor dx, LossOutputs outputs) {
    try {
      compute(settings, loss, dx, outputs);
    } catch (LabelException e) {
      throw WrongLabel.in(loss.rows(), e);
    } catch (EmptyMeanException e) {
      throw new CommandException(
          denominator == null
              ? "all rows are ignored, so the mean is undefined; set --empty-mean nan or zero"
              : "--denominator 0 makes the mean undefined; set --empty-mean nan or zero");
    }
  }
}
