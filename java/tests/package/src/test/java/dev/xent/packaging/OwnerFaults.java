// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchService;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Things of others where the command reads, writes, or unpacks the library. */
final class OwnerFaults {
  private static final String[] AS_NOBODY = {
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"
  };

  private final Samples samples;

  OwnerFaults(Samples samples) {
    this.samples = samples;
  }

  Stream<Fault> all() {
    return Stream.of(
        new Fault(
            "others", "folder of another user", folder -> inFolder(folder, "rwxr-xr-x", null)),
        new Fault(
            "others",
            "output of another user, read-only for others",
            folder -> inFolder(folder, "rwxrwxrwx", "rw-r--r--")),
        new Fault("others", "output of another user in a sticky folder", this::inStickyFolder),
        new Fault("others", "input of another user", this::unreadable),
        new Fault("others", "hidden files of another user in a sticky folder", this::besideHidden),
        new Fault(
            "others",
            "temporary directory for all, without the sticky bit, with files of others",
            this::plantedTemporaryDirectory),
        new Fault("others", "temporary directory is a link to nowhere", this::danglingDirectory),
        new Fault("others", "output is a pipe", this::pipe),
        new Fault("others", "output is a link to nowhere", this::danglingLink),
        new Fault("others", "output is a hard link to another input", this::hardLink),
        new Fault("others", "output is the input", this::inPlace));
  }

  /** A command of a user who may nothing, on files that he may read. */
  private Command asNobody(Path folder) throws Exception {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path jar = copy(folder.resolve("jar"));
    Command command = new Command(folder).of(jar).by(AS_NOBODY);
    Ended ended;
    try {
      ended = command.run("--version");
    } catch (AssertionError e) {
      throw new CannotRun("there is no setpriv");
    }
    if (ended.exit() != 0) {
      throw new CannotRun("not root, who alone may become another user");
    }
    Files.copy(samples.few, folder.resolve("x.npy"));
    return command;
  }

  /** Copies the jar of the command, with its libraries. */
  static Path copy(Path folder) throws IOException {
    Files.createDirectories(folder.resolve("lib"));
    Path jar = Files.copy(Package.COMMAND, folder.resolve("xent-cli.jar"));
    try (Stream<Path> libraries = Files.list(Package.COMMAND.resolveSibling("lib"))) {
      for (Path library : libraries.toList()) {
        Files.copy(library, folder.resolve("lib").resolve(library.getFileName()));
      }
    }
    return jar;
  }

  private static Path open(Path folder, String name, String mode) throws IOException {
    Path open = Files.createDirectory(folder.resolve(name));
    Processes.runWell(folder, List.of("chmod", mode, open.toString()));
    return open;
  }

  private String inFolder(Path folder, String permissions, String ofFile) throws Exception {
    Command command = asNobody(folder);
    Path place = open(folder, "place", permissions.endsWith("rwx") ? "777" : "755");
    Path output = place.resolve("y.npy");
    if (ofFile != null) {
      Files.writeString(output, "old");
      Files.setPosixFilePermissions(output, PosixFilePermissions.fromString(ofFile));
    }
    String cause = ofFile == null ? "permission denied" : "is read-only; make it writable";
    String happened =
        command.refuses(List.of("place/y.npy ", cause), "softmax", "x.npy", "-o", "place/y.npy");
    assertThat(Command.hidden(place)).isEmpty();
    if (ofFile != null) {
      assertThat(output).hasContent("old");
    }
    return happened;
  }

  /** Who may write to a file there may not replace it. */
  private String inStickyFolder(Path folder) throws Exception {
    Command command = asNobody(folder);
    Path place = open(folder, "place", "1777");
    Path output = Files.writeString(place.resolve("y.npy"), "old");
    Files.setPosixFilePermissions(output, PosixFilePermissions.fromString("rw-rw-rw-"));
    String happened =
        command.refuses(
            List.of("place/y.npy belongs to root, who alone may replace it in "),
            "softmax",
            "x.npy",
            "-o",
            "place/y.npy");
    assertThat(output).hasContent("old");
    assertThat(Command.hidden(place)).isEmpty();
    return happened;
  }

  private String unreadable(Path folder) throws Exception {
    Command command = asNobody(folder);
    Files.setPosixFilePermissions(
        folder.resolve("x.npy"), PosixFilePermissions.fromString("rw-------"));
    return command.refuses(
        List.of("x.npy cannot be read: permission denied"), "softmax", "x.npy", "-o", "y.npy");
  }

