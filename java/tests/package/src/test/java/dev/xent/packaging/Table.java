// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import dev.xent.packaging.Processes.Ended;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Situations, what was expected of them and what happened, as Markdown. */
final class Table {
  private static final int WIDTH = 150;

  private record Row(String situation, Expectation.Kind expected, String happened) {}

  private final List<Row> rows = new ArrayList<>();

  void add(String situation, Expectation expected, String happened) {
    rows.add(new Row(situation, expected.kind(), happened));
  }

  /**
   * What a program said, once where it said it several times, without what differs from run to run.
   */
  static String shortened(Ended program, Path folder) {
    String said =
        String.join(" · ", program.out().stream().distinct().toList())
            .replace(folder.toString(), "…")
            .replace(Package.JAR.toString(), "xent.jar")
            .replaceAll("/xent-\\d{6,}", "/xent-…")
            .replaceAll("\\b[0-9a-f]{64}\\b", "…");
    return said.length() <= WIDTH ? said : said.substring(0, WIDTH - 1) + "…";
  }

  @Override
  public String toString() {
    StringBuilder text =
        new StringBuilder("| situation | expected | what happened |\n|---|---|---|\n");
    for (Row row : rows) {
      text.append("| %s | %s | %s |\n".formatted(row.situation(), row.expected(), row.happened()));
    }
    return text.append(rows.size()).append(" situations").toString();
  }
}
