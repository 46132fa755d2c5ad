// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Facts about this machine.
 *
 * @param cpu the name of the processor, or its architecture if the system does not report the name
 * @param cores the number of cores that the JVM may use
 * @param jdk the JVM and its version
 * @param system the operating system
 * @param caches of one core, the smallest first; empty if the system does not report them
 */
public record Machine(String cpu, int cores, String jdk, String system, List<Cache> caches) {
  private static final Path CPUINFO = Path.of("/proc/cpuinfo");
  private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");
  private static final Pattern MODEL = Pattern.compile("model name\\s*:\\s*(\\S.*)");
  private static final Pattern SIZE = Pattern.compile("(\\d+)K");
  private static final int KIB = 1024;

  /**
   * A data cache.
   *
   * @param level 1 is the fastest
   * @param bytes its size
   */
  public record Cache(int level, long bytes) {}

  /** This machine. */
  public static Machine here() {
    return new Machine(
        cpuName(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("java.vm.name") + " " + Runtime.version(),
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        cachesHere());
  }

  private static String cpuName() {
    return lines(CPUINFO).stream()
        .map(MODEL::matcher)
        .filter(Matcher::matches)
        .map(model -> model.group(1).strip())
        .findFirst()
        .orElse(System.getProperty("os.arch"));
  }

  private static List<Cache> cachesHere() {
    List<Cache> caches = new ArrayList<>();
    for (int index = 0; Files.isDirectory(CACHES.resolve("index" + index)); index++) {
      Path folder = CACHES.resolve("index" + index);
      Matcher size = SIZE.matcher(first(folder.resolve("size")));
      String level = first(folder.resolve("level"));
      boolean data = !first(folder.resolve("type")).toLowerCase(Locale.ROOT).equals("instruction");
      if (data && size.matches() && level.matches("\\d")) {
        caches.add(new Cache(Integer.parseInt(level), Long.parseLong(size.group(1)) * KIB));
      }
    }
    caches.sort(Comparator.comparingInt(Cache::level));
    return List.copyOf(caches);
  }

  private static String first(Path file) {
    List<String> lines = lines(file);
    return lines.isEmpty() ? "" : lines.getFirst().strip();
  }

  /** The lines of a file, or an empty list if it does not exist: other systems do not have it. */
  private static List<String> lines(Path file) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines.toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
