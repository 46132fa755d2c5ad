// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

/** The program with which the launcher tests {@code XENT_JAVA_OPTIONS}: it prints that it runs. */
public final class Started {
  private Started() {}

  /** Prints the words that the launcher looks for. */
  public static void main(String[] arguments) {
    System.out.println("the JVM has started");
  }
}
