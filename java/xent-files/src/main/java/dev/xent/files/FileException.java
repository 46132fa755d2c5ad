// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.Serial;

/** A file that cannot be read or written; the message is one line with cause and fix. */
public final class FileException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  FileException(String message) {
    super(message);
  }

  FileException(String message, Throwable cause) {
    super(message, cause);
  }
}
