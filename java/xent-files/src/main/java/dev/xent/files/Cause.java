// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Describes why a file cannot be read or written, and names no file other than the user's. */
final class Cause {
  private Cause() {}

  /** The cause in a few words. */
  static String of(IOException e) {
    String message =
        switch (e) {
          case AccessDeniedException denied -> "permission denied";
          case NoSuchFileException missing -> "no file can be made there";
          // Its message begins with the name of the file, which may be a temporary one.
          case FileSystemException other -> other.getReason();
          default -> e.getMessage();
        };
    return message == null
        ? e.getClass().getSimpleName()
        : message.lines().findFirst().orElse(e.getClass().getSimpleName());
  }
}
