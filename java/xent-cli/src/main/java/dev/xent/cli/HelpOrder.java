// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

/** The order of options in {@code --help}; options without an order come first. */
public final class HelpOrder {
  /** Output files. */
  static final int FILES = 1;

  /** Options for printing. */
  public static final int PRINT = 2;

  /** Options for computing. */
  static final int COMPUTE = 3;

  /** The option help. */
  static final int HELP = 4;

  private HelpOrder() {}
}
