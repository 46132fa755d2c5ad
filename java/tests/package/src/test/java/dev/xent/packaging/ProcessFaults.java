// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the process itself lacks: memory, standard streams, letters of its locale, good settings.
 */
final class ProcessFaults {
  private static final String STREAM =
      "xent: standard output cannot be written; check where it goes";

  private final Samples samples;

  ProcessFaults(Samples samples) {
    this.samples = samples;
  }

  Stream<Fault> all() {
    return Stream.of(memory(), streams(), names(), settings()).flatMap(faults -> faults);
  }

  private Stream<Fault> memory() {
    return Stream.of(
        new Fault(
            "memory",
            "a heap of 8 MB",
            folder -> orRefused(folder, new Command(folder).jvm("-Xmx8m"))),
        new Fault(
            "memory",
            "4 kB outside of the heap (`-XX:MaxDirectMemorySize`)",
            folder -> orRefused(folder, new Command(folder).jvm("-XX:MaxDirectMemorySize=4k"))),
        new Fault(
            "memory", "`ulimit -v` that leaves little for files", folder -> limited(folder, 1900)));
  }

  private String limited(Path folder, int megabytes) throws Exception {
    return orRefused(
        folder,
        new Command(folder)
            .shell("ulimit -v %d && exec \"$@\"".formatted(megabytes * 1000))
            .jvm("-Xmx64m", "-XX:ReservedCodeCacheSize=32m", "-XX:CompressedClassSpaceSize=32m"));
  }

  /** Done, or one line; the JVM itself may find no room to begin in. */
  private String orRefused(Path folder, Command command) throws Exception {
    Path output = folder.resolve("g.npy");
    Ended ended =
        command.run(
            "cross-entropy", samples.logits, samples.labels, "--gradient", output, "--json");
    assertThat(Command.hidden(folder)).isEmpty();
    if (ended.exit() == 0) {
      assertThat(Samples.same(output, samples.gradient)).isTrue();
      return "exit 0, the right bits";
    }
    assertThat(output).doesNotExist();
    if (ended.exit() == 1) {
      assertThat(ended.out() + ended.err()).contains("Error occurred during initialization of VM");
      return "exit 1, the JVM does not start and says so";
    }
    assertThat(ended.exit()).as(ended.err()).isEqualTo(2);
    assertThat(ended.err()).startsWith("xent: not enough memory: ").hasLineCount(1);
    return "exit 2, `%s`".formatted(command.shown(ended.err()));
  }

  private Stream<Fault> streams() {
    return Stream.of(
        new Fault("streams", "standard output full", folder -> unheard(folder, ">/dev/full")),
        new Fault("streams", "standard output closed", folder -> unheard(folder, ">&-")),
        new Fault("streams", "read by a program that ends (`| true`)", this::intoNothing),
        new Fault("streams", "standard error closed", folder -> mute(folder, "2>&-")),
        new Fault("streams", "standard error full", folder -> mute(folder, "2>/dev/full")),
        new Fault("streams", "all closed", this::allClosed));
  }

  /** Outputs are whole when the line that reports them cannot be written. */
  private String unheard(Path folder, String redirection) throws Exception {
    Path output = folder.resolve("g.npy");
    Ended ended =
        new Command(folder)
            .shell("exec \"$@\" " + redirection)
            .run("cross-entropy", samples.logits, samples.labels, "--gradient", output);
    assertThat(ended.exit()).isEqualTo(2);
    assertThat(ended.err().strip()).isEqualTo(STREAM);
    assertThat(Samples.same(output, samples.gradient)).isTrue();
    return "exit 2, `%s`; the output is whole".formatted(STREAM);
  }

  private String intoNothing(Path folder) {
    Ended ended = new Command(folder).shell("{ \"$@\"; echo $? > code; } | true").run("--help");
    assertThat(ended.err()).isEmpty();
    assertThat(folder.resolve("code")).hasContent("141\n");
    return "exit 141, as of a program that SIGPIPE ended";
  }

  private String mute(Path folder, String redirection) {
    Ended ended =
        new Command(folder)
            .shell("exec \"$@\" " + redirection)
            .run("softmax", "none.npy", "-o", "y.npy");
    assertThat(ended.exit()).isEqualTo(2);
    assertThat(ended.out()).isEmpty();
    return "exit 2";
  }

  /** No file is opened under the number of a stream and written to as one. */
  private String allClosed(Path folder) throws Exception {
    Path output = folder.resolve("y.npy");
    new Command(folder)
        .shell("exec \"$@\" <&- >&- 2>&-")
        .succeeds("softmax", samples.few, "-o", output);
    assertThat(Samples.same(output, samples.probabilities)).isTrue();
    return "exit 0, the right bits";
  }

