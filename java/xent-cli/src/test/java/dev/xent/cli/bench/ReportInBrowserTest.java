// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jsoup.Jsoup;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The page of the benchmark as Chromium draws it, on a desk and on a phone. Where there is no
 * Chromium it is skipped, but not with {@code XENT_REQUIRE_CHROMIUM} set.
 */
@Tag("slow")
class ReportInBrowserTest {
  private static final String FRAME =
      """
      <iframe src="page.html" width="%d" height="3000"></iframe>
      <pre></pre>
      <script>
      addEventListener("message", message => {
        document.querySelector("pre").textContent = JSON.stringify(message.data);
      });
      </script>
      """;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(ints = {1280, 390})
  void isDrawnSoThatNothingHidesAnything(int width) throws Exception {
    Map<String, Object> seen = seen(width);
    assertThat(seen).containsEntry("errors", List.of()).containsEntry("overflow", 0);
    assertThat(seen).containsEntry("visible", true).containsEntry("charts", 7);
    assertThat(seen)
        .containsEntry("legend", Map.of("memcpy", List.of(), "read", List.of(4, 3)))
        .containsEntry("curved", List.of())
        .containsEntry("memory", List.of(2, 2));
    assertThat(seen).containsEntry("hidden", List.of()).containsEntry("collisions", List.of());
    assertThat(seen).containsEntry("pressed", List.of("reference"));
    assertThat(seen).containsEntry("tiers", List.of("avx512", "reference"));
  }

  private Map<String, Object> seen(int width) throws IOException, InterruptedException {
    Files.writeString(
        folder.resolve("page.html"),
        ReportTest.page().replace("</body>", "<script>" + probe() + "</script></body>"));
    Path frame = Files.writeString(folder.resolve("frame.html"), FRAME.formatted(width));
    String text = Jsoup.parse(browse(frame)).select("pre").text();
    assertThat(text).as("what the page tells").isNotEmpty();
    return JSON.std.mapFrom(text);
  }

  private static String probe() throws IOException {
    try (InputStream in = ReportInBrowserTest.class.getResourceAsStream("probe.js")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** The page after its scripts. */
  private String browse(Path page) throws IOException, InterruptedException {
    Path dom = folder.resolve("dom.html");
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(
                chromium(),
                "--headless",
                "--no-sandbox", // which root cannot have; the page is ours
                "--disable-gpu",
                "--user-data-dir=" + folder.resolve("profile"),
                "--window-size=1400,3200",
                "--virtual-time-budget=10000",
                "--dump-dom",
                page.toUri().toString())
            .redirectOutput(dom.toFile())
            .redirectError(log.toFile())
            .start();
    if (!process.waitFor(2, TimeUnit.MINUTES)) {
      process.destroyForcibly();
    }
    assertThat(process.onExit().join().exitValue()).as(() -> read(log)).isZero();
    return read(dom);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String chromium() {
    List<String> found =
        Stream.of("chromium", "chromium-browser", "google-chrome")
            .filter(ReportInBrowserTest::runs)
            .toList();
    if (System.getenv("XENT_REQUIRE_CHROMIUM") == null) {
      assumeTrue(!found.isEmpty(), "there is no Chromium");
    }
    assertThat(found).as("Chromium").isNotEmpty();
    return found.getFirst();
  }

  private static boolean runs(String command) {
    try {
      return new ProcessBuilder(command, "--version")
              .redirectErrorStream(true)
              .redirectOutput(Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false; // there is no such command
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
