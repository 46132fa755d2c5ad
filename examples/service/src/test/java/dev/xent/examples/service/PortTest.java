// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.DefaultHandler;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** Alone, as another test could get the port that was closed. */
@Isolated
class PortTest {
  /** Where it takes one, a client that was told to close its connection gets one that is reset. */
  @Test
  void whenItIsClosedNobodyConnects() throws Exception {
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    for (int i = 0; i < 20; i++) {
      QueuedThreadPool threads = new QueuedThreadPool();
      ServerConnector connector =
          Service.connector(any, threads, new HttpConfiguration(), new DefaultHandler());
      connector.getServer().start();
      try {
        int port = connector.getLocalPort();
        new Socket(any.getAddress(), port).close(); // its acceptor is at work
        connector.close();
        assertThatThrownBy(() -> new Socket(any.getAddress(), port).close())
            .isInstanceOf(ConnectException.class);
      } finally {
        connector.getServer().stop();
      }
    }
  }
}
