// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * Tensors without rows, with any axis empty: nothing is computed, and no call throws. Such a call
 * ends before the kernels, which reject an inner size of 0 if the outer size is not 0.
 */
class EmptyAxesTest {
  @OnEveryBackend
  void everyOperation(Backend backend) {
    List<EveryOperation.Maker> makers =
        List.of(
            values -> Tensor.of(values, 2, 3, 0),
            values -> Tensor.of(values, 0, 3, 2),
            values -> Tensor.of(values, 2, 3, 0, 4),
            values -> Tensor.of(values, 0, 4, 2, 3).permute(2, 3, 0, 1),
            values -> Tensor.of(values, 0, 2, 3).permute(1, 2, 0));
    for (EveryOperation.Maker maker : makers) {
      long[] shape = maker.make(new float[0]).shape();
      long[] rows = new long[shape.length - 1];
      for (int d = 0; d < rows.length; d++) {
        rows[d] = shape[d == 0 ? 0 : d + 1];
      }
      try (Arena arena = Arena.ofConfined()) {
        Tensor labels = Tensor.of(new int[0], rows);
        EveryOperation every = new EveryOperation(backend, Helpers.DIRECT, 1);
        assertThat(every.results(maker, new float[0], new float[0], labels, arena))
            .hasSizeGreaterThan(30)
            .containsEntry("softmax", new int[0])
            .containsEntry("gradient", new int[0])
            .containsEntry("selected log-probabilities", new int[0]);
      }
    }
  }
}
