// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static dev.xent.packaging.KillFaults.signal;
import static dev.xent.packaging.KillFaults.stopped;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Inputs that another program shortens while the command runs. */
final class InputFaults {
  private static final int SIGABRT = 6;

  private final Samples samples;

  InputFaults(Samples samples) {
    this.samples = samples;
  }

  Stream<Fault> all() {
    return Stream.of(
        new Fault("input", "shortened after it was read", this::shortenedAfterReading),
        new Fault("input", "shortened while Java reads its mapping", this::shortenedUnderJava),
        new Fault("input", "shortened while native code reads its mapping", this::shortenedUnder));
  }

  /** Runs a command, during which its input becomes shorter. */
  private int shortened(Path folder, Command command, String backend) throws Exception {
    Path input = Files.copy(samples.logits, folder.resolve("x.npy"));
    Process process =
        stopped(
            folder,
            command,
            "softmax",
            input,
            "-o",
            folder.resolve("y.npy"),
            "--backend",
            backend,
            "--threads",
            "1");
    try (RandomAccessFile file = new RandomAccessFile(input.toFile(), "rw")) {
      file.setLength(1000);
    }
    signal(folder, "CONT", process);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private String shortenedAfterReading(Path folder) throws Exception {
    int code = shortened(folder, new Command(folder).jvm("-Xmx256m"), "reference");
    assertThat(code).isZero();
    assertThat(folder.resolve("printed.txt")).isEmptyFile();
    Path expected = folder.resolve("expected.npy");
    new Command(folder).succeeds("softmax", samples.logits, "-o", expected);
    assertThat(Samples.same(folder.resolve("y.npy"), expected)).isTrue();
    return "exit 0, the right bits";
  }

  private String shortenedUnderJava(Path folder) throws Exception {
    int code = shortened(folder, new Command(folder).jvm(Samples.MAPPING), "reference");
    assertThat(code).isEqualTo(2);
    assertThat(Files.readAllLines(folder.resolve("printed.txt")))
        .singleElement()
        .asString()
        .startsWith("xent: a mapped file became shorter while it was read (")
        .endsWith("); copy it and try again");
    assertThat(folder.resolve("y.npy")).doesNotExist();
    assertThat(Command.hidden(folder)).isEmpty();
    return "exit 2, `xent: a mapped file became shorter while it was read (…); copy it and try again`";
  }

  /** What no program can prevent ends as the pages say, without an output. */
  private String shortenedUnder(Path folder) throws Exception {
    Command command = new Command(folder).shell("ulimit -c 0; exec \"$@\"").jvm(Samples.MAPPING);
    int code = shortened(folder, command, "native");
    assertThat(code).isEqualTo(128 + SIGABRT);
    assertThat(Files.readString(folder.resolve("printed.txt")))
        .contains("A fatal error has been detected by the Java Runtime Environment", "SIGBUS");
    assertThat(folder.resolve("y.npy")).doesNotExist();
    assertThat(Command.hidden(folder)).hasSize(1);
    Files.delete(folder.resolve("hs_err.log"));
    new Command(folder).succeeds("softmax", samples.few, "-o", folder.resolve("y.npy"));
    assertThat(Command.hidden(folder)).isEmpty();
    return "exit 134, SIGBUS told by the JVM; no output, the hidden file goes with the next run";
  }
}
