// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whether elements are distinct: the result equals that of a search over all elements. */
class PlacesTest {
  private static boolean areApart(long[] sizes, long[] strides) {
    return DistinctElements.areApart(sizes.clone(), strides.clone(), sizes.length);
  }

  /** Tries every index. */
  private static boolean areApartOneByOne(long[] sizes, long[] strides) {
    BitSet taken = new BitSet();
    for (long i = 0; i < sizes[0]; i++) {
      for (long j = 0; j < sizes[1]; j++) {
        for (long k = 0; k < sizes[2]; k++) {
          int place = (int) (i * strides[0] + j * strides[1] + k * strides[2]);
          if (taken.get(place)) {
            return false;
          }
          taken.set(place);
        }
      }
    }
    return true;
  }

  @Test
  void everyThreeAxes() {
    Random random = new Random(3);
    int apart = 0;
    int tries = 100_000;
    for (int n = 0; n < tries; n++) {
      int most = n % 3 == 0 ? 12 : 6;
      int reach = n % 2 == 0 ? 300 : 16;
      long[] sizes = random.longs(3, 0, most).toArray();
      long[] strides = random.longs(3, 0, reach).toArray();
      boolean expected = areApartOneByOne(sizes, strides);
      assertThat(areApart(sizes, strides))
          .as("%s %s", Arrays.toString(sizes), Arrays.toString(strides))
          .isEqualTo(expected);
      apart += expected ? 1 : 0;
    }
    assertThat(apart).isBetween(tries / 10, tries * 9 / 10);
  }

  @Test
  void moreThanCouldBeTried() {
    long step = 1L << 40;
    long[] sizes = {4096, 4096, 4096};
    assertThat(areApart(sizes, new long[] {step, step + 1, step + 2})).isFalse();
    assertThat(areApart(sizes, new long[] {step, step + 8193, step + (1 << 26)})).isTrue();
  }

  @Test
  void anyNumberOfAxesThatStepOverEachOther() {
    assertThat(areApart(new long[] {2, 3, 4, 5, 6}, new long[] {1, 120, 2, 24, 360})).isTrue();
    assertThat(areApart(new long[] {2, 3, 4, 5, 6}, new long[] {1, 120, 2, 24, 343})).isFalse();
    assertThat(areApart(new long[] {2, 3, 5, 5}, new long[] {3, 2, 20, 100})).isTrue();
    assertThat(areApart(new long[] {3, 0, 2}, new long[] {0, 0, 0})).isTrue();
  }
}
