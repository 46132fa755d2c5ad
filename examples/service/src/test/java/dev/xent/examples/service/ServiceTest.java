// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.xent.examples.service.Http.Answer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import org.slf4j.event.KeyValuePair;

/** What comes over the wire is answered, whatever else comes. */
class ServiceTest {
  private static final String NEXT = Http.post("/next?k=2", "you may ad");

  private Service service;

  @BeforeEach
  void start() throws Exception {
    service = new Service(0, new InetSocketAddress("127.0.0.1", 0), new XentScorer());
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
  void thePageIsThere() throws IOException {
    assertThat(ask(Http.get("/")).body()).contains("<title>The next letter</title>");
    try (Http connection = new Http(service.port())) {
      connection.send("HEAD / HTTP/1.1\r\nHost: here\r\n\r\n");
      Answer head = connection.answer(false);
      assertThat(head.status()).isEqualTo(200);
      assertThat(head.field("content-length", "")).matches("[1-9][0-9]+");
      assertThat(connection.ask(NEXT).status()).isEqualTo(200); // where a body would have been
    }
  }

  /** Nothing that a client sent is taken for markup, and nobody puts the page into another. */
  @Test
  void browsersAreToldWhatThePageMayDo() throws IOException {
    Answer page = ask(Http.get("/"));
    assertThat(page.field("content-security-policy", ""))
        .contains("default-src 'none'")
        .contains("frame-ancestors 'none'");
    for (Answer each : List.of(page, ask(NEXT), ask(Http.get("/%3Cscript%3E")))) {
      assertThat(each.field("x-content-type-options", "")).isEqualTo("nosniff");
    }
  }

  @Test
  void itIsNotReadyBeforeItListens() throws Exception {
    try (Management management = new Management(new InetSocketAddress("127.0.0.1", 0), Map.of());
        Http connection = new Http(management.port())) {
      assertThat(connection.ask(Http.get("/health/live")).status()).isEqualTo(200);
      assertThat(connection.ask(Http.get("/health/ready")).status()).isEqualTo(503);
    }
  }

  @Test
  void operatorsHaveAPortOfTheirOwn() throws IOException {
    works();
    assertThat(ask("GET /x HTTP/1.1\r\nHost: here\r\n\r\n").status()).isEqualTo(404);
    for (String path : List.of("/health", "/health/ready", "/health/live")) {
      assertThat(operators(path).body()).startsWith("{\"status\":\"UP\"").contains("numerics");
      assertThat(ask(Http.get(path)).status()).isEqualTo(404);
    }
    assertThat(operators("/metrics").body())
        .containsPattern("(?m)^scoring_seconds_count [1-9]")
        .contains(
            "http_server_requests_seconds_count"
                + "{method=\"POST\",path=\"/next\",status=\"200\"} 1\n")
        .contains(
            "http_server_requests_seconds_count"
                + "{method=\"GET\",path=\"other\",status=\"404\"} 4\n")
        .contains("jvm_memory_used_bytes");
    assertThat(ask(Http.get("/metrics")).status()).isEqualTo(404);
    assertThat(operators("/next").status()).isEqualTo(404);
  }

  private Answer operators(String path) throws IOException {
    try (Http connection = new Http(service.management().port())) {
      return connection.ask(Http.get(path));
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
    assertThat(answer.body()).isEqualTo("there is no text; expected one letter or more");
    assertThat(ask(Http.post("/next", "")).status()).isEqualTo(200);
  }

  @Test
  void textsAreAsLongAsTheyMayBe() throws IOException {
    assertThat(ask(Http.post("/score", "a".repeat(Service.MOST_BYTES))).status()).isEqualTo(200);
    assertThat(ask(Http.post("/score", "a".repeat(Service.MOST_BYTES + 1))).status())
        .isEqualTo(413);
    works();
  }

  /** What a client sends, the status of the answer, whether the connection ends, what it says. */
  static Stream<Arguments> nonsense() {
    String post = "POST /score HTTP/1.1\r\nHost: here\r\n";
    String chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
    String get = "GET / HTTP/1.1\r\n";
    return Stream.of(
        row("nonsense\r\n\r\n", 400, true, "this is not a request of HTTP/1.1"),
        row("\u0000\u0001\u0002\u0003\r\n\r\n", 400, true, "this is not a request of HTTP/1.1"),
        row("GET / HTTP/9.9\r\nHost: here\r\n\r\n", 505, true, "Unknown Version"),
        row("GET / HTTP/2.0\r\nHost: here\r\n\r\n", 505, true, "Upgrade Required"),
        row("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, true, "Upgrade Required"),
        row("GET /" + "a".repeat(9000) + " HTTP/1.1\r\n\r\n", 414, true, "the URI is too long"),
        row("GET /\r\n\r\n", 505, true, "HTTP/0.9 not supported"),
        row("GET /%zz HTTP/1.1\r\nHost: here\r\n\r\n", 400, true, "not a request of HTTP/1.1"),
        row("GET /../../etc/passwd HTTP/1.1\r\nHost: here\r\n\r\n", 400, true, "not a request"),
        row(get + "\r\n", 400, true, "No Host"),
        row(get + "Host: a\r\nHost: b\r\n\r\n", 400, true, "Duplicate Host"),
        row(get + "Host: a b\r\n\r\n", 400, true, "Bad HostPort"),
        row(get + "Host : here\r\n\r\n", 400, true, "Illegal character"),
        row(get + "Host: here\r\nA: b\r\n c\r\n\r\n", 400, true, "Line Folding"),
        row(get + "Host: here\r\nA: b\u0000c\r\n\r\n", 400, true, "Illegal character"),
        row(get + "Host: here\r\nA: " + "a".repeat(9000) + "\r\n\r\n", 431, true, "too long"),
        row(post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhelloX", 400, true, "Multiple"),
        row(post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, true, "Multiple"),
        row(post + "Content-Length: 5, 6\r\n\r\nhelloX", 400, true, "Content-Length"),
        row(post + "Content-Length: -5\r\n\r\n", 400, true, "Content-Length"),
        row(post + "Content-Length: +5\r\n\r\nhello", 400, true, "Content-Length"),
        row(post + "Content-Length: 0x5\r\n\r\nhello", 400, true, "Content-Length"),
        row(post + "Content-Length: \r\n\r\nhello", 400, true, "Content-Length"),
        row(post + "Content-Length: 99999999999999999999\r\n\r\nhello", 400, true, "not a request"),
        row(chunked + "ZZ\r\nhello\r\n0\r\n\r\n", 400, true, "the body is broken"),
        row(chunked + "-1\r\nhello\r\n0\r\n\r\n", 400, true, "the body is broken"),
        row(chunked + "ffffffffffffffffff\r\nabc", 400, true, "the body is broken"),
        row(chunked + "5\r\nhelloXX0\r\n\r\n", 400, true, "the body is broken"),
        row(
            post + "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            400,
            true,
            "Transfer-Encoding is chunked only"),
        row(
            "POST /score HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\n0\r\n\r\n",
            400,
            true,
            "of HTTP/1.1: leave it out"),
        row(post + "Transfer-Encoding: gzip\r\n\r\nhello", 400, true, "chunked not last"),
        row(post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, true, "chunked not last"),
        row(
            post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            400,
            true,
            "Transfer-Encoding and Content-Length"),
        row(post + "Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello", 417, true, "100-continue"),
        row(
            post + "Content-Type: text/plain; charset=bogus\r\nContent-Length: 5\r\n\r\nhello",
            415,
            false,
            "the charset of Content-Type is unknown here: send UTF-8"),
        row(
            post + "Content-Type: text/plain; charset=\"?\"\r\nContent-Length: 5\r\n\r\nhello",
            415,
            false,
            "the charset of Content-Type is unknown here: send UTF-8"),
        row(
            post + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
            415,
            false,
            "the body is encoded: send plain text"),
        row("DELETE /next HTTP/1.1\r\nHost: here\r\n\r\n", 405, false, "use POST"),
        row("GET /next HTTP/1.1\r\nHost: here\r\n\r\n", 405, false, "use POST"),
        row("TRACE / HTTP/1.1\r\nHost: here\r\n\r\n", 405, false, "use GET, HEAD"),
        row("OPTIONS /x HTTP/1.1\r\nHost: here\r\n\r\n", 404, false, "not here: POST /next"),
        row("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n", 404, false, "not here: POST /next"),
        row(Http.post("/next?k=%zz", "a"), 400, false, "Bad query"),
        row(Http.post("/score", "a".repeat(17_000)), 413, false, "more than 16384 bytes"),
        row(
            chunked + "4268\r\n" + "a".repeat(17_000) + "\r\n0\r\n\r\n",
            413,
            false,
            "more than 16384 bytes"));
  }

  private static Arguments row(String request, int status, boolean ends, String says) {
    return Arguments.of(request, status, ends, says);
  }

  @ParameterizedTest
  @MethodSource("nonsense")
  void nonsenseIsRefusedWithWhatIsWrong(String request, int status, boolean ends, String says)
      throws Exception {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME);
    Logger access = (Logger) LoggerFactory.getLogger("access");
    access.setLevel(Level.INFO);
    log.start();
    root.addAppender(log);
    try (Http connection = new Http(service.port())) {
      Answer answer = connection.ask(request);
      assertThat(answer.status()).isEqualTo(status);
      assertThat(answer.body()).contains(says).doesNotContain("\n");
      assertThat(answer.field("content-type", "")).isEqualTo("text/plain;charset=utf-8");
      assertThat(answer.field("allow", "none").equals("none")).isEqualTo(status != 405);
      assertThat(answer.closes()).isEqualTo(ends);
      if (ends) {
        assertThat(connection.answer()).isNull();
      } else {
        assertThat(connection.ask(NEXT).status()).isEqualTo(200);
      }
      for (int i = 0; i < 100 && log.list.size() < (ends ? 1 : 2); i++) {
        Thread.sleep(20); // requests are logged after their answers
      }
    } finally {
      root.detachAppender(log);
      access.setLevel(Level.OFF);
    }
    works();
    List<ILoggingEvent> lines = List.copyOf(log.list);
    assertThat(lines).hasSize(ends ? 1 : 2); // and of NEXT
    assertThat(lines).allMatch(line -> line.getThrowableProxy() == null);
    assertThat(lines.getFirst().getKeyValuePairs()).contains(new KeyValuePair("status", status));
  }

  @Test
  void bytesThatAreNotTextAreRefused() throws IOException {
    try (Http connection = new Http(service.port())) {
      connection.send("POST /score HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n");
      connection.send(new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0xfd});
      Answer answer = connection.answer();
      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.body()).isEqualTo("the text is not UTF-8: send UTF-8, or name its charset");
      connection.send(
          "POST /score HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n"
              + "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n");
      connection.send(new byte[] {(byte) 0xff});
      assertThat(connection.answer().status()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST /score HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
        "POST /score HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
      })
  void whoAsksForItGetsAnAnswerAndTheEnd(String request) throws IOException {
    try (Http connection = new Http(service.port())) {
      Answer answer = connection.ask(request);
      assertThat(answer.body()).startsWith("{\"letters\":5,");
      assertThat(answer.closes()).isTrue(); // nginx keeps a connection that does not say so
      assertThat(connection.answer()).isNull();
    }
  }

  /** ab -k. */
  @Test
  void connectionsOfHttp10ThatAreKeptAreKept() throws IOException {
    try (Http connection = new Http(service.port())) {
      for (int i = 0; i < 3; i++) {
        Answer answer = connection.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.field("connection", "")).isEqualToIgnoringCase("keep-alive");
      }
    }
  }

  /** Of HAProxy, unless it is told another. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ':',
      value = {"/ : GET, HEAD, OPTIONS", "/score : POST, OPTIONS", "* : GET, HEAD, POST, OPTIONS"})
  void checksThatAskForTheMethodsAreTold(String path, String methods) throws IOException {
    try (Http connection = new Http(service.port())) {
      Answer answer = connection.ask("OPTIONS " + path + " HTTP/1.0\r\n\r\n");
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.field("allow", "")).isEqualTo(methods);
      assertThat(answer.field("content-length", "")).isEqualTo("0");
      assertThat(connection.answer()).isNull();
    }
  }

  @Test
  void linesMayEndWithoutACarriageReturn() throws IOException {
    assertThat(ask("GET / HTTP/1.1\nHost: here\n\n").status()).isEqualTo(200);
  }

  @Test
  void requestsMayCloselyFollowEachOther() throws IOException {
    try (Http connection = new Http(service.port())) {
      connection.send(NEXT + Http.post("/score", "ab") + Http.get("/nowhere") + NEXT);
      assertThat(connection.answer().body()).startsWith("{\"next\":");
      assertThat(connection.answer().body()).startsWith("{\"letters\":2,");
      assertThat(connection.answer().status()).isEqualTo(404);
      assertThat(connection.answer().status()).isEqualTo(200);
    }
  }

  @Test
  void whoAsksBeforeItSendsABodyIsToldToGoOn() throws IOException {
    try (Http connection = new Http(service.port())) {
      String head = "POST /score HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\n";
      connection.send(head + "Content-Length: 5\r\n\r\n");
      assertThat(connection.answer().status()).isEqualTo(100);
      assertThat(connection.ask("hello").status()).isEqualTo(200);
    }
    try (Http connection = new Http(service.port())) {
      String head = "POST /score HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\n";
      connection.send(head + "Content-Length: 17000\r\n\r\n");
      assertThat(connection.answer().status()).isEqualTo(413);
    }
  }

  /** Each byte comes in time for an idle timeout; the whole does not. */
  @Test
  @Tag("slow")
  void slowClientsAreSentAway() throws Exception {
    String post = "POST /score HTTP/1.1\r\nHost: here\r\n";
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Long> silent = clients.submit(() -> trickle("", false));
      Future<Long> head = clients.submit(() -> trickle(post + "A: ", true));
      Future<Long> second = clients.submit(() -> trickle(NEXT + post + "A: ", true));
      Future<Long> body = clients.submit(() -> trickle(post + "Content-Length: 99\r\n\r\n", true));
      Future<Long> chunk =
          clients.submit(() -> trickle(post + "Transfer-Encoding: chunked\r\n\r\n63\r\n", true));
      assertThat(body.get()).isBetween(9L, 14L);
      assertThat(chunk.get()).isBetween(9L, 14L);
      assertThat(silent.get()).isBetween(29L, 34L);
      assertThat(head.get()).isBetween(29L, 34L);
      assertThat(second.get()).isBetween(29L, 34L);
    }
  }

