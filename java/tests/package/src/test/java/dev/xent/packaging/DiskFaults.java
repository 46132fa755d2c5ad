// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Disks without room. */
final class DiskFaults {
  /** On a disk of one megabyte, whose files are listed before it is unmounted. */
  private static final String ON_SMALL_DISK =
      "mount -t tmpfs -o size=1m none disk && printf old > disk/y.npy && \"$@\"; code=$?;"
          + " ls -A disk > listing; cat disk/y.npy > after; exit $code";

  private final Samples samples;

  DiskFaults(Samples samples) {
    this.samples = samples;
  }

  Stream<Fault> all() {
    return Stream.of(
        new Fault("disk", "full, outputs in memory", folder -> full(folder, "-Xmx256m")),
        new Fault("disk", "full, outputs mapped", folder -> full(folder, Samples.MAPPING)),
        new Fault("disk", "full at the second of two outputs", this::fullLater),
        new Fault(
            "disk", "limit of file sizes (`ulimit -f`)", folder -> limited(folder, "-Xmx256m")),
        new Fault(
            "disk",
            "limit of file sizes, outputs mapped",
            folder -> limited(folder, Samples.MAPPING)),
        new Fault("disk", "temporary directory is full", this::temporaryDirectoryFull));
  }

  private static Command onSmallDisk(Path folder) throws Exception {
    List<String> namespace =
        Mount.namespace(folder)
            .orElseThrow(() -> new CannotRun("neither root nor a user namespace may mount here"));
    Files.createDirectory(folder.resolve("disk"));
    return new Command(folder).by(namespace.toArray(String[]::new)).shell(ON_SMALL_DISK);
  }

  private static void assertUntouched(Path folder) {
    assertThat(folder.resolve("listing")).hasContent("y.npy\n");
    assertThat(folder.resolve("after")).hasContent("old");
  }

  private String full(Path folder, String memory) throws Exception {
    String happened =
        onSmallDisk(folder)
            .jvm(memory)
            .refuses(
                List.of("disk/y.npy cannot be written: No space left on device"),
                "softmax",
                samples.logits,
                "-o",
                "disk/y.npy");
    assertUntouched(folder);
    return happened;
  }

  /** The first output fits, but has no name if the second does not fit. */
  private String fullLater(Path folder) throws Exception {
    String happened =
        onSmallDisk(folder)
            .refuses(
                List.of("disk/g.npy cannot be written: No space left on device"),
                "cross-entropy",
                samples.logits,
                samples.labels,
                "--losses",
                "disk/y.npy",
                "--gradient",
                "disk/g.npy");
    assertUntouched(folder);
    return happened;
  }

  private String limited(Path folder, String memory) throws Exception {
    Path output = Files.writeString(folder.resolve("y.npy"), "old");
    String happened =
        new Command(folder)
            .shell("ulimit -f 10000 && exec \"$@\"")
            .jvm(memory)
            .refuses(
                List.of("y.npy cannot be written: File too large"),
                "softmax",
                samples.logits,
                "-o",
                output);
    assertThat(output).hasContent("old");
    assertThat(Command.hidden(folder)).isEmpty();
    return happened;
  }

  private String temporaryDirectoryFull(Path folder) throws Exception {
    Command command =
        onSmallDisk(folder)
            .shell("head -c 2000000 /dev/zero > disk/full 2> noise; exec \"$@\"")
            .jvm("-Djava.io.tmpdir=" + folder.resolve("disk"));
    Path output = folder.resolve("y.npy");
    Ended ended = command.run("softmax", samples.few, "-o", output);
    assertThat(ended.exit()).as(ended.err()).isZero();
    assertThat(ended.err()).hasLineCount(1).contains("cannot write the native library to ");
    assertThat(Samples.same(output, samples.probabilities)).isTrue();
    assertThat(Files.readAllLines(folder.resolve("listing"))).containsExactly("full", "y.npy");
    return "exit 0, the reference computes the same bits";
  }
}
