// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.LossOutputs;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The report of a loss command.
 *
 * @param outputs of the call
 * @param reduction the requested one
 * @param countsCorrect whether the call counted correct rows
 */
record LossReport(LossOutputs outputs, LossReduction reduction, boolean countsCorrect) {

  /**
   * Adds the members of the JSON object, on which scripts depend.
   *
   * @param losses of the rows, if requested without a file; otherwise null
   */
  void addTo(Map<String, Object> object, @Nullable List<Object> losses) {
    if (losses != null) {
      object.put("losses", losses);
    }
    object.put("loss", reduction == LossReduction.NONE ? null : Json.number(outputs.loss()));
    object.put("reduction", Converters.name(reduction));
    object.put("rows", outputs.rows());
    object.put("valid_rows", outputs.validRows());
    object.put("denominator", Json.number(outputs.denominator()));
    object.put("correct", countsCorrect ? outputs.correctRows() : null);
    object.put("accuracy", accuracy());
  }

  /** The report as text, with one fact per line. */
  List<String> facts() {
    List<String> facts = new ArrayList<>();
    boolean reduced = reduction != LossReduction.NONE;
    if (reduced) {
      facts.add(
          message(
              "loss         %s (%s)", Numbers.text(outputs.loss()), Converters.name(reduction)));
    }
    facts.add(message("rows         %d, %d valid", outputs.rows(), outputs.validRows()));
    if (reduced) {
      facts.add("denominator  " + Numbers.text(outputs.denominator()));
    }
    if (countsCorrect) {
      Double accuracy = accuracy();
      facts.add(
          accuracy == null
              ? "correct      0 of 0"
              : message(
                  "correct      %d of %d, accuracy %.6f",
                  outputs.correctRows(), outputs.validRows(), accuracy));
    }
    return facts;
  }

  /** Correct rows divided by counted rows; null for probability targets, or if no row counts. */
  private @Nullable Double accuracy() {
    long counted = outputs.validRows();
    return countsCorrect && counted > 0 ? (double) outputs.correctRows() / counted : null;
  }
}
