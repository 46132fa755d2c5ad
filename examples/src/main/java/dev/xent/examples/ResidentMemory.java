// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The most memory of this process that was resident when somebody looked, mapped files included.
 */
final class ResidentMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String LINE = "VmRSS:";

  private long most;

  /** Looks; where the system does not tell, there is nothing to see. */
  void look() throws IOException {
    if (Files.exists(STATUS)) {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(LINE)) {
          most = Math.max(most, Long.parseLong(line.replaceAll("\\D", "")));
        }
      }
    }
  }

  long mostMebibytes() {
    return most >> 10; // the system tells KiB
  }
}
