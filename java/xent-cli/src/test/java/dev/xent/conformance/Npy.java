// SPDX-License-Identifier: Apache-2.0
package dev.xent.conformance;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;

/**
 * A .npy file as its shape and bytes: all types are welcome, as nothing is computed with them.
 *
 * @param shape the lengths of its axes
 * @param data the elements
 */
record Npy(long[] shape, byte[] data) {
  private static final int PREAMBLE = 10;
  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': '[<|][a-z]\\d', 'fortran_order': False, 'shape': \\(([\\d, ]*)\\), \\}\\s*");

  /** NAME/FILE.npy, which lies in the archive NAME.npz. */
  static Npy read(Path file) {
    try (ZipFile archive = new ZipFile(file.getParent() + ".npz");
        InputStream in = archive.getInputStream(archive.getEntry(file.getFileName().toString()))) {
      byte[] bytes = in.readAllBytes();
      int end = PREAMBLE + (bytes[8] & 0xFF) + 256 * (bytes[9] & 0xFF);
      Matcher header = HEADER.matcher(new String(bytes, PREAMBLE, end - PREAMBLE, ISO_8859_1));
      if (!header.matches()) {
        throw new IllegalArgumentException(file + " has another header than NumPy writes");
      }
      long[] shape =
          Pattern.compile("\\d+")
              .matcher(header.group(1))
              .results()
              .mapToLong(length -> Long.parseLong(length.group()))
              .toArray();
      return new Npy(shape, Arrays.copyOfRange(bytes, end, bytes.length));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  long count() {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }
}
