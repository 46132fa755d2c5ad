// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The native library in the jar, whose CRC-32 detects damage. A stronger checksum would not protect
 * against an attacker, who could change the checksum with the library. CRC-32 is fast even before
 * the JIT compiler runs.
 *
 * @param bytes the file
 * @param location its URL
 */
record BundledLibrary(byte[] bytes, String location) {
  private static final String CHECKSUM_SUFFIX = ".crc32";
  private static final int PAGE = 4096;

  /** Returns the URL of the library of a platform. */
  static URL url(Platform platform) {
    URL url = BundledLibrary.class.getResource(platform.resource());
    if (url == null) {
      throw new NativeLibraryException(
          message(
              "this build of Xent has no native library for %s (no %s in it)",
              platform, platform.resource()));
    }
    return url;
  }

  /** Reads the library of a platform and checks its checksum. */
  static BundledLibrary read(Platform platform) {
    URL url = url(platform);
    byte[] bytes = bytes(platform.resource());
    byte[] checksum = bytes(platform.resource() + CHECKSUM_SUFFIX);
    if (bytes == null || checksum == null) {
      throw new NativeLibraryException(
          message("%s has no checksum %s beside it", url, platform.fileName() + CHECKSUM_SUFFIX));
    }
    String expected = new String(checksum, StandardCharsets.US_ASCII).strip();
    String actual = crc32(bytes);
    if (!actual.equals(expected)) {
      throw new NativeLibraryException(
          message(
              "%s is not the library that was built: CRC-32 %s, but %s is recorded beside it",
              url, actual, expected));
    }
    return new BundledLibrary(bytes, url.toString());
  }

  /**
   * Rejects a damaged copy of this library: a file with its length and its first page, which
   * contains the build ID, but different bytes after the page. Libraries from other builds pass.
   */
  static void requireNotDamaged(Path file, Platform platform) {
    byte[] ours = bytes(platform.resource());
    if (ours == null || file.toFile().length() != ours.length) {
      return;
    }
    byte[] theirs = NativeLibrary.bytes(file);
    int first = Math.min(PAGE, Math.min(ours.length, theirs.length));
    if (Arrays.equals(ours, 0, first, theirs, 0, first) && !Arrays.equals(ours, theirs)) {
      throw new NativeLibraryException(
          message(
              "%s is damaged: CRC-32 %s, but the library in the jar, which it is by its build ID, has %s; copy it again",
              file, crc32(theirs), crc32(ours)));
    }
  }

  private static byte @Nullable [] bytes(String resource) {
    try (InputStream stream = BundledLibrary.class.getResourceAsStream(resource)) {
      if (stream != null) {
        return stream.readAllBytes();
      }
      if (BundledLibrary.class.getResource(resource) == null) {
        return null;
      }
      throw new IOException("it cannot be opened"); // a class loader hides the reason
    } catch (IOException e) {
      throw new NativeLibraryException(message("cannot read %s: %s", resource, e), e);
    }
  }

  private static String crc32(byte[] bytes) {
    CRC32 checksum = new CRC32();
    checksum.update(bytes);
    return HexFormat.of().toHexDigits((int) checksum.getValue());
  }
}
