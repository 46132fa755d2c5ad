// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.calibration.Calibration;
import dev.xent.calibration.CalibrationBin;

/**
 * A reliability diagram as SVG: the accuracy of each bin at its mean confidence, before and after a
 * temperature, with the number of its rows as the area of its dot. The diagonal is right. A dot has
 * its numbers as a tooltip. The file refers to no other files.
 */
final class ReliabilityDiagram {
  private static final int LEFT = 60;
  private static final int TOP = 84;
  private static final int SIZE = 400;
  private static final String[] NAMES = {"before", "after"};
  private static final double LARGEST_DOT = 16;
  private static final double SMALLEST_DOT = 2.5;

  private static final String STYLE =
      """
      <style>
        svg { font: 12px system-ui, sans-serif; background: #fff; color: #1c2330 }
        text { fill: currentColor } .title { font-size: 18px; font-weight: 600 }
        .soft { opacity: .7 } .end { text-anchor: end } .middle { text-anchor: middle }
        line, path { stroke: currentColor; fill: none } .grid { stroke-opacity: .12 }
        .right { stroke-opacity: .6; stroke-dasharray: 5 4 }
        .before { stroke: #d97706 } .after { stroke: #2563eb }
        circle.before { fill: #d97706; fill-opacity: .45 }
        circle.after { fill: #2563eb; fill-opacity: .45 }
        @media (prefers-color-scheme: dark) { svg { background: #14181f; color: #e6e9ef } }
      </style>
      """;

  private final StringBuilder drawn = new StringBuilder();

  private ReliabilityDiagram() {}

  /** The diagram of two calibrations of the same rows. */
  static String svg(Calibration before, Calibration after, double temperature) {
    ReliabilityDiagram diagram = new ReliabilityDiagram();
    diagram.text(LEFT - 40, 28, "title", "Reliability");
    diagram.text(
        LEFT - 40,
        48,
        "soft",
        message("%d rows; the area of a dot is the number of its rows", after.rows()));
    diagram.axes();
    diagram.bins(before, 0, message("temperature 1: error %.4f", before.expectedError()));
    diagram.bins(
        after, 1, message("temperature %.4g: error %.4f", temperature, after.expectedError()));
    return message(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">%n%s%s</svg>%n",
        LEFT + SIZE + 40, TOP + SIZE + 60, STYLE, diagram.drawn);
  }

  private void axes() {
    for (int i = 0; i <= 10; i += 2) {
      double share = i / 10.0;
      line(x(share), y(0), x(share), y(1), "grid");
      line(x(0), y(share), x(1), y(share), "grid");
      text(x(share), y(0) + 18, "soft middle", message("%.1f", share));
      text(x(0) - 8, y(share) + 4, "soft end", message("%.1f", share));
    }
    line(x(0), y(0), x(1), y(1), "right");
    text(x(0.5), y(0) + 40, "middle", "confidence");
    drawn.append(
        message(
            "<text transform=\"translate(%d %.1f) rotate(-90)\" class=\"middle\">accuracy</text>%n",
            LEFT - 42, y(0.5)));
  }

  private void bins(Calibration of, int series, String name) {
    String style = NAMES[series];
    double x = LEFT + series * 200;
    drawn.append(message("<circle cx=\"%.1f\" cy=\"66\" r=\"5\" class=\"%s\"/>%n", x, style));
    text(x + 12, 70, "", name);
    StringBuilder path = new StringBuilder();
    for (CalibrationBin bin : of.bins()) {
      if (bin.count() > 0) {
        path.append(path.isEmpty() ? 'M' : 'L');
        path.append(message("%.1f %.1f", x(bin.confidence()), y(bin.accuracy())));
      }
    }
    drawn.append(message("<path d=\"%s\" class=\"%s\"/>%n", path, style));
    for (CalibrationBin bin : of.bins()) {
      if (bin.count() > 0) {
        double radius = LARGEST_DOT * Math.sqrt((double) bin.count() / of.rows());
        drawn.append(
            message(
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%s\"><title>%d rows of %.4f to"
                    + " %.4f: confidence %.4f, accuracy %.4f</title></circle>%n",
                x(bin.confidence()),
                y(bin.accuracy()),
                Math.max(radius, SMALLEST_DOT),
                style,
                bin.count(),
                bin.lower(),
                bin.upper(),
                bin.confidence(),
                bin.accuracy()));
      }
    }
  }

  private static double x(double share) {
    return LEFT + SIZE * share;
  }

  private static double y(double share) {
    return TOP + SIZE * (1 - share);
  }

  private void line(double x1, double y1, double x2, double y2, String style) {
    String format = "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>%n";
    drawn.append(message(format, x1, y1, x2, y2, style));
  }

  private void text(double x, double y, String style, String text) {
    drawn.append(
        message("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>%n", x, y, style, text));
  }
}
