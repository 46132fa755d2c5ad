// SPDX-License-Identifier: Apache-2.0
package dev.xent.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Sentences of pages keep the rules of {@code styles/Xent}, if Vale is installed. */
@EnabledOnOs(OS.LINUX) // which has the shell of the script
class ProseTest {
  @Test
  void sentencesKeepTheRules() throws Exception {
    Process process =
        new ProcessBuilder("tools/prose")
            .directory(Page.ROOT.toFile())
            .redirectErrorStream(true)
            .start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(printed).isZero();
  }
}
