// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.jr.ob.JSON;
import dev.xent.Tensor;
import dev.xent.Xent;
import io.helidon.common.media.type.MediaTypes;
import io.helidon.health.HealthCheckResponse;
import io.helidon.health.HealthCheckType;
import io.helidon.http.HeaderValues;
import io.helidon.http.HttpException;
import io.helidon.http.Status;
import io.helidon.metrics.api.MetricsFactory;
import io.helidon.metrics.api.Timer;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.observe.ObserveFeature;
import io.helidon.webserver.observe.health.HealthObserver;
import io.helidon.webserver.observe.metrics.MetricsObserver;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import sun.misc.Signal;

/**
 * Two endpoints over a model: {@code POST /next?k=5}, the likeliest letters after a text, and
 * {@code POST /score}, how likely a text is. Each request is a virtual thread. {@code GET /} is a
 * page to try them, {@code /observe/health} and {@code /observe/metrics} are for who looks after
 * it.
 */
public final class Service implements AutoCloseable {
  /** Of a request. A text of so many letters needs 3 MB beside the Java heap while it is scored. */
  static final int MOST_BYTES = 16_384;

  private static final Duration GRACE = Duration.ofSeconds(10);

  private final LetterModel model = new LetterModel();
  private final Scorer scorer;
  private final Timer scoring =
      MetricsFactory.getInstance()
          .globalRegistry()
          .getOrCreate(Timer.builder("scoring").description("On the logits"));
  private final LongAdder accepted = new LongAdder();
  private final WebServer server;
  private volatile boolean stopping;

  record Next(List<Letter> next) {}

  record Letter(String letter, float probability) {}

  record Score(int letters, double logProbability, double perplexity) {}

  Service(int port, Scorer scorer) throws OrtException {
    this.scorer = scorer;
    byte[] page = resource("/page.html");
    server =
        WebServer.builder()
            .port(port)
            .shutdownHook(false) // close() does more
            .shutdownGracePeriod(GRACE)
            .idleConnectionTimeout(Duration.ofSeconds(30))
            .maxPayloadSize(MOST_BYTES)
            .addFeature(
                ObserveFeature.just(
                    HealthObserver.builder()
                        .addCheck(this::health, HealthCheckType.READINESS, "scorer")
                        .details(true)
                        .build(),
                    MetricsObserver.create()))
            .routing(
                HttpRouting.builder()
                    .addFilter(this::drain)
                    .get("/", (request, response) -> html(response, page))
                    .post("/next", this::next)
                    .post("/score", this::score))
            .build()
            .start();
  }

  int port() {
    return server.port();
  }

  /**
   * Requests so far whose head was read and is HTTP. Each is answered, unless the end of its body
   * does not come.
   */
  long accepted() {
    return accepted.sum();
  }

  private HealthCheckResponse health() {
    return HealthCheckResponse.builder()
        .status(!stopping)
        .detail("name", scorer.name())
        .detail("xent", Xent.runtime().toString())
        .build();
  }

  /** While it stops, whoever is answered is asked to come back on a new connection, elsewhere. */
  private void drain(FilterChain chain, RoutingRequest request, RoutingResponse response) {
    accepted.increment();
    response.beforeSend(
        () -> {
          if (stopping) {
            response.header(HeaderValues.CONNECTION_CLOSE);
          }
        });
    chain.proceed();
  }

  private static void html(ServerResponse response, byte[] page) {
    response.headers().contentType(MediaTypes.TEXT_HTML);
    response.send(page);
  }

  private void next(ServerRequest request, ServerResponse response)
      throws OrtException, IOException {
    int k = count(request.query().first("k").orElse("5"));
    send(response, next(text(request), k));
  }

  /** The arena is closed before anything is sent: a client that reads slowly keeps no memory. */
  private Next next(long[] text, int k) throws OrtException {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = model.logits(text, text.length, text.length + 1, arena);
      List<Scorer.Likely> best = timed(() -> scorer.top(logits, k));
      return new Next(best.stream().map(Service::letter).toList());
    }
  }

  private void score(ServerRequest request, ServerResponse response)
      throws OrtException, IOException {
    long[] text = text(request);
    if (text.length == 0) {
      throw refusal("there is no text: give one letter or more");
    }
    send(response, score(text));
  }

  private Score score(long[] text) throws OrtException {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = model.logits(text, 0, text.length, arena);
      Tensor labels = Tensor.of(text, text.length);
      double sum = timed(() -> scorer.logProbability(logits, labels));
      return new Score(text.length, sum, Math.exp(-sum / text.length));
    }
  }

  private static long[] text(ServerRequest request) {
    return LetterModel.letters(
        request.content().hasEntity() ? request.content().as(String.class) : "");
  }

  private static void send(ServerResponse response, Record answer) throws IOException {
    response.headers().contentType(MediaTypes.APPLICATION_JSON);
    response.send(JSON.std.asBytes(answer));
  }

  private <T> T timed(Supplier<T> work) {
    return scoring.record(work);
  }

  private static Letter letter(Scorer.Likely likely) {
    return new Letter(
        LetterModel.LETTERS.substring(likely.label(), likely.label() + 1), likely.probability());
  }

  private static int count(String k) {
    int most = LetterModel.LETTERS.length();
    if (!k.matches("[0-9]{1,2}") || Integer.parseInt(k) < 1 || Integer.parseInt(k) > most) {
      throw refusal("k is not a whole number from 1 to " + most);
    }
    return Integer.parseInt(k);
  }

  private static HttpException refusal(String message) {
    return new HttpException(message, Status.BAD_REQUEST_400, true);
  }

  private static byte[] resource(String name) {
    try (InputStream stream = Service.class.getResourceAsStream(name)) {
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Accepts no more connections, answers what was accepted, and goes. */
  @Override
  public void close() throws OrtException {
    stopping = true;
    server.stop();
    model.close();
  }

  /**
   * Listens on the system property {@code service.port}, 8080, until a SIGTERM. A shutdown hook
   * would be too late for that: ONNX Runtime has one of its own, which frees what running requests
   * need, and hooks run all at once.
   */
  public static void main(String[] arguments) throws OrtException, InterruptedException {
    CountDownLatch terminated = new CountDownLatch(1);
    Signal.handle(new Signal("TERM"), signal -> terminated.countDown());
    Service service =
        new Service(
            Integer.getInteger("service.port", 8080),
            Scorer.named(System.getProperty("service.scorer", "xent")));
    try (service) {
      System.out.println("listening on port " + service.port() + ", " + Xent.runtime());
      terminated.await();
    }
    System.out.println("stopped: " + service.accepted() + " requests accepted");
  }
}
