// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.Serial;

/**
 * A file that cannot be read or written; the message is one line with cause and fix, in which
 * control characters of names are escaped.
 */
public final class FileException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  FileException(String message) {
    super(Shown.line(message));
  }

  FileException(String message, Throwable cause) {
    super(Shown.line(message), cause);
  }
}
