// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Commands that are ended by a signal while they write. */
final class KillFaults {
  /** How often a command is killed, in each of the two ways that it writes. */
  private static final int KILLS = Integer.getInteger("xent.kills", 6);

  private static final String OLD = "old";

  private final Samples samples;

  KillFaults(Samples samples) {
    this.samples = samples;
  }

  Stream<Fault> all() {
    return Stream.of(
        new Fault(
            "killed",
            "SIGKILL at any moment, outputs in memory",
            folder -> killed(folder, new Command(folder))),
        new Fault(
            "killed",
            "SIGKILL at any moment, outputs mapped",
            folder -> killed(folder, new Command(folder).jvm(Samples.MAPPING))),
        new Fault("killed", "SIGINT", folder -> signalled(folder, "INT", 130)),
        new Fault("killed", "SIGTERM", folder -> signalled(folder, "TERM", 143)),
        new Fault("killed", "SIGHUP", folder -> signalled(folder, "HUP", 129)),
        new Fault("killed", "a second command with the same output", this::besideAnother));
  }

  /**
   * Every output is what it was before, or whole, whenever the command is killed; what is left does
   * not disturb the next one, which removes it.
   */
  private String killed(Path folder, Command command) throws Exception {
    Path losses = folder.resolve("l.npy");
    Path gradient = folder.resolve("g.npy");
    Object[] arguments = {
      "cross-entropy", samples.logits, samples.labels, "--losses", losses, "--gradient", gradient
    };
    long start = System.nanoTime();
    command.succeeds(arguments);
    long whole = System.nanoTime() - start;
    Random random = new Random(1);
    int renewed = 0;
    int left = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      boolean before = random.nextBoolean();
      reset(losses, before);
      reset(gradient, before);
      Process process = command.start(arguments);
      if (kill % 4 != 0) {
        // Mostly while something is written, which is a small part of the time.
        awaitHidden(folder, process);
        LockSupport.parkNanos(random.nextLong(whole / 2));
      } else {
        LockSupport.parkNanos(random.nextLong(whole));
      }
      process.destroyForcibly();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      boolean first = isWhole(losses, samples.losses, before);
      boolean second = isWhole(gradient, samples.gradient, before);
      renewed += first && second ? 1 : 0;
      left += Command.hidden(folder).isEmpty() ? 0 : 1;
      if (kill % 2 == 0) {
        command.succeeds(arguments);
        assertThat(Command.hidden(folder)).isEmpty();
        assertThat(Samples.same(gradient, samples.gradient)).isTrue();
      }
    }
    command.succeeds(arguments);
    assertThat(Command.hidden(folder)).isEmpty();
    return "%d kills, 0 half files; outputs new after %d, hidden files left by %d, gone with the next run"
        .formatted(KILLS, renewed, left);
  }

  private static void reset(Path file, boolean exists) throws IOException {
    if (exists) {
      Files.writeString(file, OLD);
    } else {
      Files.deleteIfExists(file);
    }
  }

  /** Whether it is the new file; fails where it is neither that nor what was there before. */
  private static boolean isWhole(Path file, Path expected, boolean existed) throws IOException {
    if (!Files.exists(file)) {
      assertThat(existed).as("%s is gone", file).isFalse();
      return false;
    }
    if (existed && Files.size(file) == OLD.length()) {
      assertThat(file).hasContent(OLD);
      return false;
    }
    assertThat(Samples.same(file, expected)).as("%s is whole", file).isTrue();
    return true;
  }

  /** Waits for the first output in the making; or for the end. */
  static void awaitHidden(Path folder, Process process) {
    while (process.isAlive() && Command.hidden(folder).isEmpty()) {
      LockSupport.parkNanos(200_000);
    }
  }

  /** Starts a command that is slow, and stops it when its output is in the making. */
  static Process stopped(Path folder, Command command, Object... arguments) {
    Process process = command.start(arguments);
    awaitHidden(folder, process);
    signal(folder, "STOP", process);
    assertThat(process.isAlive()).as("stopped while it writes").isTrue();
    return process;
  }

  static void signal(Path folder, String name, Process process) {
    Processes.runWell(folder, List.of("kill", "-" + name, Long.toString(process.pid())));
  }

  private Object[] slow(Path output) {
    return new Object[] {
      "softmax", samples.logits, "-o", output, "--backend", "reference", "--threads", "1"
    };
  }

  private String signalled(Path folder, String name, int code) throws Exception {
    Path output = Files.writeString(folder.resolve("y.npy"), OLD);
    // A build in the background hands down that SIGINT is ignored.
    Command command = new Command(folder).by("env", "--default-signal=INT,HUP");
    Process process = stopped(folder, command, slow(output));
    signal(folder, name, process);
    signal(folder, "CONT", process);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(code);
    assertThat(output).hasContent(OLD);
    assertThat(Command.hidden(folder)).isEmpty();
    return "exit %d, nothing left".formatted(code);
  }

  /** The hidden file of a command that is alive is left to it. */
  private String besideAnother(Path folder) throws Exception {
    Path output = folder.resolve("y.npy");
    Process process = stopped(folder, new Command(folder), slow(output));
    List<Path> hidden = Command.hidden(folder);
    new Command(folder).succeeds("softmax", samples.few, "-o", output);
    assertThat(Samples.same(output, samples.probabilities)).isTrue();
    assertThat(Command.hidden(folder)).isEqualTo(hidden);
    signal(folder, "CONT", process);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(Files.size(output)).isEqualTo(Files.size(samples.logits));
    assertThat(Command.hidden(folder)).isEmpty();
    return "both write whole files, the last one stays";
  }
}
