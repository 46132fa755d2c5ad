// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

/** Formats numbers for the command line: shortest digits, {@code nan}, inf and -inf. */
public final class Numbers {
  private Numbers() {}

  /** The text of a double. */
  public static String text(double value) {
    return Double.isFinite(value) ? Double.toString(value) : word(value);
  }

  /** The text of a float, with the shortest digits that identify the float. */
  public static String text(float value) {
    return Float.isFinite(value) ? Float.toString(value) : word(value);
  }

  private static String word(double value) {
    return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
}
