// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.IO;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connector that accepts who is in the queue of its port and then closes the port, before {@code
 * close} returns. Jetty's own keeps the port open until its acceptor has left {@code accept}, and
 * resets the queue then.
 */
final class Port extends ServerConnector {
  private static final Logger LOG = LoggerFactory.getLogger(Port.class);

  private final Selector selector = Selector.open();

  Port(Server server, ConnectionFactory factory) throws IOException {
    super(server, factory);
  }

  @Override
  public void open(ServerSocketChannel channel) throws IOException {
    super.open(channel);
    channel.configureBlocking(false);
    channel.register(selector, SelectionKey.OP_ACCEPT);
  }

  @Override
  public void accept(int acceptor) throws IOException {
    selector.select(key -> {});
    take();
  }

  /**
   * Accepts one from the queue and returns whether there was one. The lock is that of close, behind
   * which nothing is half accepted.
   */
  private synchronized boolean take() throws IOException {
    SocketChannel channel = ((ServerSocketChannel) getTransport()).accept();
    if (channel == null) {
      return false;
    }
    channel.configureBlocking(false);
    configure(channel.socket());
    getSelectorManager().accept(channel);
    return true;
  }

  @Override
  public synchronized void close() {
    IO.close(selector); // the close of a channel that belongs to one waits for its thread
    try {
      // No more than the queue holds: others may come as fast as these go.
      for (int i = 0; isOpen() && i <= getAcceptQueueSize() && take(); i++) {}
    } catch (IOException e) {
      LOG.warn("the queue of port {} is not accepted", getLocalPort(), e);
    }
    super.close();
  }

  @Override
  protected boolean handleAcceptFailure(Throwable failure) {
    return selector.isOpen() && super.handleAcceptFailure(failure);
  }
}
