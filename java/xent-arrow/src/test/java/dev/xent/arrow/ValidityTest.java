// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Bitmaps against java.util.BitSet. */
class ValidityTest {
  @Test
  void firstNullOfEveryRange() {
    Random random = new Random(3);
    for (int sample = 0; sample < 20; sample++) {
      byte[] bytes = new byte[6];
      random.nextBytes(bytes);
      bytes[sample % 6] = -1;
      bytes[(sample + 1) % 6] = -1;
      BitSet bits = BitSet.valueOf(bytes);
      MemorySegment bitmap = MemorySegment.ofArray(bytes);
      for (int from = 0; from <= 48; from++) {
        for (int to = from; to <= 48; to++) {
          int clear = bits.nextClearBit(from);
          assertThat(Validity.firstNull(bitmap, from, to)).isEqualTo(clear < to ? clear : -1);
        }
      }
    }
  }
}
