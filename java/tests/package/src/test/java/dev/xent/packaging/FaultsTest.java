// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * If something goes wrong around the command, it ends with an exit code and one line, and files are
 * whole or not there. Each fault meets a real process. Prints a table of what happened.
 */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class FaultsTest {
  private static final List<String> TABLE = new ArrayList<>();

  @TempDir private static Path directory;
  private static Samples samples;

  @BeforeAll
  static void make() throws IOException {
    // Another user must come as far as the folders below.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    samples = new Samples(directory);
  }

  @AfterAll
  static void print() {
    System.out.println("| kind | what goes wrong | what happens |\n|---|---|---|");
    TABLE.forEach(System.out::println);
    System.out.println(TABLE.size() + " faults");
  }

  @TestFactory
  Stream<DynamicTest> faults() {
    return Stream.of(
            new KillFaults(samples).all(),
            new DiskFaults(samples).all(),
            new InputFaults(samples).all(),
            new ProcessFaults(samples).all(),
            new OwnerFaults(samples).all())
        .flatMap(faults -> faults)
        .map(
            fault ->
                DynamicTest.dynamicTest(fault.kind() + ": " + fault.name(), () -> meet(fault)));
  }

  private static void meet(Fault fault) throws Exception {
    Path folder = Files.createTempDirectory(directory, "fault-");
    try {
      row(fault, fault.course().in(folder));
    } catch (CannotRun e) {
      row(fault, "not run: " + e.getMessage());
      assertThat(Package.ALL_REQUIRED).as("%s: %s", fault.name(), e.getMessage()).isFalse();
      Assumptions.abort(e.getMessage());
    }
  }

  private static void row(Fault fault, String happened) {
    TABLE.add("| %s | %s | %s |".formatted(fault.kind(), fault.name(), happened));
  }
}
