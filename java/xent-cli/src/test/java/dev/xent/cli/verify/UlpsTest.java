// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class UlpsTest {
  @Test
  void countsAcrossZeroAndToInfinity() {
    assertThat(Ulps.between(-0.0f, 0.0f)).isZero();
    assertThat(Ulps.between(-Float.MIN_VALUE, Float.MIN_VALUE)).isEqualTo(2);
    assertThat(Ulps.between(Float.MAX_VALUE, Float.POSITIVE_INFINITY)).isEqualTo(1);
    assertThat(Ulps.between(Float.NaN, 1f)).isEqualTo(Ulps.NONE);
    assertThat(Ulps.between(Float.NaN, Float.NaN)).isZero();
    assertThat(Ulps.between(Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(Ulps.NONE);
  }

  @Property
  void theNextFloatIsOneAwayAndDistanceIsSymmetric(@ForAll float a, @ForAll float b) {
    if (a < Float.POSITIVE_INFINITY) {
      assertThat(Ulps.between(a, Math.nextUp(a))).isEqualTo(1);
    }
    assertThat(Ulps.between(a, b)).isEqualTo(Ulps.between(b, a));
  }
}
