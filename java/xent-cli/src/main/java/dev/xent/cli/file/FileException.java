// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.file;

import java.io.Serial;

/** A file that cannot be read or written; the message is one line with cause and fix. */
public class FileException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** With the line that is shown after {@code xent: }. */
  public FileException(String message) {
    super(message);
  }

  /** The same, with what led to it. */
  public FileException(String message, Throwable cause) {
    super(message, cause);
  }
}
