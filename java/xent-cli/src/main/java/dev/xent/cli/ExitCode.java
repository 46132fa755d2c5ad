// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

/** The exit codes of the command; scripts depend on them. */
public final class ExitCode {
  /** Success; for {@code verify}: equal. */
  public static final int OK = 0;

  /** {@code verify} found a difference, or {@code demo} an unexpected result. */
  public static final int DIFFERENT = 1;

  /** Nothing was done; standard error has one line with the reason. */
  public static final int ERROR = 2;

  /** The reader of standard output ended, as after SIGPIPE (13), which a JVM does not die of. */
  static final int CLOSED_PIPE = 128 + 13;

  private ExitCode() {}
}
