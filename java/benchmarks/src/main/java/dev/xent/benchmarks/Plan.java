// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Locale;

/**
 * The durations of timing.
 *
 * @param warmUpMillis before a candidate is compiled and counts
 * @param settleMillis at the start of each turn, for the caches
 * @param roundMillis of a turn that counts; a longer call is made once
 * @param rounds the number of turns of every candidate
 */
record Plan(long warmUpMillis, long settleMillis, long roundMillis, int rounds) {
  /** Takes minutes for the whole table. */
  static final Plan FULL = new Plan(300, 20, 80, 7);

  /** For a quick run. */
  static final Plan QUICK = new Plan(150, 10, 30, 3);

  /** The text form, as an argument of a process. */
  String text() {
    return String.format(
        Locale.ROOT, "%d,%d,%d,%d", warmUpMillis, settleMillis, roundMillis, rounds);
  }

  /** Parses the result of {@link #text}. */
  static Plan of(String text) {
    String[] parts = text.split(",");
    return new Plan(
        Long.parseLong(parts[0]),
        Long.parseLong(parts[1]),
        Long.parseLong(parts[2]),
        Integer.parseInt(parts[3]));
  }
}
