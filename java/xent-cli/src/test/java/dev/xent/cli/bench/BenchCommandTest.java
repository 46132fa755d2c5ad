// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.LIST;

import dev.xent.XentRuntime;
import dev.xent.cli.Cli;
import dev.xent.options.Isa;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class BenchCommandTest {
  private static final String[] MEMBERS = {
    "op",
    "shape",
    "axis",
    "dtype",
    "isa",
    "backend",
    "threads",
    "ns_per_element",
    "best_ns_per_element",
    "memcpy_ns_per_element",
    "read_ns_per_element"
  };

  @TempDir private Path folder;

  @Test
  void printsTheContractsJson() {
    Map<String, Object> report =
        xent("bench", "--quick", "--json", "--ops", "softmax,cross-entropy", "--shapes", "4x8")
            .succeeds()
            .json();
    assertThat(report.keySet()).containsExactly("cpu", "jdk", "busy", "results");
    assertThat((String) report.get("cpu")).isNotBlank();
    assertThat((String) report.get("jdk")).endsWith(Runtime.version().toString());
    List<Map<String, Object>> results = results(report);
    assertThat(results)
        .allSatisfy(
            result -> {
              assertThat(result.keySet()).containsExactly(MEMBERS);
              assertThat(result)
                  .containsEntry("shape", List.of(4, 8))
                  .containsEntry("axis", 1)
                  .containsEntry("dtype", "f32")
                  .containsEntry("threads", 1);
              double best = (double) result.get("best_ns_per_element");
              assertThat(best).isPositive();
              assertThat((double) result.get("ns_per_element")).isGreaterThanOrEqualTo(best);
              assertThat((double) result.get("memcpy_ns_per_element")).isPositive();
              assertThat((double) result.get("read_ns_per_element")).isPositive();
            });
    List<String> expected = new ArrayList<>();
    for (String operation : List.of("softmax", "cross-entropy")) {
      expected.add(operation + " reference scalar");
      for (Isa isa : XentRuntime.get().availableIsas()) {
        expected.add(operation + " native " + isa.name().toLowerCase(Locale.ROOT));
      }
    }
    assertThat(results)
        .map(r -> "%s %s %s".formatted(r.get("op"), r.get("backend"), r.get("isa")))
        .isEqualTo(expected);
  }

  @Test
  void measuresWhatTheOptionsLeave() {
    assertThat(results(small("--json", "--backend", "reference").json()))
        .map(result -> result.get("backend"))
        .containsExactly("reference");
    assertThat(results(small("--json", "--isa", "scalar").json()))
        .map(result -> result.get("backend") + " " + result.get("isa"))
        .containsExactly("reference scalar", "native scalar");
    assertThat(results(small("--json", "--backend", "reference", "--threads", "3").json()))
        .map(result -> result.get("threads"))
        .containsExactly(3);
  }

  @Test
  void printsATableAndDrawsAChart() throws IOException {
    Path chart = folder.resolve("chart.svg");
    Files.writeString(chart, "what was there before");
    Cli done = small("--svg", chart).succeeds();
    assertThat(done.out()).contains("softmax\n", "memcpy", "reference", "scalar", "3x5");
    assertThat(chart).content().startsWith("<svg ").endsWith("</svg>\n");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(chart);
    }
  }

  @Test
  void leavesNothingBehindWhereItFails() throws IOException {
    Path chart = folder.resolve("chart.svg");
    xent("bench", "--svg", chart, "--shapes", "1000000x1000000").refuses("not enough memory");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  private static Cli small(Object... more) {
    List<Object> words = new ArrayList<>();
    words.addAll(List.of("bench", "--quick", "--ops", "softmax", "--shapes", "3x5"));
    words.addAll(List.of(more));
    return xent(words.toArray());
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> results(Map<String, Object> report) {
    assertThat(report.get("results")).asInstanceOf(LIST).isNotEmpty();
    return (List<Map<String, Object>>) report.get("results");
  }
}
