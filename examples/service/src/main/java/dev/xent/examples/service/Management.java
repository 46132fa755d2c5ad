// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import com.fasterxml.jackson.jr.ob.JSON;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * For operators, on a port and threads of its own, so that it answers while the service is busy:
 * {@code /health} or {@code /health/ready}, whether it wants requests; {@code /health/live},
 * whether it runs; {@code /metrics}, what it did, for Prometheus.
 */
final class Management extends Handler.Abstract implements AutoCloseable {
  private final PrometheusMeterRegistry meters =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics collections = new JvmGcMetrics();
  private final Map<String, String> details;
  private final ServerConnector connector;
  private volatile boolean ready;

  /**
   * @param details what health says beside UP or DOWN
   */
  Management(InetSocketAddress address, Map<String, String> details) throws Exception {
    this.details = details;
    collections.bindTo(meters);
    new JvmMemoryMetrics().bindTo(meters);
    new JvmThreadMetrics().bindTo(meters);
    new ProcessorMetrics().bindTo(meters);
    new UptimeMetrics().bindTo(meters);
    connector = Service.connector(address, new QueuedThreadPool(10), new HttpConfiguration(), this);
    connector.getServer().start();
  }

  MeterRegistry meters() {
    return meters;
  }

  int port() {
    return connector.getLocalPort();
  }

  /** Counts the connections of another server. */
  void watch(ServerConnector other) {
    Gauge.builder("http.server.connections", other, each -> each.getConnectedEndPoints().size())
        .register(meters);
  }

  /** Whether the service wants requests: not before it listens, nor when it goes. */
  void ready(boolean ready) {
    this.ready = ready;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) throws Exception {
    switch (Request.getPathInContext(request)) {
      case "/health", "/health/ready" -> health(ready, response, callback);
      case "/health/live" -> health(true, response, callback);
      case "/metrics" -> {
        byte[] text = meters.scrape().getBytes(StandardCharsets.UTF_8);
        Service.send(response, "text/plain;version=0.0.4;charset=utf-8", text, callback);
      }
      default ->
          throw new Refusal(HttpStatus.NOT_FOUND_404, "not here: GET /health or GET /metrics");
    }
    return true;
  }

  private void health(boolean up, Response response, Callback callback) throws Exception {
    Map<String, String> health = new LinkedHashMap<>();
    health.put("status", up ? "UP" : "DOWN");
    health.putAll(details);
    response.setStatus(up ? HttpStatus.OK_200 : HttpStatus.SERVICE_UNAVAILABLE_503);
    Service.send(response, "application/json", JSON.std.asBytes(health), callback);
  }

  @Override
  public void close() throws Exception {
    connector.getServer().stop();
    collections.close();
    meters.close();
  }
}