  private Stream<Fault> names() {
    return Stream.of(
        new Fault(
            "names",
            "letters that the locale has not (`LC_ALL=C`)",
            folder ->
                new Command(folder)
                    .with("LC_ALL", "C")
                    .shell("exec \"$@\" \"$(printf 'gr\\303\\274n.npy')\"")
                    .refuses(
                        List.of("is not a valid file name in", "set LC_ALL=C.UTF-8"),
                        "softmax",
                        samples.few,
                        "-o")),
        new Fault(
            "names",
            "bytes that are no UTF-8",
            folder -> {
              String happened =
                  new Command(folder)
                      .with("LC_ALL", "C.UTF-8")
                      .shell("exec \"$@\" \"$(printf 'y\\377.npy')\"")
                      .refuses(
                          List.of("UTF-8, the encoding of the locale"),
                          "softmax",
                          samples.few,
                          "-o");
              assertThat(folder.toFile().list((parent, name) -> name.endsWith(".npy"))).isEmpty();
              return happened;
            }),
        new Fault("names", "letters of UTF-8, spaces, line ends", this::strangeName));
  }

  private String strangeName(Path folder) {
    new Command(folder)
        .with("LC_ALL", "C.UTF-8")
        .shell(
            "name=\"$(printf 'gr\\303\\274n 1\\n2.npy')\"; \"$@\" \"$name\" && mv \"$name\" y.npy")
        .succeeds("softmax", samples.few, "-o");
    assertThat(folder.resolve("y.npy")).hasSameBinaryContentAs(samples.probabilities);
    return "exit 0, the right bits";
  }

  private Stream<Fault> settings() {
    return Stream.of(
        refused(
            "dev.xent.isa",
            "a\nb",
            "dev.xent.isa=a?b; expected one of best, scalar, avx2, avx512, neon"),
        refused("dev.xent.native", "x".repeat(100_000), "dev.xent.native=xxx"),
        refused("dev.xent.threads", "-1", "dev.xent.threads=-1; expected 1 to 2147483647"),
        refused(
            "dev.xent.threads",
            "99999999999",
            "dev.xent.threads=99999999999; expected 1 to 2147483647"),
        refused("dev.xent.library.path", "/tmp", "dev.xent.library.path=/tmp is not a file"),
        refused("dev.xent.library.path", "a\nb", "a?b is not a path: it has control characters"),
        refused("dev.xent.tempdir", "", "dev.xent.tempdir is empty"),
        new Fault("settings", "`dev.xent.library.path` is no library", this::noLibrary),
        computes("`dev.xent.threads=2147483647`", "-Ddev.xent.threads=2147483647"),
        computes("`java.io.tmpdir` is empty", "-Djava.io.tmpdir="),
        computes("Turkish, UTF-16", "-Duser.language=tr", "-Dfile.encoding=UTF-16"),
        computes("`sun.jnu.encoding=nonsense`", "-Dsun.jnu.encoding=nonsense"),
        new Fault("settings", "the environment is full of nonsense", this::nonsense));
  }

  private Fault refused(String property, String value, String words) {
    String shown = value.length() > 20 ? "x…" : value.replace("\n", "\\n");
    return new Fault(
        "settings",
        "`%s=%s`".formatted(property, shown),
        folder ->
            new Command(folder)
                .jvm("-D%s=%s".formatted(property, value))
                .refuses(List.of(words), "softmax", samples.few, "-o", folder.resolve("y.npy")));
  }

  private String noLibrary(Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("libxent.so"), "no library");
    Command command = new Command(folder).jvm("-Ddev.xent.library.path=" + file);
    Ended ended = command.run("softmax", samples.few, "-o", folder.resolve("y.npy"));
    assertThat(ended.exit()).isEqualTo(2);
    // Before it there may be a warning of the JVM's own.
    String last = ended.err().lines().toList().getLast();
    assertThat(last)
        .startsWith("xent: the native library is required and cannot be used: " + file)
        .contains("is not complete: it has 10 bytes");
    return "exit 2, `%s`".formatted(command.shown(last));
  }

  private Fault computes(String name, String... options) {
    return new Fault(
        "settings",
        name,
        folder -> {
          Path output = folder.resolve("y.npy");
          Ended ended =
              new Command(folder).jvm(options).succeeds("softmax", samples.few, "-o", output);
          assertThat(ended.err()).isEmpty();
          assertThat(output).hasSameBinaryContentAs(samples.probabilities);
          return "exit 0, the right bits";
        });
  }

  private String nonsense(Path folder) {
    Path output = folder.resolve("y.npy");
    Command command = new Command(folder);
    for (String name : List.of("TRACE", "JAVA_OPTIONS", "THREADS", "LIBRARY_PATH", "ISA")) {
      command.with("XENT_" + name, "\n\u00fc; rm -rf / $(exit 1) " + "x".repeat(1000));
    }
    command
        .with("LANG", "nowhere.ISO-0")
        .with("TZ", ":/dev/zero")
        .with("TMPDIR", "/nowhere")
        .with("LD_LIBRARY_PATH", folder.toString())
        .succeeds("softmax", samples.few, "-o", output);
    assertThat(output).hasSameBinaryContentAs(samples.probabilities);
    return "exit 0, the right bits";
  }
}
