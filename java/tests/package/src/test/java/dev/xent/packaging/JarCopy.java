// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32;

/** The jar of the library with something changed. */
final class JarCopy {
  private static final String LIBRARY = "/META-INF/native/linux-x86_64/libxent.so";
  private static final String CHECKSUM = LIBRARY + ".crc32";

  private JarCopy() {}

  private interface Change {
    void in(FileSystem jar) throws IOException;
  }

  private static Path copy(Path folder, String name, Change change) {
    try {
      Path copy = Files.copy(Package.JAR, folder.resolve(name));
      try (FileSystem jar = FileSystems.newFileSystem(copy)) {
        change.in(jar);
      }
      return copy;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** No library at all, as in a build on another system. */
  static Path withoutLibrary(Path folder) {
    return copy(
        folder,
        "without-library.jar",
        jar -> {
          Files.delete(jar.getPath(LIBRARY));
          Files.delete(jar.getPath(CHECKSUM));
        });
  }

  /** The library without its checksum. */
  static Path withoutChecksum(Path folder) {
    return copy(folder, "without-checksum.jar", jar -> Files.delete(jar.getPath(CHECKSUM)));
  }

  /** Half of a library. */
  static Path truncated(Path folder) {
    return copy(
        folder,
        "truncated.jar",
        jar -> change(jar, bytes -> Arrays.copyOf(bytes, bytes.length / 2)));
  }

  /** A library with one bit changed. */
  static Path tampered(Path folder) {
    return copy(
        folder,
        "tampered.jar",
        jar ->
            change(
                jar,
                bytes -> {
                  bytes[bytes.length / 2] ^= 1;
                  return bytes;
                }));
  }

  private static void change(FileSystem jar, UnaryOperator<byte[]> change) throws IOException {
    Path library = jar.getPath(LIBRARY);
    Files.write(library, change.apply(Files.readAllBytes(library)));
  }

  /** Another library in its place, with the checksum that belongs to it. */
  static Path with(Path library, Path folder) {
    return copy(
        folder,
        "with-" + library.getFileName() + ".jar",
        jar -> {
          byte[] bytes = Files.readAllBytes(library);
          Files.write(jar.getPath(LIBRARY), bytes);
          Files.writeString(jar.getPath(CHECKSUM), crc32(bytes), StandardCharsets.US_ASCII);
        });
  }

  /** The library as a file. */
  static Path library(Path folder) {
    try (FileSystem jar = FileSystems.newFileSystem(Package.JAR)) {
      return Files.copy(jar.getPath(LIBRARY), folder.resolve("libxent.so"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String crc32(byte[] bytes) {
    CRC32 checksum = new CRC32();
    checksum.update(bytes);
    return HexFormat.of().toHexDigits((int) checksum.getValue());
  }
}
