// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import dev.xent.XentRuntime;
import java.util.List;

/**
 * A chart of all results, as SVG: for each operation and shape, a dot per kernel at its share of
 * the speed of memory. A dot has its numbers as a tooltip. The file refers to no other files.
 */
final class Chart {
  private static final int WIDTH = 820;
  private static final int LEFT = 200;
  private static final int RIGHT = 740;
  private static final int ROW = 20;
  private static final int HEAD = 96;
  private static final double BEYOND = 1.15;
  private static final int PERCENT = 100;

  /** Colors of the kernels, from slow to fast, on a light and on a dark background. */
  private static final String[] COLORS = {"#8a8f98", "#e08a1e", "#2a9d8f", "#5b6ee1"};

  private static final String STYLE =
      """
      <style>
        svg { font: 12px system-ui, sans-serif; background: #fff; color: #1c2330 }
        text { fill: currentColor } .title { font-size: 18px; font-weight: 600 }
        .name { font-weight: 600 } .soft { opacity: .7 } .end { text-anchor: end }
        .middle { text-anchor: middle } line { stroke: currentColor; stroke-opacity: .15 }
        .memory { stroke-opacity: .8; stroke-dasharray: 5 4 }
        @media (prefers-color-scheme: dark) { svg { background: #14181f; color: #e6e9ef } }
      </style>
      """;

  private final StringBuilder drawn = new StringBuilder();
  private final List<String> tiers;
  private final double least;
  private final double most;

  private Chart(List<Result> results) {
    tiers = results.stream().map(result -> result.tier().label()).distinct().toList();
    double lowest = results.stream().mapToDouble(Result::share).min().orElseThrow();
    double highest = results.stream().mapToDouble(Result::share).max().orElseThrow();
    least = Math.floor(Math.log10(Math.min(lowest, 1 / BEYOND)));
    most = Math.log10(BEYOND * Math.max(highest, 1));
  }

  /** The chart of at least one result. */
  static String svg(Machine machine, List<Result> results) {
    Chart chart = new Chart(results);
    chart.text(0, 28, "title", "Xent on " + machine.cpu());
    chart.text(0, 48, "soft", message("%s, %s", machine.jdk(), XentRuntime.get()));
    chart.text(
        0, 66, "soft", "Share of the speed of memory, on a logarithmic scale; dashed: its speed.");
    for (int i = 0; i < chart.tiers.size(); i++) {
      chart.dot(6 + i * 100, HEAD - 10, i, "");
      chart.text(16 + i * 100, HEAD - 6, "", chart.tiers.get(i));
    }
    int top = HEAD;
    for (List<Result> operation : Result.by(Result::operation, results).values()) {
      top = chart.operation(operation, top);
    }
    return message(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-20 0 %d %d\">%n%s%s</svg>%n",
        WIDTH + 20, top + ROW, STYLE, chart.drawn);
  }

  /** Draws an operation below a position; returns the position below it. */
  private int operation(List<Result> results, int top) {
    List<List<Result>> shapes = List.copyOf(Result.by(Result::shape, results).values());
    int first = top + 2 * ROW;
    int bottom = first + shapes.size() * ROW;
    text(0, top + ROW, "name", results.getFirst().operation().toString());
    for (int power = (int) least; power <= 0; power++) {
      double share = Math.pow(10, power);
      line(x(share), first - ROW / 2, x(share), bottom - ROW / 2, power == 0 ? "memory" : "");
      String percent = "%." + Math.max(0, -power - 2) + "f%%";
      text(x(share), bottom + 4, "soft middle", message(percent, PERCENT * share));
    }
    for (int i = 0; i < shapes.size(); i++) {
      shape(shapes.get(i), first + i * ROW);
    }
    return bottom + ROW;
  }

  private void shape(List<Result> kernels, int y) {
    text(0, y + 4, "", kernels.getFirst().shape().toString());
    line(LEFT, y, RIGHT, y, "");
    for (Result result : kernels) {
      String numbers =
          message(
              "%s %s, %s: %s ns per element, %s GB/s, %s of the speed of memory (%s)",
              result.operation(),
              result.shape(),
              result.tier().label(),
              Figures.number(result.nanoseconds().median()),
              Figures.number(result.bandwidth()),
              Figures.share(result.share()),
              result.operation().limit());
      dot(x(result.share()), y, tiers.indexOf(result.tier().label()), numbers);
    }
    text(WIDTH - 10, y + 4, "end", Figures.share(kernels.getLast().share()));
  }

  private double x(double share) {
    return LEFT + (RIGHT - LEFT) * (Math.log10(share) - least) / (most - least);
  }

  private void line(double x1, double y1, double x2, double y2, String style) {
    String format = "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>%n";
    drawn.append(message(format, x1, y1, x2, y2, style));
  }

  private void dot(double x, double y, int tier, String tooltip) {
    String format =
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\"><title>%s</title></circle>%n";
    drawn.append(message(format, x, y, COLORS[tier % COLORS.length], escaped(tooltip)));
  }

  private void text(double x, double y, String style, String text) {
    String format = "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>%n";
    drawn.append(message(format, x, y, style, escaped(text)));
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
