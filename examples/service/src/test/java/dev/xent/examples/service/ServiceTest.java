// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.examples.service.Http.Answer;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes over the wire is answered, whatever else comes. */
class ServiceTest {
  private static final String NEXT = Http.post("/next?k=2", "you may ad");

  private Service service;

  @BeforeEach
  void start() throws Exception {
    service = new Service(0, new XentScorer());
  }

  @AfterEach
  void stop() throws Exception {
    service.close();
  }

  private Answer ask(String request) throws IOException {
    try (Http connection = new Http(service.port())) {
      return connection.ask(request);
    }
  }

  private void works() throws IOException {
    Answer answer = ask(NEXT);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body()).startsWith("{\"next\":[{\"letter\":\"d\",\"probability\":0.734");
  }

  @Test
  void nextAnswersTheLikeliestLetters() throws IOException {
    works();
    assertThat(ask(Http.post("/next", "you may ad")).body().split("letter\"")).hasSize(6);
  }

  @Test
  void scoreAnswersHowLikelyATextIs() throws IOException {
    Answer answer = ask(Http.post("/score", "you may reproduce"));
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body())
        .matches("\\{\"letters\":17,\"logProbability\":-[0-9.]+,\"perplexity\":[0-9.]+\\}");
  }

  @Test
  void whoLooksAfterItSeesHealthAndMetrics() throws IOException {
    works();
    assertThat(read("/observe/health")).contains("\"UP\"").contains("numerics");
    assertThat(read("/observe/metrics"))
        .containsPattern(Pattern.compile("^scoring_\\w*count\\S* [1-9]", Pattern.MULTILINE));
    assertThat(read("/")).contains("<title>The next letter</title>");
  }

  private String read(String path) throws IOException {
    try (InputStream page =
        URI.create("http://127.0.0.1:" + service.port() + path).toURL().openStream()) {
      return new String(page.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "31", "-1", "abc", "5.5", "99999999999", "%00", ""})
  void aWrongCountIsRefusedWithWhatIsRight(String k) throws IOException {
    Answer answer = ask(Http.post("/next?k=" + k, "you may ad"));
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body()).isEqualTo("k is not a whole number from 1 to 30");
  }

  @Test
  void anEmptyTextHasNoScoreButANextLetter() throws IOException {
    Answer answer = ask(Http.post("/score", ""));
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body()).isEqualTo("there is no text: give one letter or more");
    assertThat(ask(Http.post("/next", "")).status()).isEqualTo(200);
  }

  @Test
  void textsAreAsLongAsTheyMayBe() throws IOException {
    assertThat(ask(Http.post("/score", "a".repeat(Service.MOST_BYTES))).status()).isEqualTo(200);
    assertThat(ask(Http.post("/score", "a".repeat(Service.MOST_BYTES + 1))).status())
        .isEqualTo(413);
    works();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\r\n\r\n",
        "nonsense\r\n\r\n",
        "POST /next HTTP/9.9\r\nHost: here\r\n\r\n",
        "POST /next HTTP/1.1\r\nHost: here\r\nContent-Length: -5\r\n\r\nabc",
        "POST /next HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        "POST /next HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        "POST /next HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nabc",
        "DELETE /next HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: here\r\n\r\n",
        "\u0000\u0001\u0002\u0003\u00ff\u0000\r\n\r\n",
      })
  void nonsenseIsRefusedAndHarmsNobody(String nonsense) throws IOException {
    try (Http connection = new Http(service.port())) {
      connection.send(nonsense);
      connection.shutdownOutput();
      Answer answer = connection.answer();
      assertThat(answer == null || answer.status() >= 400).as("%s", answer).isTrue();
    }
    works();
  }

  @Test
  void aHeadWithoutEndIsRefused() throws IOException {
    try (Http connection = new Http(service.port())) {
      connection.send("GET / HTTP/1.1\r\nHost: here\r\nx: " + "a".repeat(100_000));
      Answer answer = connection.answer();
      assertThat(answer == null || answer.status() >= 400).as("%s", answer).isTrue();
    } catch (SocketException e) {
      assertThat(e)
          .hasMessageMatching("Connection reset.*|Broken pipe.*"); // refused while it sends
    }
    works();
  }

  @Test
  void aRequestWithoutItsEndKeepsNobodyWaiting() throws IOException {
    try (Http connection = new Http(service.port())) {
      connection.send("POST /next HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nabc");
      works();
    }
  }

  @Test
  void aThousandConnectionsAreAnswered() throws Exception {
    List<Http> connections = new ArrayList<>();
    try {
      for (int i = 0; i < 1000; i++) {
        connections.add(new Http(service.port()));
      }
      for (int round = 0; round < 3; round++) {
        for (Http connection : connections) {
          connection.send(NEXT);
        }
        for (Http connection : connections) {
          assertThat(connection.answer().status()).isEqualTo(200);
        }
      }
    } finally {
      for (Http connection : connections) {
        connection.close();
      }
    }
    works();
  }

  /** Its answers fill the buffers of both sides; the others are answered all the same. */
  @Test
  void aClientThatStopsReadingStopsNobodyElse() throws Exception {
    try (ExecutorService sender = Executors.newVirtualThreadPerTaskExecutor();
        Http deaf = new Http(service.port())) { // closed first, which ends the sending
      Future<?> sending =
          sender.submit(
              () -> {
                while (true) {
                  deaf.send(Http.get("/").repeat(100));
                }
              });
      long before;
      do { // until no more of its requests are taken
        before = service.accepted();
        Thread.sleep(200);
      } while (service.accepted() > before);
      assertThat(sending.isDone()).isFalse();
      for (int i = 0; i < 100; i++) {
        works();
      }
    }
  }
}
