// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Softmax;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.complex.ListVector;
import org.junit.jupiter.api.Test;

/** The example of the Javadoc, which a test of the library compares with this. */
class ExamplesTest {
  @Test
  void ragged() {
    Softmax softmax = Softmax.along(-1);
    try (BufferAllocator allocator = new RootAllocator();
        ListVector vector = Vectors.lists(allocator, 1, 0, 2)) {
      // @start region="ragged" :
      Ragged logits = ArrowTensors.viewRagged(vector);
      softmax.on(logits.values(), logits.values()).inputs(logits.inputs()).run();
      // @end
      assertThat(logits.values().getFloat(0)).isEqualTo(1);
    }
  }
}
