// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.npy;

import dev.xent.cli.file.FileException;
import java.io.Serial;

/** A file that cannot be read as .npy; the message is one line with cause and fix. */
public final class NpyException extends FileException {
  @Serial private static final long serialVersionUID = 1L;

  NpyException(String message) {
    super(message);
  }

  NpyException(String message, Throwable cause) {
    super(message, cause);
  }
}
