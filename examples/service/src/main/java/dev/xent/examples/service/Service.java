// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.jr.ob.JSON;
import dev.xent.Tensor;
import dev.xent.XentRuntime;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MimeTypes;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.server.handler.SizeLimitHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Two endpoints over a model: {@code POST /next?k=5}, the likeliest letters after a text, and
 * {@code POST /score}, how likely a text is. Each request is a virtual thread. {@code GET /} is a
 * page to try them; {@link Management} is for operators.
 */
public final class Service extends Handler.Abstract implements AutoCloseable {
  /** Of a request. A text of so many letters needs 3 MB beside the Java heap while it is scored. */
  static final int MOST_BYTES = 16_384;

  /** What may be asked for, and how. */
  static final Map<String, String> METHODS =
      Map.of(
          "/", "GET, HEAD, OPTIONS",
          "/next", "POST, OPTIONS",
          "/score", "POST, OPTIONS",
          "*", "GET, HEAD, POST, OPTIONS");

  /** The page brings its own script and styles, and asks nobody else. */
  private static final String PAGE_MAY =
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
          + " connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

  private static final Duration GRACE = Duration.ofSeconds(15);

  /** Connections on which nothing came for so long, while it goes, are idle. */
  private static final Duration QUIET = Duration.ofSeconds(3);

  private static final Logger LOG = LoggerFactory.getLogger(Service.class);

  private final LetterModel model = new LetterModel();
  private final byte[] page = resource("/page.html");
  private final Scorer scorer;
  private final Management management;
  private final Timer scoring;
  private final TimeLimits limits = new TimeLimits(this);
  private final HttpConfiguration http = new HttpConfiguration();
  private final ServerConnector connector;
  private final NetworkConnectionLimit connections;
  private final Duration drain = Duration.ofSeconds(setting("service.drain", 5, 0, 3600));

  record Next(List<Letter> next) {}

  record Letter(String letter, float probability) {}

  record Score(int letters, double logProbability, double perplexity) {}

  /**
   * @param port 0 for any that is free
   * @param operators where {@link Management} listens
   */
  Service(int port, InetSocketAddress operators, Scorer scorer) throws Exception {
    this.scorer = scorer;
    management =
        new Management(
            operators, Map.of("scorer", scorer.name(), "xent", XentRuntime.get().toString()));
    scoring = Timer.builder("scoring").description("On the logits").register(management.meters());
    QueuedThreadPool threads = new QueuedThreadPool();
    threads.setVirtualThreadsExecutor(VirtualThreads.getDefaultVirtualThreadsExecutor());
    connector = connector(new InetSocketAddress(port), threads, http, limits);
    management.watch(connector);
    connector.addBean(limits);
    int most = setting("service.connections", 4096, 1, 1 << 20);
    connections = new NetworkConnectionLimit(most, connector);
    Server server = connector.getServer();
    server.addBean(connections);
    server.setRequestLog(new AccessLog(management.meters()));
    server.start();
    management.ready(true);
  }

  /** Of HTTP/1.1 and 1.0, as strictly as RFC 9110 and 9112 say. */
  static ServerConnector connector(
      InetSocketAddress address, QueuedThreadPool threads, HttpConfiguration http, Handler handler)
      throws IOException {
    Server server = new Server(threads);
    SizeLimitHandler sizes = new SizeLimitHandler(MOST_BYTES, -1);
    sizes.setHandler(handler);
    server.setHandler(sizes);
    server.setErrorHandler(Service::error);
    http.setSendServerVersion(false);
    ServerConnector connector = new Port(server, new HttpConnectionFactory(http));
    connector.setHost(address.getHostString());
    connector.setPort(address.getPort());
    connector.setAcceptQueueSize(1024); // a burst waits here: 50 would leave it to resend its SYNs
    server.addConnector(connector);
    return connector;
  }

  int port() {
    return connector.getLocalPort();
  }

