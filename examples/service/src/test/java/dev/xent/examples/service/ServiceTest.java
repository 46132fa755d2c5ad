// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.javalin.Javalin;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** Both services answer over HTTP as docs/guide/service.md shows. */
class ServiceTest {
  private static final Path PAGE = Path.of("../../docs/guide/service.md");

  private static CompletableFuture<HttpResponse<String>> post(
      HttpClient client, int port, String path, String body) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    return client.sendAsync(request, HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void springBootAnswersTheBestClasses() throws Exception {
    try (ConfigurableApplicationContext service =
            SpringApplication.run(SpringService.class, "--server.port=0");
        HttpClient client = HttpClient.newHttpClient()) {
      int port = service.getEnvironment().getRequiredProperty("local.server.port", Integer.class);
      String drawing =
          """
          .#####..
          .....#..
          ....#...
          ...###..
          ....#...
          ...#....
          ...#....
          ..#.....
          """;
      String pixels =
          drawing
              .replace("\n", "")
              .chars()
              .mapToObj(c -> c == '#' ? "16" : "0")
              .collect(Collectors.joining(",", "[", "]"));
      HttpResponse<String> best = post(client, port, "/best", pixels).get();
      assertThat(best.statusCode()).isEqualTo(200);
      assertThat(best.body())
          .isEqualTo("{\"classes\":[7,3,1],\"probabilities\":[0.83372396,0.08787387,0.041508675]}");
      assertThat(post(client, port, "/best", pixels.replaceFirst("16", "\"NaN\"")).get().body())
          .isEqualTo("{\"classes\":[-1,-1,-1],\"probabilities\":[\"NaN\",\"NaN\",\"NaN\"]}");
      assertThat(post(client, port, "/best", "[0, 9, 3, 7]").get().statusCode()).isEqualTo(400);
    }
  }

  @Test
  void javalinAnswersTheNextLetters() throws Exception {
    String shown =
        Files.readString(PAGE).split("curl .*/next .*\n```\n\n```text\n")[1].split("```")[0];
    Javalin service = JavalinService.start(0);
    try (HttpClient client = HttpClient.newHttpClient()) {
      List<CompletableFuture<HttpResponse<String>>> atOnce =
          IntStream.range(0, 100)
              .mapToObj(i -> post(client, service.port(), "/next", "you may ad"))
              .toList();
      for (CompletableFuture<HttpResponse<String>> answer : atOnce) {
        assertThat(answer.get().statusCode()).isEqualTo(200);
        assertThat(answer.get().body() + "\n").isEqualTo(shown);
      }
      assertThat(post(client, service.port(), "/next", "").get().statusCode()).isEqualTo(200);
    } finally {
      service.stop();
    }
  }

  /** The controller on the page is that of {@link SpringService}. */
  @Test
  void thePageShowsTheController() throws Exception {
    String program =
        Files.readString(Path.of("src/main/java/dev/xent/examples/service/SpringService.java"));
    String page = Files.readString(PAGE);
    String shown = page.substring(page.indexOf("  private final TopK best"));
    shown = shown.substring(0, shown.indexOf("```")).strip().replaceAll("\\s+", " ");
    assertThat(program.replaceAll("\\s+", " ")).contains(shown);
  }
}
