// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

/** Numbers as the command line prints them: shortest digits, {@code nan}, inf and -inf. */
public final class Numbers {
  private Numbers() {}

  /** A double. */
  public static String text(double value) {
    return Double.isFinite(value) ? Double.toString(value) : word(value);
  }

  /** A float, with its own shortest digits. */
  public static String text(float value) {
    return Float.isFinite(value) ? Float.toString(value) : word(value);
  }

  private static String word(double value) {
    return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
}
