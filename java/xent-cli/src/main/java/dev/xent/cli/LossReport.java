// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.CrossEntropy;
import dev.xent.options.Reduction;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a loss command prints.
 *
 * @param reduction as asked for
 * @param outcome of the call
 * @param labels whether the targets were labels, so that some of them were hit
 * @param used what computed it
 */
record LossReport(Reduction reduction, CrossEntropy.Outcome outcome, boolean labels, Used used) {

  /** One object on one line; scripts depend on its members. */
  String json() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("loss", Json.number(outcome.loss()));
    object.put("reduction", Converters.name(reduction));
    object.put("rows", outcome.rows());
    object.put("counted", outcome.counted());
    object.put("denominator", Json.number(outcome.denominator()));
    object.put("correct", labels ? outcome.correct() : null);
    object.put("accuracy", accuracy());
    object.put("backend", used.backend());
    object.put("isa", used.isa());
    object.put("threads", used.threads());
    return Json.line(object);
  }

  /** A line per fact. */
  String text() {
    StringBuilder text = new StringBuilder();
    line(
        text,
        "loss",
        String.format(
            Locale.ROOT, "%s (%s)", Numbers.text(outcome.loss()), Converters.name(reduction)));
    line(
        text,
        "rows",
        String.format(Locale.ROOT, "%d, %d counted", outcome.rows(), outcome.counted()));
    line(text, "denominator", Numbers.text(outcome.denominator()));
    if (labels) {
      Double accuracy = accuracy();
      line(
          text,
          "correct",
          accuracy == null
              ? "0 of 0"
              : String.format(
                  Locale.ROOT,
                  "%d of %d, accuracy %.6f",
                  outcome.correct(),
                  outcome.counted(),
                  accuracy));
    }
    line(text, "computed by", used.text());
    return text.toString().stripTrailing();
  }

  /** Hits per counted row; null for probability targets and where no row counts. */
  private @Nullable Double accuracy() {
    return labels && outcome.counted() > 0 ? (double) outcome.correct() / outcome.counted() : null;
  }

  private static void line(StringBuilder text, String name, String value) {
    text.append(String.format(Locale.ROOT, "%-13s%s%n", name, value));
  }
}
