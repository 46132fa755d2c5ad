// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Some seconds of the load; tools/verification/areas/load runs ten minutes, and all collectors. */
@Execution(ExecutionMode.CONCURRENT) // each process waits half a minute for its threads to end
class LoadTest {
  private static final long SECONDS = Long.getLong("load.seconds");

  /** The memory of a JVM that still compiles varies by some tens of megabytes. */
  private static final double MOST_MIB_AT_REST = 96;

  private static final double MOST_HEAP_MIB_AT_REST = 16;

  @ParameterizedTest
  @EnumSource(names = {"G1", "SERIAL"})
  @EnabledOnOs(OS.LINUX)
  void noBitIsWrongAndNothingIsLeftBehind(Launcher.Collector collector) throws Exception {
    Path output = Path.of(System.getProperty("load.output")).toAbsolutePath();
    Results results = new Launcher(output).run(Mode.LOAD, collector, SECONDS);
    Report report = new Report(System.out);
    report.correctness(collector, results);
    assertThat(results.text("messages")).isEmpty();
    assertThat(report.faults()).isZero();
    assertThat(results.number("calls")).isPositive();
    assertThat(results.number("interrupts")).isPositive();
    assertThat(results.real("resident.growth.at.rest")).isLessThan(MOST_MIB_AT_REST);
    assertThat(results.real("heap.growth.at.rest")).isLessThan(MOST_HEAP_MIB_AT_REST);
    System.out.printf("load: %,d values compared, 0 differ%n", results.number("values"));
  }
}
