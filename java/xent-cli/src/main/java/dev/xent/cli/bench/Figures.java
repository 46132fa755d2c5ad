// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

/** Formats numbers for tables: three significant digits. */
final class Figures {
  private static final double[] ROUND_UP = {9.995, 99.95};
  private static final double ROUND_UP_SHARE = 9.95;
  private static final int HUNDRED = 100;

  private Figures() {}

  /** {@code 0.158}, {@code 12.3}, {@code 456}. */
  static String number(double value) {
    if (value < 1) {
      return message("%.3f", value);
    }
    String format = value < ROUND_UP[0] ? "%.2f" : value < ROUND_UP[1] ? "%.1f" : "%.0f";
    return message(format, value);
  }

  /** {@code 3.5%}, {@code 98%}. */
  static String share(double share) {
    double percent = share * HUNDRED;
    String format = percent < ROUND_UP_SHARE ? "%.1f%%" : "%.0f%%";
    return message(format, percent);
  }
}
