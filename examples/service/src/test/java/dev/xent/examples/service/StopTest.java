// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.examples.service.Http.Answer;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A signal ends the process: it says so first, then answers every request that is sent on a
 * connection from before it closed its port, and is gone soon.
 */
class StopTest {
  private static final Pattern PORTS =
      Pattern.compile("listening on port (\\d+), for operators on port (\\d+)");

  private @Nullable Process process;
  private int port;
  private int operators;

  private void start(String... options) throws IOException {
    List<String> command = new ArrayList<>();
    // A build in the background may have its children ignore these two.
    command.addAll(List.of("env", "--default-signal=INT,HUP"));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Dservice.access=OFF"));
    command.addAll(List.of("-Dservice.port=0", "-Dservice.management.port=0"));
    command.addAll(List.of(options));
    command.add("dev.xent.examples.service.Service");
    ProcessBuilder builder = new ProcessBuilder(command);
    // Not on its command line, which ONNX Runtime wants to be short.
    builder
        .environment()
        .put(
            "CLASSPATH",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    process = builder.redirectErrorStream(true).start();
    BufferedReader printed = process.inputReader();
    StringJoiner all = new StringJoiner("\n");
    for (String line = printed.readLine(); line != null; line = printed.readLine()) {
      all.add(line);
      Matcher found = PORTS.matcher(line);
      if (found.find()) {
        port = Integer.parseInt(found.group(1));
        operators = Integer.parseInt(found.group(2));
        return;
      }
    }
    throw new IOException("no ports in " + all);
  }

  @AfterEach
  void kill() {
    process.destroyForcibly();
  }

  private void signal(String name) throws Exception {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  private void assertEnds(int status, Duration atMost) throws InterruptedException {
    assertThat(process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(status);
  }

  private Answer health(String path) throws IOException {
    try (Http connection = new Http(operators)) {
      return connection.ask(Http.get(path));
    }
  }

  /** Requests on one connection after the other, until none can be had. */
  private void ask(CountDownLatch connecting, AtomicInteger answered, AtomicInteger cut)
      throws IOException {
    while (true) {
      try (Http connection = new Http(port)) {
        connecting.countDown();
        boolean open = true;
        while (open) {
          try {
            connection.send(Http.post("/score", "you may reproduce ".repeat(50)));
            Answer answer = connection.answer();
            if (answer == null) {
              throw new SocketException("no answer");
            }
            assertThat(answer.status()).isEqualTo(200);
            answered.incrementAndGet();
            open = !answer.closes();
          } catch (SocketException e) {
            cut.incrementAndGet();
            open = false;
          }
        }
      } catch (ConnectException e) {
        return;
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"TERM, 2", "INT, 2", "HUP, 0"})
  void underLoadNoRequestIsCut(String signal, int drain) throws Exception {
    start("-Dservice.drain=" + drain);
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      AtomicInteger answered = new AtomicInteger();
      AtomicInteger cut = new AtomicInteger();
      List<Future<?>> ends = new ArrayList<>();
      int connections = 24;
      CountDownLatch connecting = new CountDownLatch(connections);
      for (int i = 0; i < connections; i++) {
        ends.add(
            clients.submit(
                () -> {
                  ask(connecting, answered, cut);
                  return null;
                }));
      }
      connecting.await();
      while (answered.get() < 300) {
        Thread.sleep(10);
      }
      signal(signal);
      for (Future<?> end : ends) {
        end.get();
      }
      assertEnds(0, Duration.ofSeconds(15));
      System.out.println(
          "SIG" + signal + " under load: " + answered + " answered, " + cut + " cut");
      assertThat(cut).hasValue(0);
    }
  }

  /** There may be 1; all others are in the queue of the port when it is closed. */
  @Test
  void whoWaitsForAConnectionIsAnswered() throws Exception {
    start("-Dservice.drain=0", "-Dservice.connections=1");
    List<Http> connections = new ArrayList<>();
    try {
      for (int i = 0; i < 100; i++) {
        Http connection = new Http(port);
        connections.add(connection);
        connection.send(Http.post("/next", "you"));
      }
      assertThat(connections.getFirst().answer().closes()).isFalse();
      signal("TERM");
      for (Http waiting : connections.subList(1, connections.size())) {
        assertThat(waiting.answer().status()).isEqualTo(200);
      }
      assertEnds(0, Duration.ofSeconds(15));
    } finally {
      for (Http connection : connections) {
        connection.close();
      }
    }
  }

  @Test
  void itIsDownBeforeItIsGone() throws Exception {
    start("-Dservice.drain=3");
    try (Http old = new Http(port)) {
      assertThat(old.ask(Http.get("/")).closes()).isFalse();
      assertThat(health("/health").status()).isEqualTo(200);
      signal("TERM");
      Thread.sleep(1000);
      for (String path : List.of("/health", "/health/ready")) {
        assertThat(health(path).status()).isEqualTo(503);
        assertThat(health(path).body()).startsWith("{\"status\":\"DOWN\"");
      }
      assertThat(health("/health/live").status()).isEqualTo(200);
      assertThat(health("/metrics").status()).isEqualTo(200);
      try (Http late = new Http(port)) { // who has not heard of it
        assertThat(late.ask(Http.get("/")).closes()).isFalse();
      }
      assertThat(old.ask(Http.get("/")).closes()).isFalse();
      assertEnds(0, Duration.ofSeconds(15));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void aSecondSignalEndsItAtOnce(String signal) throws Exception {
    start("-Dservice.drain=60");
    signal("TERM");
    Thread.sleep(500);
    assertThat(process.isAlive()).isTrue();
    signal(signal);
    assertEnds(128 + (signal.equals("INT") ? 2 : 15), Duration.ofSeconds(5));
  }

  @Test
  void idleConnectionsDoNotDelayTheEnd() throws Exception {
    start("-Dservice.drain=0");
    try (Http idle = new Http(port);
        Http used = new Http(port)) {
      assertThat(used.ask(Http.get("/")).status()).isEqualTo(200);
      long begin = System.nanoTime();
      signal("TERM");
      assertEnds(0, Duration.ofSeconds(15));
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(8));
      assertThat(idle.answer()).isNull();
      assertThat(used.answer()).isNull();
    }
  }

  @Test
  void aRequestThatIsUnderWayIsAnsweredAndItsConnectionClosed() throws Exception {
    start("-Dservice.drain=0");
    try (Http half = new Http(port)) {
      assertThat(half.ask(Http.post("/next", "you")).status()).isEqualTo(200);
      half.send("POST /next?k=1 HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nyou ");
      Thread.sleep(500); // until it is accepted
      signal("TERM");
      Thread.sleep(4000); // longer than an idle connection is left alone
      assertThat(process.isAlive()).isTrue();
      half.send("may ad");
      Answer answer = half.answer();
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.closes()).isTrue();
      assertThat(half.answer()).isNull();
      assertEnds(0, Duration.ofSeconds(15));
    }
  }

  /** A body that never ends delays the end until its time is over. */
  @Test
  void aRequestWithoutItsEndIsToldSo() throws Exception {
    start("-Dservice.drain=0");
    try (Http half = new Http(port)) {
      assertThat(half.ask(Http.post("/next", "you")).status()).isEqualTo(200);
      half.send("POST /next HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nabc");
      Thread.sleep(300);
      signal("TERM");
      assertThat(half.answer().status()).isEqualTo(408);
      assertEnds(0, Duration.ofSeconds(15));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"service.port", "service.management.port"})
  void aPortThatIsTakenIsSaidInALine(String which) throws Exception {
    try (ServerSocket taken = new ServerSocket(0)) {
      String option = "-D" + which + "=" + taken.getLocalPort();
      assertThatThrownBy(() -> start(option))
          .hasMessageContaining(taken.getLocalPort() + ", ")
          .hasMessageContaining("Address already in use: choose others by -Dservice.port")
          .hasMessageNotContaining("\n");
      assertEnds(1, Duration.ofSeconds(15));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-Dservice.port=abc | -Dservice.port=abc; expected a whole number from 0 to 65535",
        "-Dservice.port=65536 | -Dservice.port=65536; expected a whole number from 0 to 65535",
        "-Dservice.management.port=-1 | port=-1; expected a whole number from 0 to 65535",
        "-Dservice.management.host=no.such.host.invalid | UnresolvedAddressException: choose",
        "-Dservice.connections=0 | connections=0; expected a whole number from 1 to 1048576",
        "-Dservice.drain=-1 | -Dservice.drain=-1; expected a whole number from 0 to 3600",
        "-Dservice.access=foo | -Dservice.access=foo: must be INFO or OFF",
        "-Ddev.xent.native=nonsense | the service has not started",
        "-Dservice.scorer=none | there is no scorer none",
      })
  @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void aSettingThatIsWrongIsSaidInALine(String option, String line) throws Exception {
    assertThatThrownBy(() -> start(option))
        .hasMessageContaining(line)
        .hasMessageNotContaining("\n");
    assertEnds(1, Duration.ofSeconds(15));
  }

  /** As on Windows, where there is no HUP. */
  @Test
  void whereASignalCannotBeHandledItServes() throws Exception {
    start("-Xrs");
    try (Http connection = new Http(port)) {
      assertThat(connection.ask(Http.post("/next", "you")).status()).isEqualTo(200);
    }
    signal("TERM");
    assertEnds(143, Duration.ofSeconds(5));
  }

  /** Its pipe is full: nobody waits for that, and lines of requests are lost. */
  @Test
  void aLogThatNobodyReadsStopsNothing() throws Exception {
    start("-Dservice.access=INFO", "-Dservice.drain=0");
    try (Http connection = new Http(port)) {
      for (int i = 0; i < 2000; i++) {
        assertThat(connection.ask(Http.get("/" + "a".repeat(1000))).status()).isEqualTo(404);
      }
    }
    signal("TERM");
    assertEnds(0, Duration.ofSeconds(15));
  }

  /** Where more come at once than are accepted, the system keeps them: 50, unless it is told. */
  @Test
  void manyMayWaitForAConnection() throws Exception {
    start("-Dservice.connections=1");
    List<Socket> waiting = new ArrayList<>();
    try {
      for (int i = 0; i < 300; i++) {
        Socket socket = new Socket();
        waiting.add(socket);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 900);
      }
    } finally {
      for (Socket socket : waiting) {
        socket.close();
      }
    }
    try (Http connection = new Http(port)) {
      assertThat(connection.ask(Http.get("/")).status()).isEqualTo(200);
    }
  }

  @Test
  void connectionsAreLimited() throws Exception {
    start("-Dservice.connections=5");
    List<Http> connections = new ArrayList<>();
    try {
      for (int i = 0; i < 5; i++) {
        connections.add(new Http(port));
        assertThat(connections.get(i).ask(Http.get("/")).status()).isEqualTo(200);
      }
      Http waiting = new Http(port);
      connections.add(waiting);
      waiting.send(Http.get("/"));
      Thread.sleep(1000);
      assertThat(waiting.available()).isZero();
      assertThat(health("/health").status()).isEqualTo(200);
      connections.getFirst().close();
      assertThat(waiting.answer().status()).isEqualTo(200);
    } finally {
      for (Http connection : connections) {
        connection.close();
      }
    }
  }
}
