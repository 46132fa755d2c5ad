// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Heads and bodies have to be whole in time. An idle timeout would begin anew with each byte of a
 * client that sends slowly.
 */
final class TimeLimits extends Handler.Wrapper implements Connection.Listener {
  /** From the connection, or the last answer, to the whole head of a request. */
  static final Duration HEAD = Duration.ofSeconds(30);

  /** From the head to the whole body. */
  static final Duration BODY = Duration.ofSeconds(10);

  private final AtomicInteger underWay = new AtomicInteger();
  private volatile long latest = System.nanoTime();
  private final Map<Connection, Scheduler.Task> waiting = new ConcurrentHashMap<>();

  TimeLimits(Handler handler) {
    super(handler);
  }

  @Override
  public void onOpened(Connection connection) {
    await(connection);
  }

  @Override
  public void onClosed(Connection connection) {
    stopWaiting(connection);
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) throws Exception {
    Connection connection = request.getConnectionMetaData().getConnection();
    stopWaiting(connection);
    underWay.incrementAndGet();
    Scheduler.Task body = schedule(() -> request.fail(late()), BODY);
    Request.addCompletionListener(
        request,
        failure -> {
          body.cancel();
          latest = System.nanoTime();
          underWay.decrementAndGet();
          if (connection.getEndPoint().isOpen()) {
            await(connection);
          }
        });
    return super.handle(request, response, callback);
  }

  /** How long no request has been under way. */
  Duration quiet() {
    return underWay.get() > 0 ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - latest);
  }

  private void await(Connection connection) {
    waiting.put(connection, closing(connection));
  }

  private Scheduler.Task closing(Connection connection) {
    return schedule(
        () -> {
          waiting.remove(connection); // if it was closed meanwhile, nobody else does
          connection.getEndPoint().close();
        },
        HEAD);
  }

  private void stopWaiting(Connection connection) {
    Scheduler.Task task = waiting.remove(connection);
    if (task != null) {
      task.cancel();
    }
  }

  private Scheduler.Task schedule(Runnable task, Duration delay) {
    return getServer().getScheduler().schedule(task, delay.toMillis(), TimeUnit.MILLISECONDS);
  }

  private static Refusal late() {
    return new Refusal(
        HttpStatus.REQUEST_TIMEOUT_408,
        "the body was not whole after " + BODY.toSeconds() + " s: send it faster");
  }
}
