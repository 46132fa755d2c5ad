// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Loss;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.ReducedBuilder;
import dev.xent.Tensor;
import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.LabelException;
import dev.xent.options.EmptyMean;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The common part of commands that reduce the losses of rows: options, files, output. */
abstract class ReducedCommand extends FileCommand {
  @Mixin private Axis axis;

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
      names = "--gradient",
      order = HelpOrder.FILES,
      paramLabel = "G.npy",
      description = "Write the gradient of the reduced loss.")
  private @Nullable Path gradient;

  @Mixin private OutputType type;

  private final LossOutputs outputs = LossOutputs.create();

  private boolean countsCorrect;

  /** The default class axis. */
  int defaultAxis() {
    return -1;
  }

  /** The file of the input. */
  abstract InputFile input();

  /** Rejects an output type that does not match the input. */
  void requireType(Tensor x) {
    type.requireFor(x, input());
  }

  /** The rows of the input. */
  Rows rows(Tensor x, int classAxis, CommandFiles files) {
    return Rows.of(x, classAxis, null);
  }

  /** Reads the targets of the rows. */
  abstract LossInputs read(Rows rows, CommandFiles files);

  /**
   * Requests the outputs of this command in addition to losses and gradient; returns whether they
   * count correct rows.
   */
  boolean request(LossOutputs wanted, CommandFiles files, OutputType types, LossInputs loss) {
    return false;
  }

  /** A call of the operation, which writes a gradient unless that is null. */
  abstract LossCall on(LossInputs loss, @Nullable Tensor dx);

  static LossCall on(Loss operation, LossInputs loss, @Nullable Tensor dx) {
    return dx == null
        ? operation.on(loss.input(), loss.targets())
        : operation.on(loss.input(), loss.targets(), dx);
  }

  /** Sets the options that all losses have under the same names. */
  final <B extends ReducedBuilder<?>> B configured(B builder, LossInputs loss) {
    builder.execution(execution());
    builder.axis(loss.rows().axis());
    builder.reduction(reduction.ofLibrary());
    builder.emptyMean(emptyMean == null ? EmptyMean.NAN : emptyMean);
    if (denominator != null) {
      builder.denominator(denominator);
    }
    return numbers().applyTo(builder);
  }

  @Override
  final void compute(CommandFiles files) {
    Tensor x = files.replaceableFloats(input());
    requireType(x);
    LossInputs loss = read(rows(x, axis.in(x, input(), defaultAxis()), files), files);
    outputs.losses(losses(files, type.perRow(x), loss.rows().shape()));
    countsCorrect = request(outputs, files, type, loss);
    Tensor dx = files.create(gradient, type.like(x), x.shape());
    LossCall call = on(loss, dx);
    run(() -> reduce(call.inputs(loss.inputs()).outputs(outputs), loss));
  }

  private @Nullable Tensor losses(CommandFiles files, DType ofRows, long[] shape) {
    return reduction == LossReduction.NONE
        ? files.createOrShow(losses, "--losses L.npy", ofRows, shape)
        : files.create(losses, ofRows, shape);
  }

  private void reduce(LossCall call, LossInputs loss) {
    try {
      call.run();
    } catch (LabelException e) {
      throw WrongLabel.in(loss.rows(), e);
    } catch (EmptyMeanException e) {
      throw new CommandException(
          denominator == null
              ? "all rows are ignored, so the mean is undefined; set --empty-mean nan or zero"
              : "--denominator 0 makes the mean undefined; set --empty-mean nan or zero");
    }
  }

  @Override
  final void addTo(Map<String, Object> object, CommandFiles files) {
    new LossReport(outputs, reduction, countsCorrect).addTo(object, files.json());
  }

  @Override
  final List<String> facts() {
    return new LossReport(outputs, reduction, countsCorrect).facts();
  }

  @Override
  void require() {
    if (denominator != null) {
      CrossEntropy.builder().denominator(denominator);
    }
    requireMeanFor("--denominator", denominator);
    requireMeanFor("--empty-mean", emptyMean);
    if (denominator != null
        && gradient != null
        && reduction == LossReduction.MEAN
        && denominator > 0
        && Double.isInfinite(1 / denominator)) {
      throw new CommandException(
          message(
              "--denominator is %s; expected 0 or at least 5.6e-309 with --gradient",
              Numbers.text(denominator)));
    }
  }

  private void requireMeanFor(String option, @Nullable Object given) {
    if (given != null && reduction != LossReduction.MEAN) {
      throw new CommandException(
          message(
              "%s requires --reduction mean, which is %s; remove one of them",
              option, Converters.name(reduction)));
    }
  }
}
