// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import org.jspecify.annotations.Nullable;

/**
 * Starts the command. Compiled for JDK 11, so that an older Java can print the required version.
 */
public final class Launcher {
  private static final int OLDEST = 21;

  private Launcher() {}

  /**
   * Runs a command and ends the process.
   *
   * @param arguments of the command line
   */
  public static void main(String[] arguments) {
    String problem = problem(Runtime.version().feature());
    if (problem == null && Launcher.class.getResource("/picocli/CommandLine.class") == null) {
      problem = "xent: xent-cli.jar needs the folder lib next to it; copy both";
    }
    if (problem != null) {
      System.err.println(problem);
      System.exit(2);
    }
    Main.main(arguments);
  }

  /** The reason why a Java version cannot run the command; null if it can. */
  static @Nullable String problem(int version) {
    return version >= OLDEST
        ? null
        : "xent: needs Java "
            + OLDEST
            + " or newer, and this is Java "
            + version
            + "; set JAVA_HOME and PATH to a newer one";
  }
}
