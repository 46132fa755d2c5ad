// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

/** What the launcher runs to try the options of {@code XENT_JAVA_OPTIONS}: it says that it runs. */
public final class Started {
  private Started() {}

  /** Prints the words that the launcher looks for. */
  public static void main(String[] arguments) {
    System.out.println("the JVM has started");
  }
}
