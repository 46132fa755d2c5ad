// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import org.junit.jupiter.api.Test;

/**
 * Both implementations need the same least workspace, so that both reject the same calls, and the
 * library can continue what the reference began.
 */
class WorkspaceTest {
  private static final long[] COUNTS = {
    0,
    1,
    2,
    12,
    31,
    32,
    33,
    127,
    128,
    129,
    8191,
    8192,
    8193,
    1L << 20,
    Integer.MAX_VALUE - 1,
    Integer.MAX_VALUE,
    1L << 31,
    1L << 45,
    1L << 48,
    (1L << 48) + 1,
    Long.MAX_VALUE,
    -1
  };

  private final Kernels library = Backends.get().kernels(Backend.NATIVE);
  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);

  @Test
  void linearLayers() {
    for (long rows : COUNTS) {
      for (long features : COUNTS) {
        for (long classes : COUNTS) {
          for (int contents = 0; contents < 32; contents++) {
            int least = contents | XentH.XENT_WORKSPACE_LEAST();
            if ((contents & XentH.XENT_WORKSPACE_LOGITS()) == 0) {
              assertThat(reference.linearWorkspace(rows, features, classes, least))
                  .as("%d rows, %d features, %d classes, %d", rows, features, classes, least)
                  .isEqualTo(library.linearWorkspace(rows, features, classes, least));
            }
          }
        }
      }
    }
  }

  @Test
  void tokensAndBiases() {
    for (long first : COUNTS) {
      for (long second : COUNTS) {
        assertThat(reference.sampleWorkspace(first, second))
            .as("%d classes, %d tokens", first, second)
            .isEqualTo(library.sampleWorkspace(first, second));
        assertThat(reference.textBiasesWorkspace(first, second))
            .as("%d tokens, %d listed", first, second)
            .isEqualTo(library.textBiasesWorkspace(first, second));
      }
    }
  }
}
