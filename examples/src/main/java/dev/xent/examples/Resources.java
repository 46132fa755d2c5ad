// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;

/** Files on the class path. */
final class Resources {
  private Resources() {}

  static InputStream open(String path) throws IOException {
    InputStream stream = Resources.class.getResourceAsStream(path);
    if (stream == null) {
      throw new FileNotFoundException(path + " is not on the class path");
    }
    return stream;
  }

  static byte[] bytes(String path) throws IOException {
    try (InputStream stream = open(path)) {
      return stream.readAllBytes();
    }
  }
}