  Management management() {
    return management;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) throws Exception {
    if (ambiguous(request)) {
      response.getHeaders().put(HttpFields.CONNECTION_CLOSE);
      Refusal refusal = bad("Transfer-Encoding is chunked only, and of HTTP/1.1: leave it out");
      Response.writeError(request, response, callback, refusal);
      return true;
    }
    String path = Request.getPathInContext(request);
    String allowed = METHODS.get(path);
    if (allowed == null) {
      throw new Refusal(HttpStatus.NOT_FOUND_404, "not here: POST /next, POST /score or GET /");
    }
    if (HttpMethod.OPTIONS.is(request.getMethod())) {
      response.getHeaders().put(HttpHeader.ALLOW, allowed);
      send(response, "text/plain", new byte[0], callback);
      return true;
    }
    if (!List.of(allowed.split(", ")).contains(request.getMethod())) {
      response.getHeaders().put(HttpHeader.ALLOW, allowed);
      Refusal refusal =
          new Refusal(HttpStatus.METHOD_NOT_ALLOWED_405, "wrong method for this: use " + allowed);
      Response.writeError(request, response, callback, refusal); // thrown, it would lose Allow
      return true;
    }
    switch (path) {
      case "/next" -> json(response, next(request), callback);
      case "/score" -> json(response, score(text(request)), callback);
      default -> {
        response.getHeaders().put("Content-Security-Policy", PAGE_MAY);
        send(response, "text/html;charset=utf-8", page, callback);
      }
    }
    return true;
  }

  /**
   * Where its body ends is another matter to another reader of it. Jetty takes gzip, chunked for
   * chunked, and goes on behind a chunked body of HTTP/1.0, which RFC 9112 (6.1) forbids.
   */
  private static boolean ambiguous(Request request) {
    HttpFields fields = request.getHeaders();
    return fields.contains(HttpHeader.TRANSFER_ENCODING)
        && (request.getConnectionMetaData().getHttpVersion() != HttpVersion.HTTP_1_1
            || !"chunked".equalsIgnoreCase(fields.get(HttpHeader.TRANSFER_ENCODING)));
  }

  private Next next(Request request) throws OrtException, IOException {
    String k = Request.extractQueryParameters(request).getValue("k");
    return next(text(request), k == null ? 5 : count(k));
  }

