// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the output of {@code -Xlog:safepoint} step by step while the JVM writes it. */
final class SafepointLog implements AutoCloseable {
  /**
   * A stop of all threads.
   *
   * @param operation the reason
   * @param reaching nanoseconds until the last thread had stopped
   * @param total nanoseconds until threads continued
   */
  record Stop(String operation, long reaching, long total) {
    /** Whether it was for the collector. */
    boolean isCollection() {
      return operation.matches("(G1|Parallel|Shenandoah|Z).*|.*Collect.*");
    }
  }

  private static final Pattern LINE =
      Pattern.compile(
          "Safepoint \"([^\"]+)\".*Reaching safepoint:\\s*(\\d+) ns.*Total:\\s*(\\d+) ns.*");

  private final RandomAccessFile file;
  private String rest = "";

  SafepointLog(Path path) throws IOException {
    file = new RandomAccessFile(path.toFile(), "r");
  }

  /** The stops since the previous call. */
  List<Stop> read() throws IOException {
    byte[] bytes = new byte[Math.toIntExact(file.length() - file.getFilePointer())];
    file.readFully(bytes);
    String text = rest + new String(bytes, StandardCharsets.UTF_8);
    int end = text.lastIndexOf('\n') + 1;
    rest = text.substring(end);
    List<Stop> stops = new ArrayList<>();
    text.substring(0, end).lines().forEach(line -> parse(line, stops));
    return stops;
  }

  private static void parse(String line, List<Stop> stops) {
    Matcher matcher = LINE.matcher(line);
    if (matcher.find()) {
      stops.add(
          new Stop(
              matcher.group(1),
              Long.parseLong(matcher.group(2)),
              Long.parseLong(matcher.group(3))));
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
