// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ProgressTest {
  @Test
  void aMarkMovesBackAndForthWithoutSteps() {
    assertThat(IntStream.of(0, 1, 15, 16, 29, 30))
        .map(tick -> Progress.line("verify", 0, 0, 3, tick).strip())
        .containsExactly(
            "verify [=====               ] 3 s",
            "verify [ =====              ] 3 s",
            "verify [               =====] 3 s",
            "verify [              ===== ] 3 s",
            "verify [ =====              ] 3 s",
            "verify [=====               ] 3 s");
  }

  @Test
  void aBarGrowsWithSteps() {
    assertThat(IntStream.of(0, 30, 72))
        .map(done -> Progress.line("measuring", done, 72, 0.2, 5).strip())
        .containsExactly(
            "measuring [                    ]   0%, 0 s",
            "measuring [========            ]  41%, 0 s",
            "measuring [====================] 100%, 0 s");
  }

  /** A shorter line erases a longer one, and none goes into the next line of a terminal. */
  @Test
  void everyLineHasTheSameLength() {
    assertThat(Progress.line("selected-log-probabilities", 72, 72, 99_999, 7))
        .hasSize(Progress.LENGTH)
        .startsWith("selected-log-probabilities [====================] 100%, 99999 s");
    assertThat(Progress.line("writing", 0, 0, 0, 7)).hasSize(Progress.LENGTH);
  }
}