  /** The arena is closed before anything is sent: a client that reads slowly keeps no memory. */
  private Next next(long[] text, int k) throws OrtException {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = model.logits(text, text.length, text.length + 1, arena);
      List<Scorer.Likely> best = scoring.record(() -> scorer.top(logits, k));
      return new Next(best.stream().map(Service::letter).toList());
    }
  }

  private Score score(long[] text) throws OrtException {
    if (text.length == 0) {
      throw bad("there is no text; expected one letter or more");
    }
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = model.logits(text, 0, text.length, arena);
      Tensor labels = Tensor.of(text, text.length);
      double sum = scoring.record(() -> scorer.logProbability(logits, labels));
      return new Score(text.length, sum, Math.exp(-sum / text.length));
    }
  }

  private static long[] text(Request request) throws IOException {
    Charset charset = charset(request);
    try {
      ByteBuffer bytes = Content.Source.asByteBuffer(request);
      return LetterModel.letters(charset.newDecoder().decode(bytes).toString());
    } catch (CharacterCodingException e) {
      throw bad("the text is not " + charset + ": send UTF-8, or name its charset");
    } catch (EofException e) {
      throw bad("the body is broken: shorter than its Content-Length, or chunked wrongly");
    }
  }

  private static Charset charset(Request request) {
    if (request.getHeaders().contains(HttpHeader.CONTENT_ENCODING)) {
      throw new Refusal(
          HttpStatus.UNSUPPORTED_MEDIA_TYPE_415, "the body is encoded: send plain text");
    }
    String type = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
    String name = type == null ? null : MimeTypes.getCharsetFromContentType(type);
    try {
      return name == null ? StandardCharsets.UTF_8 : Charset.forName(name);
    } catch (IllegalArgumentException e) {
      throw new Refusal(
          HttpStatus.UNSUPPORTED_MEDIA_TYPE_415,
          "the charset of Content-Type is unknown here: send UTF-8");
    }
  }

  private static Letter letter(Scorer.Likely likely) {
    return new Letter(
        LetterModel.LETTERS.substring(likely.label(), likely.label() + 1), likely.probability());
  }

  private static int count(String k) {
    int most = LetterModel.LETTERS.length();
    return whole(k, 1, most).orElseThrow(() -> bad("k is not a whole number from 1 to " + most));
  }

  private static OptionalInt whole(String digits, int least, int most) {
    if (!digits.matches("[0-9]{1,9}")) {
      return OptionalInt.empty();
    }
    int number = Integer.parseInt(digits);
    return least <= number && number <= most ? OptionalInt.of(number) : OptionalInt.empty();
  }

  /** Of the system properties. Integer.getInteger would put the default in place of nonsense. */
  private static int setting(String name, int standard, int least, int most) {
    String given = System.getProperty(name, Integer.toString(standard));
    String wanted = "-D%s=%s; expected a whole number from %d to %d";
    return whole(given, least, most)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    String.format(Locale.ROOT, wanted, name, given, least, most)));
  }

  /** logback.xml reads the level of the access log; logback itself takes any word for DEBUG. */
  private static void requireAccess() {
    String given = System.getProperty("service.access", "INFO");
    if (!Set.of("INFO", "OFF").contains(given)) {
      throw new IllegalArgumentException("-Dservice.access=" + given + ": must be INFO or OFF");
    }
  }

  private static Refusal bad(String reason) {
    return new Refusal(HttpStatus.BAD_REQUEST_400, reason);
  }

  private static void json(Response response, Record answer, Callback callback) throws IOException {
    send(response, "application/json", JSON.std.asBytes(answer), callback);
  }

  static void send(Response response, String type, byte[] body, Callback callback) {
    response
        .getHeaders()
        .put(HttpHeader.CONTENT_TYPE, type)
        .put("X-Content-Type-Options", "nosniff");
    ConnectionMetaData connection = response.getRequest().getConnectionMetaData();
    if (!connection.isPersistent()
        || !connection.getHttpConfiguration().isPersistentConnectionsEnabled()) {
      response.getHeaders().put(HttpFields.CONNECTION_CLOSE); // which Jetty leaves out in HTTP/1.0
    }
    response.write(true, ByteBuffer.wrap(body), callback);
  }

  /** Every error has a body that says what to do, also those that Jetty finds. */
  private static boolean error(Request request, Response response, Callback callback) {
    Object cause = request.getAttribute(ErrorHandler.ERROR_EXCEPTION);
    String reason = Objects.toString(request.getAttribute(ErrorHandler.ERROR_MESSAGE));
    if (response.getStatus() == HttpStatus.UPGRADE_REQUIRED_426) { // it would have to say to what
      response.setStatus(HttpStatus.HTTP_VERSION_NOT_SUPPORTED_505);
    }
    String sentence =
        switch (response.getStatus()) {
          case HttpStatus.PAYLOAD_TOO_LARGE_413 ->
              "the text has more than " + MOST_BYTES + " bytes: send a shorter one";
          case HttpStatus.EXPECTATION_FAILED_417 -> "Expect knows 100-continue only: leave it out";
          case HttpStatus.URI_TOO_LONG_414 -> "the URI is too long: send the text as the body";
          case HttpStatus.REQUEST_HEADER_FIELDS_TOO_LARGE_431 ->
              "the head is too long: send fewer or shorter fields";
          case HttpStatus.INTERNAL_SERVER_ERROR_500 -> "the service has failed: its log says why";
          default ->
              cause instanceof Refusal ? reason : "this is not a request of HTTP/1.1: " + reason;
        };
    send(response, "text/plain;charset=utf-8", sentence.getBytes(StandardCharsets.UTF_8), callback);
    return true;
  }

  static byte[] resource(String name) {
    try (InputStream stream = Service.class.getResourceAsStream(name)) {
      if (stream == null) {
        throw new IllegalArgumentException(
            name + " is not on the class path: build the service again");
      }
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Says that it goes, while it still serves all: who sends it requests has to hear of it first.
   */
  void drain() throws InterruptedException {
    management.ready(false);
    Thread.sleep(drain);
  }

  /**
   * Accepts who waits in the queue of the port, closes the port, answers what is sent on the
   * connections, and goes. Jetty's own shutdown closes some right behind an answer that does not
   * say so.
   */
  @Override
  public void close() throws Exception {
    management.ready(false);
    connections.setMaxNetworkConnectionCount(Integer.MAX_VALUE); // for who waits
    connector.close();
    // From now on: Connection: close. While the port is open, it would send clients there again.
    http.setPersistentConnectionsEnabled(false);
    long begin = System.nanoTime();
    Duration since;
    do {
      Thread.sleep(50);
      since = Duration.ofNanos(System.nanoTime() - begin);
    } while (connections.getPendingNetworkConnectionCount()
                + connections.getNetworkConnectionCount()
            > 0
        && (since.compareTo(QUIET) < 0 || limits.quiet().compareTo(QUIET) < 0)
        && since.compareTo(GRACE) < 0);
    if (limits.quiet().isZero()) {
      LOG.warn("some requests are not answered after {} s", GRACE.toSeconds());
    }
    connector.getServer().stop();
    model.close();
    management.close();
  }

  /**
   * Serves until a SIGTERM, SIGINT or SIGHUP; a second one ends it at once. A shutdown hook would
   * be too late for that: ONNX Runtime has one of its own, which frees what running requests need,
   * and hooks run all at once.
   */
  public static void main(String[] arguments) throws Exception {
    CountDownLatch told = new CountDownLatch(1);
    SignalHandler handler =
        signal -> {
          if (told.getCount() == 0) {
            Runtime.getRuntime().halt(128 + signal.getNumber());
          }
          told.countDown();
        };
    List.of("TERM", "INT", "HUP").forEach(name -> handle(name, handler));
    try (Service service = service()) {
      LOG.info(
          "listening on port {}, for operators on port {}, {}",
          service.port(),
          service.management.port(),
          XentRuntime.get());
      told.await();
      LOG.info("DOWN, and gone in {} s; another signal ends it at once", service.drain.toSeconds());
      service.drain();
    }
    LOG.info("stopped");
  }

  /** Windows has no HUP, and with -Xrs all signals are the system's. */
  private static void handle(String name, SignalHandler handler) {
    try {
      Signal.handle(new Signal(name), handler);
    } catch (IllegalArgumentException e) {
      LOG.info("{}: it ends nothing in order", e.getMessage());
    }
  }

  private static Service service() {
    int most = 65_535;
    try {
      requireAccess();
      return new Service(
          setting("service.port", 8080, 0, most),
          new InetSocketAddress(
              System.getProperty("service.management.host", "127.0.0.1"),
              setting("service.management.port", 8081, 0, most)),
          Scorer.named(System.getProperty("service.scorer", "xent")));
    } catch (IllegalArgumentException e) { // a setting, a file
      LOG.error("{}", e.getMessage());
    } catch (IOException e) { // a port that is taken
      LOG.error(
          "{}, {}: choose others by -Dservice.port and -Dservice.management.port",
          e.getMessage(),
          String.valueOf(e.getCause()));
    } catch (Exception | Error e) {
      LOG.error("the service has not started", e);
    }
    System.exit(1); // with what has begun, whose threads would keep the process
    throw new IllegalStateException("unreachable");
  }
}
