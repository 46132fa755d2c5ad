// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import org.junit.jupiter.api.Test;

class ConstantsTest {
  @Test
  void chunksAreThoseOfTheHeader() {
    assertThat(Constants.CHUNK).isEqualTo(XentH.XENT_CHUNK());
  }

  @Test
  void theTwoPartsOfLn2AddUp() {
    double sum = (double) Constants.LN2_HI + (double) Constants.LN2_LO;
    assertThat(Math.abs(sum - Constants.LN2)).isLessThan(0x1p-52);
  }

  @Test
  void theTableIsPowersOfTwoWithTheIndexTakenOut() {
    for (int i = 0; i < Constants.TWO_TO_EIGHTHS.length; i++) {
      float power = Float.intBitsToFloat(Constants.TWO_TO_EIGHTHS[i] + (i << 20));
      assertThat(power).isEqualTo((float) Math.pow(2, i / 8.0));
    }
  }
}
