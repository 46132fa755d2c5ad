// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafepointLogTest {
  private static final String COLLECTION =
      "[1.5s] Safepoint \"G1CollectForAllocation\", Time since last: 90 ns, Reaching safepoint:"
          + " 1234 ns, At safepoint: 5000000 ns, Leaving safepoint: 66 ns, Total: 5001300 ns,"
          + " Threads: 0 runnable, 10 total\n";
  private static final String DUMP =
      COLLECTION.replace("G1CollectForAllocation", "ThreadDump").replace("1234", "4321");

  @Test
  void linesAreReadOnceAndWhenTheyAreWhole(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("log"), COLLECTION + DUMP.substring(0, 70));
    try (SafepointLog log = new SafepointLog(file)) {
      assertThat(log.read())
          .containsExactly(new SafepointLog.Stop("G1CollectForAllocation", 1234, 5001300));
      assertThat(log.read()).isEmpty();
      Files.writeString(file, DUMP.substring(70), StandardOpenOption.APPEND);
      assertThat(log.read()).containsExactly(new SafepointLog.Stop("ThreadDump", 4321, 5001300));
    }
  }

  @Test
  void pausesAreThoseOfTheCollector(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("log"), COLLECTION + DUMP);
    Pauses pauses = new Pauses();
    try (SafepointLog log = new SafepointLog(file)) {
      pauses.add(log.read());
    }
    assertThat(pauses.collections()).isEqualTo(1);
    assertThat(pauses.stops()).isEqualTo(2);
    assertThat(pauses.longest()).isEqualTo(5001300);
    assertThat(pauses.longestReaching()).isEqualTo(4321);
  }
}
