// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Other programs, run to their end. */
final class Processes {
  private static final int SECONDS = 180;

  /**
   * What a program left behind.
   *
   * @param exit its exit status
   * @param out the lines of its standard output
   * @param err its standard error
   */
  record Ended(int exit, List<String> out, String err) {}

  private Processes() {}

  static Ended run(Path directory, List<String> command) {
    return run(directory, Map.of(), command);
  }

  static Ended run(Path directory, Map<String, String> environment, List<String> command) {
    try {
      Path out = Files.createTempFile(directory, "out-", ".txt");
      Path err = Files.createTempFile(directory, "err-", ".txt");
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectOutput(out.toFile())
              .redirectError(err.toFile());
      builder.environment().putAll(environment);
      Process process = builder.start();
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(command + " does not end");
      }
      return new Ended(process.exitValue(), Files.readAllLines(out), Files.readString(err));
    } catch (IOException e) {
      throw new AssertionError("cannot run " + command, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Runs a program that must end well. */
  static Ended runWell(Path directory, List<String> command) {
    Ended ended = run(directory, command);
    if (ended.exit() != 0) {
      throw new AssertionError(
          "%s exits with %d:%n%s%n%s"
              .formatted(command, ended.exit(), String.join("\n", ended.out()), ended.err()));
    }
    return ended;
  }
}
