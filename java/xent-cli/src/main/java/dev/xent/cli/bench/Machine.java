// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Facts about this machine.
 *
 * @param cpu the name of the processor, or its architecture if the system does not report the name
 * @param cores the number of cores that the JVM may use
 * @param jdk the JVM and its version
 */
public record Machine(String cpu, int cores, String jdk) {
  private static final Path CPUINFO = Path.of("/proc/cpuinfo");
  private static final Pattern MODEL = Pattern.compile("model name\\s*:\\s*(\\S.*)");

  /** This machine. */
  public static Machine here() {
    return new Machine(
        cpuName(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("java.vm.name") + " " + Runtime.version());
  }

  private static String cpuName() {
    String architecture = System.getProperty("os.arch");
    try (Stream<String> lines = Files.lines(CPUINFO)) {
      return lines
          .map(MODEL::matcher)
          .filter(Matcher::matches)
          .map(model -> model.group(1).strip())
          .findFirst()
          .orElse(architecture);
    } catch (IOException e) {
      return architecture; // other systems do not have the file
    }
  }
}
