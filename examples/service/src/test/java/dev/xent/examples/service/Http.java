// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** One connection, byte by byte: a client of java.net.http would hide what is tested here. */
final class Http implements Closeable {
  private static final int PATIENCE_MILLIS = 40_000;

  private final Socket socket;
  private final InputStream in;

  /** An answer, whole. */
  record Answer(int status, String head, String body) {
    boolean closes() {
      return field("connection", "").equalsIgnoreCase("close");
    }

    String field(String name, String absent) {
      return Http.field(head, name, absent);
    }
  }

  Http(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(PATIENCE_MILLIS);
    in = socket.getInputStream();
  }

  void send(String text) throws IOException {
    send(text.getBytes(StandardCharsets.UTF_8));
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  int available() throws IOException {
    return in.available();
  }

  /** Nothing more comes from here; whoever waits for it sees the end. */
  void shutdownOutput() throws IOException {
    socket.shutdownOutput();
  }

  static String post(String path, String body) {
    int length = body.getBytes(StandardCharsets.UTF_8).length;
    return "POST "
        + path
        + " HTTP/1.1\r\nHost: here\r\nContent-Type: text/plain\r\nContent-Length: "
        + length
        + "\r\n\r\n"
        + body;
  }

  static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: here\r\n\r\n";
  }

  /** The next answer; null where the connection ends before one begins. */
  @Nullable Answer answer() throws IOException {
    return answer(true);
  }

  /** The next answer, whose head may speak of a body that does not come: that of HEAD. */
  @Nullable Answer answer(boolean bodies) throws IOException {
    String head = head();
    if (head == null) {
      return null;
    }
    int length = bodies ? Integer.parseInt(field(head, "content-length", "0")) : 0;
    byte[] body = in.readNBytes(length);
    if (body.length < length) {
      throw new IOException("an answer of " + length + " bytes ended after " + body.length);
    }
    return new Answer(
        Integer.parseInt(head.substring(9, 12)), head, new String(body, StandardCharsets.UTF_8));
  }

  /** An answer to this. */
  Answer ask(String request) throws IOException {
    send(request);
    Answer answer = answer();
    if (answer == null) {
      throw new IOException("no answer");
    }
    return answer;
  }

  private @Nullable String head() throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
      int b = in.read();
      if (b < 0 && head.size() == 0) {
        return null;
      }
      if (b < 0) {
        throw new IOException("an answer ended within its head");
      }
      head.write(b);
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  private static String field(String head, String name, String absent) {
    return head.lines()
        .filter(line -> line.regionMatches(true, 0, name + ":", 0, name.length() + 1))
        .map(line -> line.substring(name.length() + 1).strip())
        .findFirst()
        .orElse(absent);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
