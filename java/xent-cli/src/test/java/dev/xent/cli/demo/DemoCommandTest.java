// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class DemoCommandTest {
  @Test
  @Tag("slow")
  void trainsComparesAndMeasures() {
    String out = xent("demo").succeeds().out();
    Matcher accuracy = Pattern.compile("test accuracy (0\\.\\d+): \\d+ of 359").matcher(out);
    assertThat(accuracy.find()).isTrue();
    assertThat(Double.parseDouble(accuracy.group(1))).isGreaterThanOrEqualTo(0.93);
    assertThat(out.lines().filter(line -> line.contains("values compared")))
        .hasSizeGreaterThanOrEqualTo(2)
        .allMatch(line -> line.endsWith(", 0 differ"));
    assertThat(out).contains("memcpy", "ns per element", "64 x 128256");
  }

  @Test
  void theDataIsWhatItsReadmeSays() {
    try (Arena arena = Arena.ofConfined()) {
      Digits all = Digits.all(arena);
      assertThat(all.size()).isEqualTo(1797);
      assertThat(Digits.training(arena).size()).isEqualTo(1438);
      Digits test = Digits.test(arena);
      assertThat(test.size()).isEqualTo(359);
      assertThat(all.labels().toLongArray()).containsOnly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
      assertThat(test.slice(0, 1).pixels().toFloatArray())
          .isEqualTo(all.slice(4, 5).pixels().toFloatArray());
      for (float pixel : all.pixels().toFloatArray()) {
        assertThat(pixel).isBetween(0f, 1f);
      }
    }
  }
}
