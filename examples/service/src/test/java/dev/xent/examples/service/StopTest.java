// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.examples.service.Http.Answer;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.SocketException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A SIGTERM ends the process: soon, and after every request that it had accepted was answered. */
class StopTest {
  private static final Pattern PORT = Pattern.compile("listening on port (\\d+)");
  private static final Pattern ACCEPTED = Pattern.compile("stopped: (\\d+) requests accepted");

  private Process process;
  private BufferedReader printed;
  private int port;

  @BeforeEach
  void start() throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Dservice.port=0",
            "dev.xent.examples.service.Service");
    // Not on its command line, which ONNX Runtime wants to be short.
    builder
        .environment()
        .put(
            "CLASSPATH",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    printed = process.inputReader();
    port = (int) number(PORT);
  }

  private long number(Pattern pattern) throws IOException {
    for (String line = printed.readLine(); line != null; line = printed.readLine()) {
      Matcher found = pattern.matcher(line);
      if (found.find()) {
        return Long.parseLong(found.group(1));
      }
    }
    throw new IOException("the service has not printed " + pattern);
  }

  @AfterEach
  void kill() {
    process.destroyForcibly();
  }

  /** Sends a SIGTERM and waits for the end; how many requests were accepted until then. */
  private long terminate(Duration atMost) throws Exception {
    process.toHandle().destroy(); // which leaves its output open
    long accepted = number(ACCEPTED);
    assertThat(process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    return accepted;
  }

  /** Counts whole answers, on one connection after the other, until the service is gone. */
  private void answersUntilTheEnd(AtomicInteger answers) throws IOException {
    while (true) {
      try (Http connection = new Http(port)) {
        boolean open = true;
        while (open) {
          connection.send(Http.post("/score", "you may reproduce ".repeat(50)));
          Answer answer = connection.answer();
          if (answer == null) {
            break; // closed before it took the request
          }
          assertThat(answer.status()).isEqualTo(200);
          answers.incrementAndGet();
          open = !answer.closes();
        }
      } catch (SocketException e) { // reset or refused: no request was taken
        if (!process.isAlive() || e instanceof java.net.ConnectException) {
          return;
        }
      }
    }
  }

  @Test
  void underLoadEveryAcceptedRequestIsAnswered() throws Exception {
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      AtomicInteger answered = new AtomicInteger();
      List<Future<?>> ends = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        ends.add(
            clients.submit(
                () -> {
                  answersUntilTheEnd(answered);
                  return null;
                }));
      }
      while (answered.get() < 300) {
        Thread.sleep(10);
      }
      long accepted = terminate(Duration.ofSeconds(15));
      for (Future<?> end : ends) {
        end.get();
      }
      System.out.println(
          "SIGTERM under load: " + accepted + " accepted, " + answered + " answered");
      assertThat(answered.get()).isEqualTo((int) accepted);
    }
  }

  @Test
  void idleConnectionsDoNotDelayTheEnd() throws Exception {
    try (Http idle = new Http(port);
        Http used = new Http(port)) {
      assertThat(used.ask(Http.get("/")).status()).isEqualTo(200);
      long begin = System.nanoTime();
      assertThat(terminate(Duration.ofSeconds(15))).isEqualTo(1);
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(8));
      assertThat(idle.answer()).isNull();
    }
  }

  @Test
  void aRequestThatIsUnderWayIsAnsweredAndItsConnectionClosed() throws Exception {
    try (Http half = new Http(port)) {
      half.send("POST /next?k=1 HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nyou ");
      Thread.sleep(500); // until it is accepted
      process.toHandle().destroy();
      Thread.sleep(500); // until it stops
      assertThat(process.isAlive()).isTrue();
      half.send("may ad");
      Answer answer = half.answer();
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.closes()).isTrue();
      assertThat(half.answer()).isNull();
      assertThat(number(ACCEPTED)).isEqualTo(1);
    }
  }

  /** A request whose end never comes cannot be answered; it delays the end by the grace period. */
  @Test
  void aRequestWithoutItsEndDelaysTheEndByTheGracePeriod() throws Exception {
    try (Http half = new Http(port)) {
      half.send("POST /next HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nabc");
      Thread.sleep(300);
      terminate(Duration.ofSeconds(25));
    }
  }
}
