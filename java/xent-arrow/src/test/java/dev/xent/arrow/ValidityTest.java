// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Bitmaps against java.util.BitSet. */
class ValidityTest {
  private static final int BYTES = 21;

  @Test
  void firstNullOfEveryRange() {
    Random random = new Random(3);
    for (int sample = 0; sample < 2 * BYTES; sample++) {
      byte[] bytes = new byte[BYTES];
      Arrays.fill(bytes, (byte) -1);
      bytes[sample % BYTES] = (byte) random.nextInt();
      bytes[random.nextInt(BYTES)] = (byte) random.nextInt();
      BitSet bits = BitSet.valueOf(bytes);
      MemorySegment bitmap = MemorySegment.ofArray(bytes);
      for (int from = 0; from <= 8 * BYTES; from++) {
        for (int to = from; to <= 8 * BYTES; to++) {
          int clear = bits.nextClearBit(from);
          assertThat(Validity.firstNull(bitmap, from, to)).isEqualTo(clear < to ? clear : -1);
        }
      }
    }
  }
}
