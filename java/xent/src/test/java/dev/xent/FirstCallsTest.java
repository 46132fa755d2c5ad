// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A class whose initializer throws can never be used again. So a call that would initialize one,
 * which links a native function, throws a StackOverflowError before, if its thread has too little
 * stack for that, and the next call is as usual.
 */
@Timeout(120)
class FirstCallsTest {
  @ParameterizedTest(name = "{0} frames before the end of a stack")
  @ValueSource(ints = {60, 90, 120, 150, 250})
  void callsAfterAFirstOneWithoutStack(int frames) throws Exception {
    List<String> command =
        ChildJvm.command(List.of(), List.of(), FirstCallsProbe.class, Integer.toString(frames));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    assertThat(out.lines()).containsExactly("done");
  }
}
