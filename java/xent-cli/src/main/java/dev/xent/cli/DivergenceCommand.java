// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Divergence;
import dev.xent.Inputs;
import dev.xent.LossCall;
import dev.xent.Tensor;
import dev.xent.options.DivergenceKind;
import dev.xent.options.FullyMasked;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent divergence}: the divergence of a student's logits from its teacher's. */
@Command(
    name = "divergence",
    header = "Divergence of a student's logits from a teacher's, and its gradient.",
    customSynopsis = "xent divergence LOGITS.npy TEACHER.npy [OPTIONS]",
    description = {
      "Per row, q and p the softmax of teacher and student, m = (p + q) / 2:",
      "kullback-leibler sum q (log q - log p), jensen-shannon",
      "sum (q log(q / m) + p log(p / m)) / 2, total-variation sum |p - q| / 2."
    },
    footer = {
      "Examples:",
      "  xent divergence student.npy teacher.npy --temperature 2",
      "  xent divergence student.npy teacher.npy --gradient g.npy --json"
    })
final class DivergenceCommand extends ReducedCommand {
  @Parameters(
      index = "0",
      paramLabel = "LOGITS.npy",
      description = "The student's logits: f16, bf16, f32 or f64.")
  private InputFile logits;

  @Parameters(
      index = "1",
      paramLabel = "TEACHER.npy",
      description = "The teacher's, in the same shape, of any of these types.")
  private InputFile teacher;

  @Option(
      names = "--kind",
      paramLabel = "D",
      description =
          "kullback-leibler, jensen-shannon or total-variation. Default: kullback-leibler.")
  private DivergenceKind kind = DivergenceKind.KULLBACK_LEIBLER;

  @Option(
      names = "--fully-masked",
      paramLabel = "P",
      description = "Result of a row with one side all -inf or masked: nan or zero. Default: nan.")
  private FullyMasked fullyMasked = FullyMasked.NAN;

  @Option(
      names = "--class-mask",
      paramLabel = "M.npy",
      description =
          "Which classes take part, on both sides: booleans or u8 in the shape of the logits, or"
              + " one per class. An axis of size 1 holds for all.")
  private @Nullable InputFile mask;

  @Mixin private InputOptions.RowWeights rowWeights;

  private final NumberOptions numbers =
      new NumberOptions(NumberFlags.OF_OPERATIONS, Divergence.Builder.class);

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    super.require();
    numbers.applyTo(Divergence.builder(kind));
  }

  @Override
  InputFile input() {
    return logits;
  }

  /** Allows every combination of types, because everything is computed in double. */
  @Override
  void requireType(Tensor x) {}

  @Override
  LossInputs read(Rows rows, CommandFiles files) {
    Tensor other = files.floats(teacher);
    Inputs inputs = InputOptions.of(rows, files, rowWeights);
    if (mask != null) {
      inputs = inputs.withClassMask(files.flags(mask));
    }
    return new LossInputs(rows, other, TargetKind.TEACHER, null, null, inputs);
  }

  @Override
  LossCall on(LossInputs loss, @Nullable Tensor dx) {
    return on(
        configured(Divergence.builder(kind), loss).fullyMasked(fullyMasked).build(), loss, dx);
  }
}
