// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.LossOutputs;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The report of a loss command.
 *
 * @param outputs of the call
 * @param reduction the requested one
 * @param used the backend, instruction set and threads
 */
record LossReport(LossOutputs outputs, LossReduction reduction, Used used) {

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
    object.put("loss", reduction == LossReduction.NONE ? null : Json.number(outputs.loss()));
    object.put("reduction", Converters.name(reduction));
    object.put("rows", outputs.rows());
    object.put("valid_rows", outputs.validRows());
    object.put("denominator", Json.number(outputs.denominator()));
    object.put("correct", correct() < 0 ? null : correct());
    object.put("accuracy", accuracy());
    used.addTo(object);
    return Json.line(object);
  }

  /** The report as text, with one fact per line. */
  String text() {
    StringBuilder text = new StringBuilder();
    if (reduction != LossReduction.NONE) {
      line(
          text,
          "loss",
          message("%s (%s)", Numbers.text(outputs.loss()), Converters.name(reduction)));
    }
    line(text, "rows", message("%d, %d valid", outputs.rows(), outputs.validRows()));
    if (reduction != LossReduction.NONE) {
      line(text, "denominator", Numbers.text(outputs.denominator()));
    }
    if (correct() >= 0) {
      Double accuracy = accuracy();
      line(
          text,
          "correct",
          accuracy == null
              ? "0 of 0"
              : message("%d of %d, accuracy %.6f", correct(), outputs.validRows(), accuracy));
    }
    line(text, "computed by", used.text());
    return text.toString().stripTrailing();
  }

  /** Correct rows divided by counted rows; null for probability targets, or if no row counts. */
  private @Nullable Double accuracy() {
    long counted = outputs.validRows();
    return correct() >= 0 && counted > 0 ? (double) correct() / counted : null;
  }

  /** The number of rows whose label has the largest logit; -1 without labels. */
  private long correct() {
    return outputs.correctCount();
  }

  private static void line(StringBuilder text, String name, String value) {
    text.append(message("%-13s%s%n", name, value));
  }
}
