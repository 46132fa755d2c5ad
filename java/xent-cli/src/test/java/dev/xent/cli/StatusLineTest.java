// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;
import me.tongfei.progressbar.ProgressBar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StatusLineTest {
  private final ByteArrayOutputStream written = new ByteArrayOutputStream();

  static IntStream widths() {
    return IntStream.of(1, 2, 5, 11, 20, 40, 60, 79, 80, 81, 200);
  }

  @ParameterizedTest
  @MethodSource("widths")
  void aBarStaysOnOneLineAndLeavesNothing(int columns) {
    try (StatusLine line = line(() -> columns);
        ProgressBar bar = Progress.bar("softmax", 72, line)) {
      for (int step = 0; step <= 72; step += 8) {
        bar.stepTo(step);
        bar.refresh();
      }
    }
    assertThat(screen(columns)).containsExactly("");
  }

  @ParameterizedTest
  @MethodSource("widths")
  void aMovingMarkStaysOnOneLineAndLeavesNothing(int columns) {
    try (StatusLine line = line(() -> columns);
        ProgressBar bar = Progress.bar("making room", Progress.UNKNOWN, line)) {
      bar.refresh();
      bar.refresh();
    }
    assertThat(screen(columns)).containsExactly("");
  }

  @Test
  void aShorterTextLeavesNothingOfALongerOne() {
    StatusLine line = line(() -> 20);
    line.accept("a long text");
    line.accept("short");
    assertThat(screen(20)).containsExactly("short");
    line.accept("a text that is longer than the line");
    assertThat(screen(20)).containsExactly("a text that is long");
    line.close();
    assertThat(screen(20)).containsExactly("");
  }

  @Test
  void asksForTheWidthAgain() {
    int[] columns = {40};
    StatusLine line = line(() -> columns[0]);
    line.accept("x".repeat(60));
    columns[0] = 10;
    line.accept("x".repeat(60));
    line.close();
    line.accept("late");
    assertThat(Arrays.stream(written.toString().split("\r", -1)).map(String::length))
        .containsExactly(0, 39, 9, 9, 0);
  }

  private StatusLine line(IntSupplier columns) {
    return new StatusLine(new PrintStream(written, true), columns);
  }

  /** The lines that a terminal ends up with, without the spaces at their ends. */
  private List<String> screen(int columns) {
    List<StringBuilder> lines = new ArrayList<>(List.of(new StringBuilder()));
    int column = 0;
    for (char character : written.toString().toCharArray()) {
      if (character == '\r') {
        column = 0;
        continue;
      }
      if (column == columns) {
        lines.add(new StringBuilder());
        column = 0;
      }
      StringBuilder last = lines.getLast();
      last.setLength(Math.max(last.length(), column + 1));
      last.setCharAt(column++, character);
    }
    return lines.stream().map(line -> line.toString().stripTrailing()).toList();
  }
}
