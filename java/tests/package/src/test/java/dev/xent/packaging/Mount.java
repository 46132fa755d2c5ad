// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * File systems that one program alone sees, in a mount namespace: as root, or as the root of a user
 * namespace where the system lets everybody have one.
 */
final class Mount {
  private Mount() {}

  /** The words before a command that give it a mount namespace; empty where that is not allowed. */
  static Optional<List<String>> namespace(Path folder) {
    for (List<String> words : List.of(List.of("unshare", "-m"), List.of("unshare", "-rm"))) {
      if (mounts(words, folder)) {
        return Optional.of(words);
      }
    }
    return Optional.empty();
  }

  private static boolean mounts(List<String> words, Path folder) {
    try {
      return Processes.run(folder, in(words, folder, "ro", List.of("true"))).exit() == 0;
    } catch (AssertionError e) {
      // There is no such program.
      return false;
    }
  }

  /**
   * A command that runs with a folder mounted on itself, with an option.
   *
   * @param option {@code ro} or {@code noexec}
   */
  static List<String> in(List<String> namespace, Path folder, String option, List<String> command) {
    List<String> all = new ArrayList<>(namespace);
    all.addAll(
        List.of(
            "sh",
            "-c",
            "mount --bind \"$1\" \"$1\" && mount -o remount,bind,\"$2\" \"$1\" && shift 2 && exec \"$@\"",
            "sh",
            folder.toString(),
            option));
    all.addAll(command);
    return all;
  }
}
