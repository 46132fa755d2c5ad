// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import dev.xent.XentRuntime;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A table for the terminal, a hundred columns wide: the shapes of each operation, and for each
 * kernel the time per element and the share of the speed of memory.
 */
final class TextReport {
  private static final int WIDTH = 100;
  private static final int SHAPE = 17;
  private static final String MEMORY = "%8s";
  private static final String TIER = "%8s%6s";
  private static final String HEAD = "%14s";
  private static final int BEFORE_BAR = 2;
  private static final String EIGHTHS = " ▏▎▍▌▋▊▉";
  private static final char FULL = '█';

  private final PrintWriter out;
  private final boolean blocks;

  /**
   * Creates a table that is printed at once.
   *
   * @param encoding of the terminal, which may lack the block characters for bars
   */
  TextReport(PrintWriter out, Charset encoding) {
    this.out = out;
    this.blocks = encoding.canEncode() && encoding.newEncoder().canEncode(EIGHTHS + FULL);
  }

  /** Prints everything. */
  void print(Machine machine, List<Result> results) {
    out.printf(Locale.ROOT, "%s, %s%n", machine.cpu(), cores(machine.cores()));
    out.printf(Locale.ROOT, "%s%n%s%n", machine.jdk(), XentRuntime.get());
    out.printf(
        Locale.ROOT,
        "%nNanoseconds per element, and their share of the memory's speed; the bar is the last column's.%n");
    Result.by(Result::operation, results).forEach(this::print);
  }

  private static String cores(int cores) {
    return cores == 1 ? "1 core" : cores + " cores";
  }

  private void print(Operation operation, List<Result> results) {
    Map<Shape, List<Result>> rows = Result.by(Result::shape, results);
    StringBuilder head = new StringBuilder();
    head.append(left("  shape")).append(message(MEMORY, operation.limit()));
    rows.values().iterator().next().forEach(r -> head.append(message(HEAD, r.tier().label())));
    out.printf(Locale.ROOT, "%n%s%n%s%n", operation, head.toString().stripTrailing());
    rows.values().forEach(this::row);
    out.flush();
  }

  private void row(List<Result> tiers) {
    Result last = tiers.getLast();
    StringBuilder line = new StringBuilder(left("  " + last.shape()));
    line.append(message(MEMORY, Figures.number(last.limit())));
    for (Result result : tiers) {
      line.append(
          message(
              TIER, Figures.number(result.nanoseconds().median()), Figures.share(result.share())));
    }
    line.append(" ".repeat(BEFORE_BAR));
    line.append(bar(last.share(), WIDTH - line.length()));
    out.println(line.toString().stripTrailing());
  }

  private static String left(String text) {
    return message("%-" + SHAPE + "s", text);
  }

  /** A bar, whose full length is the speed of memory; faster results do not exceed it. */
  private String bar(double share, int room) {
    int eighths = (int) Math.round(Math.min(share, 1) * Math.max(room, 0) * EIGHTHS.length());
    if (!blocks) {
      return "#".repeat(Math.round((float) eighths / EIGHTHS.length()));
    }
    return String.valueOf(FULL).repeat(eighths / EIGHTHS.length())
        + EIGHTHS.charAt(eighths % EIGHTHS.length());
  }
}
