// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.Serial;
import java.nio.file.Path;

/**
 * Thrown when a file cannot be read or written. The message is one line with the cause and the fix;
 * control characters in names are escaped.
 */
public final class FileException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final String problem;

  FileException(String message) {
    super(Shown.line(message));
    problem = Shown.line(message);
  }

  FileException(String message, Throwable cause) {
    super(Shown.line(message), cause);
    problem = Shown.line(message);
  }

  /** The problem of a file, whose name begins the message. */
  FileException(Path file, String problem, Throwable cause) {
    super(Shown.line(file + " " + problem), cause);
    this.problem = Shown.line(problem);
  }

  /**
   * Returns the message without the name of the file that was read, so that a program that copied
   * it can name the original; of a file that was written, the whole message.
   */
  public String problem() {
    return problem;
  }
}
