// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import java.util.Locale;

/**
 * An operating system and a processor architecture, in the form of the library folders' names.
 *
 * @param os {@code linux}, {@code macos}, {@code windows}, or the JVM's name
 * @param arch {@code x86_64}, {@code aarch64}, or the JVM's name
 */
record Platform(String os, String arch) {
  static Platform current() {
    return of(System.getProperty("os.name", "unknown"), System.getProperty("os.arch", "unknown"));
  }

  static Platform of(String osName, String osArch) {
    String os = folder(osName.toLowerCase(Locale.ROOT));
    String arch = osArch.toLowerCase(Locale.ROOT);
    return new Platform(
        os.startsWith("windows") ? "windows" : os.startsWith("mac") ? "macos" : os,
        arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
  }

  /**
   * Only the letters and digits of a name. A regular expression would add milliseconds to the first
   * call.
   */
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

  /** The resource name of this platform's library in the jar. */
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
