// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.CrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.Tensor;
import dev.xent.errors.LabelException;
import dev.xent.options.Reduction;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent perplexity}: how well logits predict the next token, from files of any size. */
@Command(
    name = "perplexity",
    header = "Perplexity of the logits of a language model.",
    customSynopsis = "xent perplexity LOGITS TOKENS [OPTIONS]",
    description = {
      "The logits of position t are scored with token t + 1 of the same sequence.",
      "TOKENS are what the model has read, or, with --no-shift, labels.",
      "Prints nats and bits per token, and the perplexity. The sum is exact."
    },
    footer = {
      "Examples:",
      "  xent perplexity logits.npy tokens.npy",
      "  xent perplexity logits.npy tokens.npy --ignore-index -100 --json",
      "  xent perplexity run.safetensors:logits run.safetensors:labels --no-shift"
    })
final class PerplexityCommand extends FileCommand {
  /** Few enough bytes for a smooth bar, enough for all threads. */
  private static final long BLOCK = 16L << 20;

  private static final double LOG_2 = StrictMath.log(2);

  @Parameters(
      index = "0",
      paramLabel = "LOGITS",
      description =
          "FILE.npy or FILE.safetensors:NAME of any size: f16, bf16, f32 or f64 in the shape"
              + " [.., positions, classes].")
  private InputFile logits;

  @Parameters(
      index = "1",
      paramLabel = "TOKENS",
      description = "FILE.npy or FILE.safetensors:NAME: integers in the shape [.., positions].")
  private InputFile tokens;

  @Option(
      names = ShiftHint.NO_SHIFT,
      description = "TOKENS are labels: score the logits of position t with label t.")
  private boolean noShift;

  @Option(
      names = "--ignore-index",
      paramLabel = "I",
      description = "Do not score this token, such as padding. Default: none.")
  private @Nullable Long ignoreIndex;

  private final NumberOptions numbers =
      new NumberOptions(
          NumberFlags.OF_OPERATIONS,
          CrossEntropy.Builder.class,
          "labelSmoothing",
          "zLoss",
          "probabilityClamp",
          "focalGamma");

  private LossSum sum;
  private @Nullable String hint;

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    operation();
  }

  private CrossEntropy operation() {
    CrossEntropy.Builder builder = numbers.applyTo(CrossEntropy.builder());
    if (ignoreIndex != null) {
      builder.ignoreIndex(ignoreIndex);
    }
    return builder.reduction(Reduction.SUM).execution(execution()).build();
  }

  @Override
  void compute(CommandFiles files) {
    Tensor x = files.floats(logits);
    Tensor t = files.integers(tokens);
    requireShapes(x.shape(), t.shape());
    CrossEntropy operation = operation();
    sum = LossSum.create();
    LabelledRows asTokens = LabelledRows.shifted(x, t);
    LabelledRows asLabels = new LabelledRows(x, t);
    LabelledRows rows = noShift ? asLabels : asTokens;
    long withoutLoss = add(operation, rows.blocks(BLOCK), x);
    if (sum.validRows() == 0) {
      throw nothing(t);
    }
    hint =
        withoutLoss < 0
            ? ShiftHint.of(operation, sum.mean(), asTokens, asLabels, noShift)
            : message(
                "the loss of token %s is nan; check its logits, which hold nan or inf",
                place(x, withoutLoss));
  }

  private void requireShapes(long[] x, long[] t) {
    if (x.length < 2) {
      throw new CommandException(
          message(
              "%s has shape %s; expected logits of shape [.., positions, classes]",
              logits, Arrays.toString(x)));
    }
    long[] expected = Arrays.copyOf(x, x.length - 1);
    if (!Arrays.equals(t, expected)) {
      throw new CommandException(
          message(
              "%s has shape %s, %s %s; expected %s, one token per position%s",
              tokens,
              Arrays.toString(t),
              logits,
              Arrays.toString(x),
              Arrays.toString(expected),
              fix(t, expected)));
    }
  }

  /** What to do about tokens that are one more or one less; else nothing. */
  private String fix(long[] t, long[] expected) {
    int last = expected.length - 1;
    boolean near =
        t.length == expected.length
            && Arrays.equals(t, 0, last, expected, 0, last)
            && Math.abs(t[last] - expected[last]) == 1;
    if (!near) {
      return "";
    }
    return (t[last] < expected[last]
            ? ": if these are labels without the first token, save logits[..., :-1, :]"
            : ": if the logits are without the last position, save tokens[..., 1:]")
        + (noShift ? "" : " and pass " + ShiftHint.NO_SHIFT);
  }

  /** Adds all losses to the sum; returns the first row whose loss is NaN, or -1. */
  private long add(CrossEntropy operation, List<LabelledRows> blocks, Tensor x) {
    LossOutputs outputs = LossOutputs.create().lossSum(sum);
    long withoutLoss = -1;
    Progress progress = progress(blocks.size());
    try (progress) {
      for (LabelledRows block : blocks) {
        long first = sum.rows();
        operation.on(block.logits(), block.labels()).outputs(outputs).run();
        if (withoutLoss < 0 && Double.isNaN(outputs.loss())) {
          withoutLoss = first + withoutLoss(operation, block);
        }
        progress.step();
      }
    } catch (LabelException e) {
      String place = place(x, sum.rows() + e.row());
      throw WrongLabel.of(message("token %s at %s", e.labelText(), place), e);
    }
    return withoutLoss;
  }

  /** The first row of a block whose loss is NaN. */
  private static long withoutLoss(CrossEntropy operation, LabelledRows block) {
    LossOutputs outputs = LossOutputs.create();
    long row = -1;
    for (LabelledRows each : block.blocks(1)) {
      row++;
      operation.on(each.logits(), each.labels()).outputs(outputs).run();
      if (Double.isNaN(outputs.loss())) {
        break;
      }
    }
    return row;
  }

  /** The place in TOKENS of the token of a row, in the form of {@code verify}. */
  private String place(Tensor x, long row) {
    long positions = x.dim(-2);
    long scored = noShift ? positions : positions - 1;
    return Rows.of(x, x.rank() - 1, null)
        .place(row / scored * positions + row % scored + positions - scored);
  }

  private CommandException nothing(Tensor t) {
    if (sum.rows() > 0) {
      return new CommandException(
          message(
              "no token is scored: each is --ignore-index %d; correct one of them", ignoreIndex));
    }
    return new CommandException(
        message(
            "no token is scored: %s has shape %s; expected %s",
            tokens,
            Arrays.toString(t.shape()),
            noShift ? "one token or more" : "two tokens or more in a sequence"));
  }

  private double bits() {
    return sum.mean() / LOG_2;
  }

  /** The same on every machine. */
  private double perplexity() {
    return StrictMath.exp(sum.mean());
  }

  @Override
  void addTo(Map<String, Object> object, CommandFiles files) {
    object.put("tokens", sum.validRows());
    object.put("ignored", sum.rows() - sum.validRows());
    object.put("nats", Json.number(sum.sum()));
    object.put("nats_per_token", Json.number(sum.mean()));
    object.put("bits_per_token", Json.number(bits()));
    object.put("perplexity", Json.number(perplexity()));
  }

  @Override
  List<String> facts() {
    return List.of(
        message(
            "tokens       %d scored, %d ignored", sum.validRows(), sum.rows() - sum.validRows()),
        message("nats         %s per token", Numbers.text(sum.mean())),
        message("bits         %s per token", Numbers.text(bits())),
        message("perplexity   %s", Numbers.text(perplexity())));
  }

  @Override
  @Nullable String hint() {
    return hint;
  }
}
