// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/** Starts processes under load, one at a time. */
final class Launcher {
  /** A collector of the JVM under load. */
  enum Collector {
    G1("-XX:+UseG1GC"),
    /** What a JVM chooses by itself where it has one processor, as in a small container. */
    SERIAL("-XX:ActiveProcessorCount=1", "-XX:+UseSerialGC"),
    PARALLEL("-XX:+UseParallelGC"),
    SHENANDOAH("-XX:+UseShenandoahGC"),
    Z("-XX:+UseZGC");

    private final List<String> options;

    Collector(String... options) {
      this.options = List.of(options);
    }

    List<String> options() {
      return options;
    }

    /** All but G1, which most of the load runs with. */
    static List<Collector> others() {
      return Arrays.stream(values()).filter(each -> each != G1).toList();
    }
  }

  static final String SAFEPOINTS = "safepoints.log";
  static final String SAMPLES = "samples.csv";
  static final String RESULTS = "results.properties";

  /** The limit of time in addition to the load: expected results, warm-up, ending of threads. */
  private static final long MOST_SECONDS_BESIDE = 240;

  private final Path directory;

  Launcher(Path directory) {
    this.directory = directory;
  }

  /** Runs a process with G1 and returns its results. It must end by itself, and in time. */
  Results run(Mode mode, long seconds) throws IOException, InterruptedException {
    return run(mode, Collector.G1, seconds);
  }

  /** Runs a process with any collector and returns its results. */
  Results run(Mode mode, Collector collector, long seconds)
      throws IOException, InterruptedException {
    String name = mode + (collector == Collector.G1 ? "" : "-" + collector);
    Path own = Files.createDirectories(directory.resolve(name.toLowerCase(Locale.ROOT)));
    Files.deleteIfExists(own.resolve(RESULTS));
    Files.deleteIfExists(own.resolve(SAFEPOINTS));
    List<String> command = new ArrayList<>(collector.options());
    command.addFirst(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            // The whole heap at once, so that growth comes from elsewhere.
            "-Xms1g",
            "-Xmx1g",
            "-XX:+AlwaysPreTouch",
            "-Ddev.xent.threads.elements=16384",
            "-Xlog:safepoint:file=" + own.resolve(SAFEPOINTS) + ":uptime:filecount=0",
            "-cp",
            classPath(),
            Worker.class.getName(),
            mode.name(),
            Long.toString(seconds),
            own.toString()));
    ProcessBuilder builder = new ProcessBuilder(command);
    // Memory that the operands free goes back to the system at once, unlike by default, so that
    // growth means a leak.
    builder.environment().put("MALLOC_ARENA_MAX", "2");
    builder.environment().put("MALLOC_MMAP_THRESHOLD_", "131072");
    Process process =
        builder
            .redirectErrorStream(true)
            .redirectOutput(own.resolve("output.log").toFile())
            .start();
    boolean ended;
    try {
      ended = process.waitFor(seconds + MOST_SECONDS_BESIDE, TimeUnit.SECONDS);
    } finally {
      process.destroyForcibly();
    }
    if (!ended) {
      throw new IOException("the process did not end: see " + own.resolve("output.log"));
    }
    if (process.exitValue() != 0) {
      throw new IOException(
          "the process ended with "
              + process.exitValue()
              + ":\n"
              + Files.readString(own.resolve("output.log")));
    }
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(own.resolve(RESULTS))) {
      properties.load(reader);
    }
    return new Results(properties);
  }

  /** Absolute paths, because the manifest of a jar names the other jars next to it. */
  private static String classPath() {
    String[] entries = System.getProperty("java.class.path").split(File.pathSeparator);
    for (int i = 0; i < entries.length; i++) {
      entries[i] = Path.of(entries[i]).toAbsolutePath().toString();
    }
    return String.join(File.pathSeparator, entries);
  }
}
