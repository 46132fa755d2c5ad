// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

/** Where an option stands in {@code --help}; those without an order of their own come first. */
public final class HelpOrder {
  /** What smoothing does. */
  static final int SMOOTHING = 0;

  /** Files that are written. */
  static final int FILES = 1;

  /** How to print. */
  public static final int PRINT = 2;

  /** How to compute. */
  static final int COMPUTE = 3;

  /** Help itself. */
  static final int HELP = 4;

  private HelpOrder() {}
}
