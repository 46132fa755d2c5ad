// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.reference.ReferenceKernels;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;

/** The sum of few losses is the exact one, whether or not additions in double would round. */
class FewLossesTest {
  private final Kernels kernels = new ReferenceKernels();
  private final Site site = new Site(false);

  private double sum(float... losses) {
    for (int i = 0; i < losses.length; i++) {
      site.fewLosses()
          .view(ElementType.F32)
          .segment
          .setAtIndex(ValueLayout.JAVA_FLOAT, i, losses[i]);
    }
    return site.fewLosses().sum(ElementType.F32, losses.length, kernels, site.exactSum().segment);
  }

  private static double exact(float... losses) {
    BigDecimal sum = BigDecimal.ZERO;
    for (float loss : losses) {
      sum = sum.add(new BigDecimal(loss));
    }
    return sum.doubleValue();
  }

  private void assertExact(float... losses) {
    assertThat(Double.doubleToRawLongBits(sum(losses)))
        .isEqualTo(Double.doubleToRawLongBits(exact(losses)));
  }

  @Property
  void sumIsExactForAllFiniteFloats(@ForAll @Size(max = FewLosses.MOST) int[] bits) {
    float[] losses = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      float any = Float.intBitsToFloat(bits[i]);
      losses[i] = Float.isFinite(any) ? any : i;
    }
    assertExact(losses);
  }

  @Property
  void sumIsExactForUsualLosses(@ForAll @Size(max = FewLosses.MOST) short[] numerators) {
    float[] losses = new float[numerators.length];
    for (int i = 0; i < losses.length; i++) {
      losses[i] = Math.abs(numerators[i]) / 3000f;
    }
    assertExact(losses);
  }

  @Example
  void sumThatRoundsInBetweenIsRoundedOnce() {
    assertExact(1e30f, 1f, -1e30f);
    assertExact(0x1p60f, 0x1p7f, 0x1p-60f);
    assertExact(Float.MAX_VALUE, Float.MIN_VALUE, -Float.MAX_VALUE);
  }

  @Example
  void zeroIsPositive() {
    assertExact();
    assertExact(-0f);
    assertExact(2f, -2f);
  }

  @Example
  void notFiniteLossesHaveNotFiniteSums() {
    assertThat(sum(1, Float.POSITIVE_INFINITY)).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(sum(Float.NEGATIVE_INFINITY, 1)).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(sum(Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY)).isNaN();
    assertThat(sum(1, Float.NaN, 1)).isNaN();
  }
}
