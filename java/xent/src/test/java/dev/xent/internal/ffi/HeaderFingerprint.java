// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.ffi;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * The SHA-256 of a C header's declarations: comments and blank space don't count. The profile
 * jextract runs this file by itself, so it needs nothing but the JDK.
 */
public final class HeaderFingerprint {
  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);
  private static final Pattern BLANK = Pattern.compile("\\s+");

  private HeaderFingerprint() {}

  static String of(String header) {
    String bare = BLANK.matcher(COMMENT.matcher(header).replaceAll(" ")).replaceAll(" ").strip();
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha256.digest(bare.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  /**
   * Writes the fingerprint of a header into a file.
   *
   * @param arguments the header, the file to write
   * @throws IOException when one cannot be read or the other not written
   */
  public static void main(String[] arguments) throws IOException {
    Files.writeString(Path.of(arguments[1]), of(Files.readString(Path.of(arguments[0]))) + "\n");
  }
}