  /**
   * Sends a byte each second; the seconds until the connection has ended, after a 408 or nothing.
   */
  private long trickle(String begin, boolean on) throws Exception {
    try (Http connection = new Http(service.port());
        ExecutorService reader = Executors.newVirtualThreadPerTaskExecutor()) {
      long from = System.nanoTime();
      connection.send(begin);
      Future<Answer> end =
          reader.submit(
              () -> {
                Answer last = connection.answer();
                while (last != null && last.status() == 200) {
                  last = connection.answer();
                }
                return last;
              });
      while (!end.isDone()) {
        Thread.sleep(1000);
        if (on && !end.isDone()) {
          connection.send("a");
        }
      }
      Answer answer = end.get();
      assertThat(answer == null).isEqualTo(!begin.endsWith("\r\n"));
      long seconds = Duration.ofNanos(System.nanoTime() - from).toSeconds();
      System.out.println(
          "a slow client: " + (answer == null ? "closed" : answer.body()) + ", " + seconds + " s");
      if (answer != null) {
        assertThat(answer.status()).isEqualTo(408);
        assertThat(answer.body()).isEqualTo("the body was not whole after 10 s: send it faster");
        assertThat(connection.answer()).isNull();
      }
      return seconds;
    }
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

  @ParameterizedTest
  @ValueSource(
      strings = {"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nabc"})
  void aBodyThatEndsEarlyIsRefused(String rest) throws IOException {
    try (Http connection = new Http(service.port())) {
      connection.send("POST /next HTTP/1.1\r\nHost: here\r\n" + rest);
      connection.shutdownOutput();
      Answer answer = connection.answer();
      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.body()).startsWith("the body is broken");
      assertThat(connection.answer()).isNull();
    }
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
      String before;
      String now = answered();
      do { // until no more of its requests are answered
        before = now;
        Thread.sleep(200);
        now = answered();
      } while (!now.equals(before));
      assertThat(sending.isDone()).isFalse();
      for (int i = 0; i < 100; i++) {
        works();
      }
    }
  }

  private String answered() throws IOException {
    return operators("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith("http_server_requests_seconds_count{method=\"GET\""))
        .findFirst()
        .orElse("none");
  }
}
