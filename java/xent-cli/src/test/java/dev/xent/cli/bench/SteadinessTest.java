// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class SteadinessTest {
  private static Times times(double... milliseconds) {
    return Times.of(Arrays.stream(milliseconds).boxed().toList());
  }

  @Test
  void aQuietMachineIsNotMentioned() {
    assertThat(Steadiness.warning(times(3, 3.1, 3.2), times(3.1, 3, 9))).isNull();
  }

  @Test
  void aMachineThatBecomesBusyIs() {
    assertThat(Steadiness.warning(times(3, 3, 3), times(3, 5, 5)))
        .isEqualTo(
            "The machine is busy: a memcpy of 16 MiB took 3.0 ms before and 5.0 ms after, 3.0 ms at"
                + " best."
                + System.lineSeparator()
                + "The times above are not reliable; stop other programs and measure again.");
  }

  @Test
  void aMachineThatIsBusyAllTheTimeIs() {
    assertThat(Steadiness.warning(times(3, 5, 6), times(3, 6, 5))).isNotNull();
  }
}
