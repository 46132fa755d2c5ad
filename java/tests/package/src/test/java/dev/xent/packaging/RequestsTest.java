// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** The program of docs/performance.md that times a call per request. */
class RequestsTest {
  @Test
  @EnabledForJreRange(min = JRE.JAVA_25)
  void printsARowForEachStageThatItReaches() throws Exception {
    Ended ended =
        Processes.run(
            Package.ROOT,
            Map.of(),
            List.of(
                Package.JDK.resolve("bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                Package.JAR.toString(),
                Path.of("java/benchmarks/Requests.java").toString(),
                "0",
                "1100"));

    assertThat(ended.exit()).as(ended.err()).isZero();
    assertThat(ended.out().stream().filter(line -> line.matches("\\| [0-9].*")))
        .satisfiesExactly(
            row -> assertThat(row).startsWith("| 2 to 50 |"),
            row -> assertThat(row).startsWith("| 1,001 to 1,100 |"));
  }
}
