// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An error at any depth of a call leaves nothing behind: the calls after it, of the same thread and
 * with all the stack there is, are right.
 */
@Tag("slow")
final class ErrorsTest {
  @ParameterizedTest
  @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation"})
  void callsAfterAnOverflowAreRight(String compiler) throws IOException, InterruptedException {
    List<String> command = ChildJvm.command(List.of(), List.of(compiler), ErrorsProbe.class, "1");
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(process.waitFor()).as(printed).isZero();
    assertThat(printed).endsWith("wrong 0, thrown 0").doesNotContain("right 0,");
  }
}
