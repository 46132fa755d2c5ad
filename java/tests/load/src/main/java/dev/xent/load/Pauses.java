// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The stops of one kind of load. */
final class Pauses {
  private final List<Long> collections = new ArrayList<>();
  private final List<Long> reaching = new ArrayList<>();

  void add(List<SafepointLog.Stop> stops) {
    for (SafepointLog.Stop each : stops) {
      reaching.add(each.reaching());
      if (each.isCollection()) {
        collections.add(each.total());
      }
    }
  }

  int collections() {
    return collections.size();
  }

  int stops() {
    return reaching.size();
  }

  /** Nanoseconds of the longest stop for the collector. */
  long longest() {
    return quantile(collections, 1);
  }

  /**
   * The longest time, in nanoseconds, that other threads waited for the slowest one before a stop.
   */
  long longestReaching() {
    return quantile(reaching, 1);
  }

  private static long quantile(List<Long> values, double share) {
    List<Long> sorted = values.stream().sorted().toList();
    return sorted.isEmpty() ? 0 : sorted.get((int) Math.ceil((sorted.size() - 1) * share));
  }

  private static String milliseconds(List<Long> values) {
    return String.format(
        Locale.ROOT,
        "median %.2f, 99 %% %.2f, longest %.2f ms",
        quantile(values, 0.5) / 1e6,
        quantile(values, 0.99) / 1e6,
        quantile(values, 1) / 1e6);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%,d pauses of the collector: %s; %,d stops, until all threads stand: %s",
        collections.size(),
        milliseconds(collections),
        reaching.size(),
        milliseconds(reaching));
  }
}
