// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Starts a worker per case, pinned to CPUs if {@code taskset} is available.
 *
 * @param plan the durations
 * @param cpus a list of CPUs; null for any
 */
record Launcher(Plan plan, @Nullable String cpus) {
  /**
   * CPUs that this process may use, including the last one; null if pinning is not possible.
   *
   * @param count 1 or 2
   */
  static @Nullable String cpus(int count) throws IOException {
    List<String> allowed = allowed();
    if (!onPath("taskset") || allowed.size() < count) {
      return null;
    }
    return count == 1 ? allowed.getLast() : allowed.getFirst() + "," + allowed.getLast();
  }

  private static boolean onPath(String program) {
    for (String folder : System.getenv().getOrDefault("PATH", "").split(":")) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return false;
  }

  /** The CPUs of the kernel's list; of a range only its ends, which is enough here. */
  private static List<String> allowed() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("Cpus_allowed_list:")) {
        return List.of(line.replaceAll("\\D+", " ").strip().split(" "));
      }
    }
    return List.of();
  }

  /** Runs one case. */
  List<Result> run(Case what, List<String> candidates) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (cpus != null) {
      command.addAll(List.of("taskset", "-c", cpus));
    }
    command.addAll(java());
    command.addAll(
        List.of(
            Worker.class.getName(),
            what.operation().toString(),
            what.shape().toString(),
            plan.text()));
    command.addAll(candidates);
    return start(command, what.operation() + " " + what.shape());
  }

  /**
   * Starts a worker and reads its results.
   *
   * @param what a description of its work, for the message if it fails
   */
  static List<Result> start(List<String> command, String what)
      throws IOException, InterruptedException {
    Path log = Files.createTempFile("xent-benchmarks-", ".log");
    try {
      Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
      List<Result> results = results(process);
      if (process.waitFor() != 0) {
        throw new IOException(
            String.format(Locale.ROOT, "%s ended early:%n%s", what, Files.readString(log)));
      }
      return results;
    } finally {
      Files.delete(log);
    }
  }

  private static List<String> java() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp",
        System.getProperty("java.class.path"),
        "--enable-native-access=ALL-UNNAMED",
        "--add-modules=jdk.incubator.vector",
        // All threads share one CPU: compilation must end before timing, and collections run there.
        "-Xbatch",
        "-XX:+UseSerialGC",
        // The options that JMH passes to the JVMs that it starts.
        "-XX:+UnlockExperimentalVMOptions",
        "-XX:CompileCommand=quiet",
        "-XX:CompileCommand=blackhole,org.openjdk.jmh.infra.Blackhole::consumeCompiler",
        "-DcompilerBlackholesEnabled=true",
        "-Djmh.ignoreLock=true");
  }

  private static List<Result> results(Process process) throws IOException {
    List<Result> results = new ArrayList<>();
    try (BufferedReader lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Result result = Result.of(line);
        if (result != null) {
          results.add(result);
        }
      }
    }
    return results;
  }
}
