// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Locale;

/**
 * How long things are timed.
 *
 * @param warmUpMillis before a candidate is compiled and counts
 * @param settleMillis at the beginning of each turn, for the caches
 * @param roundMillis of a turn that counts; a call that takes longer is made once
 * @param rounds turns that every candidate gets
 */
record Plan(long warmUpMillis, long settleMillis, long roundMillis, int rounds) {
  /** Minutes for the whole table. */
  static final Plan FULL = new Plan(300, 20, 80, 7);

  /** A first look. */
  static final Plan QUICK = new Plan(150, 10, 30, 3);

  /** As an argument of a process. */
  String text() {
    return String.format(
        Locale.ROOT, "%d,%d,%d,%d", warmUpMillis, settleMillis, roundMillis, rounds);
  }

  /** What {@link #text} wrote. */
  static Plan of(String text) {
    String[] parts = text.split(",");
    return new Plan(
        Long.parseLong(parts[0]),
        Long.parseLong(parts[1]),
        Long.parseLong(parts[2]),
        Integer.parseInt(parts[3]));
  }
}
