// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Samples the process from time to time. */
final class Sampler implements AutoCloseable {
  private static final double MIB = 1 << 20;

  private final SafepointLog log;
  private final Counts counts;
  private final List<Sample> samples = new ArrayList<>();
  private final Map<Double, List<SafepointLog.Stop>> stops = new TreeMap<>();
  private final long begin = System.nanoTime();
  private long lastTime = begin;
  private long lastCalls;

  Sampler(Path safepoints, Counts counts) throws IOException {
    this.log = new SafepointLog(safepoints);
    this.counts = counts;
    log.read();
    lastCalls = counts.calls.sum();
  }

  void sample() throws IOException {
    long now = System.nanoTime();
    long calls = counts.calls.sum();
    double seconds = (now - begin) / 1e9;
    stops.put(seconds, log.read());
    Pauses recent = new Pauses();
    recent.add(stops.get(seconds));
    samples.add(
        new Sample(
            seconds,
            ProcessState.residentKilobytes() / 1024.0,
            ProcessState.heapAfterCollection() / MIB,
            ProcessState.nativeThreads(),
            ProcessState.poolThreads(),
            ProcessState.openFiles(),
            (calls - lastCalls) * 1e9 / (now - lastTime),
            recent.longest() / 1e6,
            recent.longestReaching() / 1e6));
    lastTime = now;
    lastCalls = calls;
  }

  List<String> csv() {
    return Stream.concat(Stream.of(Sample.HEADER), samples.stream().map(Sample::csv)).toList();
  }

  List<Sample> samples() {
    return samples;
  }

  /** The pauses after the warm-up, in seconds. */
  Pauses pauses(double warmUp) {
    Pauses pauses = new Pauses();
    stops.forEach(
        (seconds, recent) -> {
          if (seconds > warmUp) {
            pauses.add(recent);
          }
        });
    return pauses;
  }

  @Override
  public void close() throws IOException {
    log.close();
  }
}