  /** Files like those of a killed command stay if they are another user's, and do no harm. */
  private String besideHidden(Path folder) throws Exception {
    Command command = asNobody(folder);
    Path place = open(folder, "place", "1777");
    String left = ".xent-" + Integer.toHexString("y.npy".hashCode()) + "-2147483647-";
    Path file = Files.writeString(place.resolve(left + "1.tmp"), "another's");
    Path secret = Files.writeString(folder.resolve("secret"), "secret");
    Files.createSymbolicLink(place.resolve(left + "2.tmp"), secret);
    command.succeeds("softmax", "x.npy", "-o", "place/y.npy");
    assertThat(place.resolve("y.npy")).hasSameBinaryContentAs(samples.probabilities);
    assertThat(file).hasContent("another's");
    assertThat(secret).hasContent("secret");
    assertThat(Command.hidden(place)).hasSize(2);
    return "exit 0, the right bits; the files of others stay as they are";
  }

  /** The library is unpacked to a folder that only its user may enter. */
  private String plantedTemporaryDirectory(Path folder) throws Exception {
    Command command = asNobody(folder);
    Path place = open(folder, "place", "777");
    Path planted = Files.createDirectory(place.resolve("xent-1"));
    Path library = Files.writeString(planted.resolve("libxent.so"), "planted");
    Path output = open(folder, "out", "777").resolve("y.npy");
    try (WatchService watch = place.getFileSystem().newWatchService()) {
      place.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
      Process process =
          command
              .jvm("-Djava.io.tmpdir=" + place, "-Ddev.xent.native=require")
              .start("softmax", "x.npy", "-o", "out/y.npy");
      while (process.isAlive()) {
        requirePrivateFolders(place, planted);
      }
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
      // It is there for so short a time that its rights may not be seen, but the system tells of
      // it.
      assertThat(watch.poll(60, TimeUnit.SECONDS)).isNotNull();
    }
    assertThat(output).hasSameBinaryContentAs(samples.probabilities);
    assertThat(library).hasContent("planted");
    assertThat(place.toFile().list()).containsExactly("xent-1");
    return "exit 0, native; a folder `rwx------` of its own, gone again";
  }

  /** Fails where others may enter a folder of the loader that is there now. */
  private static void requirePrivateFolders(Path place, Path planted) throws IOException {
    try (Stream<Path> entries = Files.list(place)) {
      entries.filter(each -> !each.equals(planted)).forEach(OwnerFaults::requirePrivate);
    }
  }

  private static void requirePrivate(Path directory) {
    Set<PosixFilePermission> rights;
    try {
      rights = Files.getPosixFilePermissions(directory, LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      return; // It has just gone.
    }
    assertThat(PosixFilePermissions.toString(rights)).isEqualTo("rwx------");
  }

  private String danglingDirectory(Path folder) throws Exception {
    Path link = Files.createSymbolicLink(folder.resolve("tmp"), folder.resolve("nowhere"));
    Path output = folder.resolve("y.npy");
    Ended ended =
        new Command(folder)
            .jvm("-Ddev.xent.tempdir=" + link)
            .succeeds("softmax", samples.few, "-o", output);
    assertThat(ended.err()).hasLineCount(1).contains("cannot write the native library to ");
    assertThat(output).hasSameBinaryContentAs(samples.probabilities);
    assertThat(folder.resolve("nowhere")).doesNotExist();
    return "exit 0, the reference computes the same bits";
  }

  private String pipe(Path folder) {
    Path pipe = folder.resolve("y.npy");
    Processes.runWell(folder, List.of("mkfifo", pipe.toString()));
    return new Command(folder)
        .refuses(List.of("y.npy is not a regular file"), "softmax", samples.few, "-o", pipe);
  }

  /** Nothing is written where a link leads that leads nowhere yet, and the link stays. */
  private String danglingLink(Path folder) throws Exception {
    Path output = Files.createSymbolicLink(folder.resolve("y.npy"), folder.resolve("nowhere"));
    String happened =
        new Command(folder)
            .refuses(
                List.of("y.npy is a link that leads to no file"),
                "softmax",
                samples.few,
                "-o",
                output);
    assertThat(folder.resolve("nowhere")).doesNotExist();
    assertThat(output).isSymbolicLink();
    return happened;
  }

  private String hardLink(Path folder) throws Exception {
    Path labels = Files.copy(samples.labels, folder.resolve("t.npy"));
    Path output = Files.createLink(folder.resolve("g.npy"), labels);
    String happened =
        new Command(folder)
            .refuses(
                List.of("g.npy is an input of this command"),
                "cross-entropy",
                samples.logits,
                labels,
                "--gradient",
                output);
    assertThat(labels).hasSameBinaryContentAs(samples.labels);
    return happened;
  }

  private String inPlace(Path folder) throws Exception {
    Path file = Files.copy(samples.few, folder.resolve("x.npy"));
    new Command(folder).succeeds("softmax", file, "-o", file);
    assertThat(file).hasSameBinaryContentAs(samples.probabilities);
    return "exit 0, the right bits in its place";
  }
}
