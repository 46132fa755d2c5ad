// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import java.util.Locale;

/**
 * An operating system and a processor architecture, in the names of the folders that hold
 * libraries.
 *
 * @param os {@code linux}, {@code macos}, {@code windows}, or what the JVM says
 * @param arch {@code x86_64}, {@code aarch64}, or what the JVM says
 */
record Platform(String os, String arch) {
  static Platform current() {
    return of(System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  static Platform of(String osName, String osArch) {
    String os = folder(osName.toLowerCase(Locale.ROOT));
    String arch = osArch.toLowerCase(Locale.ROOT);
    return new Platform(
        os.startsWith("windows") ? "windows" : os.startsWith("mac") ? "macos" : os,
        arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
  }

  /** Letters and digits. A regular expression would take milliseconds of the first call. */
  private static String folder(String name) {
    StringBuilder folder = new StringBuilder(name);
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (!(c >= 'a' && c <= 'z' || c >= '0' && c <= '9')) {
        folder.setCharAt(i, '_');
      }
    }
    return folder.toString();
  }

  boolean isLinux() {
    return os.equals("linux");
  }

  boolean isWindows() {
    return os.equals("windows");
  }

  /** Where the library of this platform lies in the jar. */
  String resource() {
    return "/META-INF/native/" + this + "/" + fileName();
  }

  String fileName() {
    return switch (os) {
      case "windows" -> "xent.dll";
      case "macos" -> "libxent.dylib";
      default -> "libxent.so";
    };
  }

  @Override
  public String toString() {
    return os + "-" + arch;
  }
}
