// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/** Starts processes under load, one at a time. */
final class Launcher {
  static final String SAFEPOINTS = "safepoints.log";
  static final String SAMPLES = "samples.csv";
  static final String RESULTS = "results.properties";

  /** Beside the load itself: what is expected, warming up, threads that end. */
  private static final long MOST_SECONDS_BESIDE = 240;

  private final Path directory;

  Launcher(Path directory) {
    this.directory = directory;
  }

  /** What a process found out. It must end by itself, and in time. */
  Results run(Mode mode, long seconds) throws IOException, InterruptedException {
    Path own = Files.createDirectories(directory.resolve(mode.name().toLowerCase(Locale.ROOT)));
    Files.deleteIfExists(own.resolve(RESULTS));
    Files.deleteIfExists(own.resolve(SAFEPOINTS));
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseG1GC",
            // All of it at once: then what grows is something else.
            "-Xms1g",
            "-Xmx1g",
            "-XX:+AlwaysPreTouch",
            "-Xlog:safepoint:file=" + own.resolve(SAFEPOINTS) + ":uptime:filecount=0",
            "-cp",
            classPath(),
            Worker.class.getName(),
            mode.name(),
            Long.toString(seconds),
            own.toString());
    ProcessBuilder builder = new ProcessBuilder(command);
    // What operands of the load leave behind goes back to the system at once, as it would not by
    // default, so that what grows is lost.
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

  /** Absolute: the manifest of a jar names the others beside it. */
  private static String classPath() {
    String[] entries = System.getProperty("java.class.path").split(File.pathSeparator);
    for (int i = 0; i < entries.length; i++) {
      entries[i] = Path.of(entries[i]).toAbsolutePath().toString();
    }
    return String.join(File.pathSeparator, entries);
  }
}
