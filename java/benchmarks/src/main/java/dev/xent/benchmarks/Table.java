// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/**
 * The Markdown table of every operation.
 *
 * @param candidates of the run
 * @param goals to compare with the measured ratios
 */
record Table(List<Candidate> candidates, Goals goals) {
  private static final String XENT = "xent";

  /** The tables of all operations, each under its name. */
  String of(List<Row> rows) {
    StringBuilder text = new StringBuilder();
    for (Operation operation : Operation.values()) {
      List<Row> own = rows.stream().filter(row -> row.what().operation() == operation).toList();
      if (!own.isEmpty()) {
        text.append("\n### ").append(operation).append("\n\n").append(section(own));
      }
    }
    return text.toString();
  }

  private String section(List<Row> rows) {
    List<String> columns =
        candidates.stream()
            .map(Candidate::name)
            .filter(name -> rows.stream().anyMatch(row -> took(row, name)))
            .toList();
    List<String> head = new ArrayList<>(List.of("shape"));
    head.addAll(columns);
    head.addAll(
        List.of("xent : best peer", "xent : memcpy", "xent : read", "goals: reached of wanted"));
    StringBuilder text = new StringBuilder(line(head));
    text.append("|---|").append("---:|".repeat(head.size() - 2)).append("---|\n");
    rows.forEach(row -> text.append(line(cells(row, columns))));
    return text.toString();
  }

  private static boolean took(Row row, String name) {
    return row.perElement(name).isPresent() || row.failed(name);
  }

  private List<String> cells(Row row, List<String> columns) {
    List<String> peers = peers();
    OptionalDouble best = row.fastest(peers);
    List<String> cells = new ArrayList<>(List.of(row.what().shape().toString()));
    for (String name : columns) {
      OptionalDouble time = row.perElement(name);
      boolean bold = peers.contains(name) && time.isPresent() && time.equals(best);
      cells.add(row.failed(name) ? "wrong" : bold ? "**" + number(time) + "**" : number(time));
    }
    OptionalDouble xent = row.perElement(XENT);
    cells.add(times(best, xent));
    cells.add(times(Bounds.perElement(row, "memcpy"), xent));
    cells.add(times(Bounds.perElement(row, "read"), xent));
    cells.add(
        goals.of(row).stream()
            .map(goal -> goal(goal, goal.reached(row, peers)))
            .filter(text -> !text.isEmpty())
            .collect(Collectors.joining("; ")));
    return cells;
  }

  private List<String> peers() {
    return candidates.stream()
        .filter(candidate -> candidate.kind() == Candidate.Kind.PEER)
        .map(Candidate::name)
        .toList();
  }

  private static String goal(Goals.Goal goal, OptionalDouble reached) {
    if (reached.isEmpty()) {
      return "";
    }
    return String.format(
        Locale.ROOT,
        "%s%s %.2f of %.2f %s",
        goal.candidate().equals(XENT) ? "" : goal.candidate() + " : ",
        goal.against(),
        reached.getAsDouble(),
        goal.factor(),
        reached.getAsDouble() >= goal.factor() ? "✓" : "✗");
  }

  private static String times(OptionalDouble other, OptionalDouble xent) {
    return other.isPresent() && xent.isPresent()
        ? String.format(Locale.ROOT, "%.2f", other.getAsDouble() / xent.getAsDouble())
        : "";
  }

  /** A number with three significant digits. */
  private static String number(OptionalDouble nanos) {
    if (nanos.isEmpty()) {
      return "";
    }
    double value = nanos.getAsDouble();
    return String.format(Locale.ROOT, value < 1 ? "%.4f" : value < 10 ? "%.2f" : "%.1f", value);
  }

  private static String line(List<String> cells) {
    return cells.stream().collect(Collectors.joining(" | ", "| ", " |\n"));
  }
}
