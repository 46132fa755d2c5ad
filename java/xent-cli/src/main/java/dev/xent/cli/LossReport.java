// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.LossOutputs;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The output of a loss command.
 *
 * @param reduction the requested one
 * @param loss reduced
 * @param rows the number of rows
 * @param counted the number of rows that are not ignored
 * @param denominator the divisor of a mean
 * @param correct the number of rows whose label has the largest logit; -1 without labels
 * @param used the backend, instruction set and threads
 */
record LossReport(
    LossReduction reduction,
    double loss,
    long rows,
    long counted,
    double denominator,
    long correct,
    Used used) {

  /** The report of the outputs of a loss. */
  static LossReport of(LossOutputs outputs, LossReduction reduction, Used used) {
    return new LossReport(
        reduction,
        outputs.loss(),
        outputs.rows(),
        outputs.validRows(),
        outputs.denominator(),
        outputs.correctCount(),
        used);
  }

  /**
   * One object on one line; scripts depend on its members.
   *
   * @param losses of the rows, if requested without a file; otherwise null
   */
  String json(@Nullable List<Object> losses) {
    Map<String, Object> object = new LinkedHashMap<>();
    if (losses != null) {
      object.put("losses", losses);
    }
    object.put("loss", reduction == LossReduction.NONE ? null : Json.number(loss));
    object.put("reduction", Converters.name(reduction));
    object.put("rows", rows);
    object.put("valid_rows", counted);
    object.put("denominator", Json.number(denominator));
    object.put("correct", correct < 0 ? null : correct);
    object.put("accuracy", accuracy());
    object.put("backend", used.backend());
    object.put("isa", used.isa());
    object.put("threads", used.threads());
    return Json.line(object);
  }

  /** The report as text, with one fact per line. */
  String text() {
    StringBuilder text = new StringBuilder();
    if (reduction != LossReduction.NONE) {
      line(text, "loss", message("%s (%s)", Numbers.text(loss), Converters.name(reduction)));
    }
    line(text, "rows", message("%d, %d valid", rows, counted));
    if (reduction != LossReduction.NONE) {
      line(text, "denominator", Numbers.text(denominator));
    }
    if (correct >= 0) {
      Double accuracy = accuracy();
      line(
          text,
          "correct",
          accuracy == null
              ? "0 of 0"
              : message("%d of %d, accuracy %.6f", correct, counted, accuracy));
    }
    line(text, "computed by", used.text());
    return text.toString().stripTrailing();
  }

  /** Correct rows divided by counted rows; null for probability targets, or if no row counts. */
  private @Nullable Double accuracy() {
    return correct >= 0 && counted > 0 ? (double) correct / counted : null;
  }

  private static void line(StringBuilder text, String name, String value) {
    text.append(message("%-13s%s%n", name, value));
  }
}
