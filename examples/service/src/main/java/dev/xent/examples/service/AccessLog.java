// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Set;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Response;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A line for each request, and the same in the metrics: those too that Jetty refused. */
final class AccessLog implements RequestLog {
  private static final Logger LOG = LoggerFactory.getLogger("access");
  private static final Set<String> KNOWN =
      Set.of("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS");

  private final Timer.Builder requests =
      Timer.builder("http.server.requests")
          .description("From the first byte of a request to the last of its answer")
          .serviceLevelObjectives(
              Duration.ofMillis(1),
              Duration.ofMillis(10),
              Duration.ofMillis(100),
              Duration.ofSeconds(1),
              Duration.ofSeconds(10));

  private final MeterRegistry meters;

  AccessLog(MeterRegistry meters) {
    this.meters = meters;
  }

  @Override
  public void log(Request request, Response response) {
    Duration time = Duration.ofNanos(System.nanoTime() - request.getBeginNanoTime());
    String path = Request.getPathInContext(request);
    // What a client invents is no label of a metric: each would be kept for ever.
    requests
        .withRegistry(meters)
        .withTags(
            "method", KNOWN.contains(request.getMethod()) ? request.getMethod() : "other",
            "path", Service.METHODS.containsKey(path) ? path : "other",
            "status", Integer.toString(response.getStatus()))
        .record(time);
    LOG.atInfo()
        .addKeyValue("client", Request.getRemoteAddr(request))
        .addKeyValue("method", request.getMethod())
        .addKeyValue("path", request.getHttpURI().getPathQuery())
        .addKeyValue("status", response.getStatus())
        .addKeyValue("ms", time.toNanos() / 1000 / 1e3)
        .log("request");
  }
}
