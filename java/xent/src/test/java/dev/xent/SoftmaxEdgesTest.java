// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import java.util.Arrays;

/** The edges that conformance/numerics.md names, for softmax, log-softmax and log-sum-exp. */
class SoftmaxEdgesTest {
  private static final float INF = Float.POSITIVE_INFINITY;
  private static final int NAN = 0x7fc00000;

  private static float[] softmax(Backend backend, FullyMasked masked, float... x) {
    float[] y = new float[x.length];
    Softmax.builder()
        .execution(Execution.defaults().backend(backend))
        .fullyMasked(masked)
        .build()
        .forward(Tensor.of(x), Tensor.of(y));
    return y;
  }

  private static float[] logSoftmax(Backend backend, FullyMasked masked, float... x) {
    float[] y = new float[x.length];
    LogSoftmax.builder()
        .execution(Execution.defaults().backend(backend))
        .fullyMasked(masked)
        .build()
        .forward(Tensor.of(x), Tensor.of(y));
    return y;
  }

  private static float logSumExp(Backend backend, FullyMasked masked, float... x) {
    float[] lse = new float[1];
    LogSumExp.builder()
        .execution(Execution.defaults().backend(backend))
        .fullyMasked(masked)
        .build()
        .forward(Tensor.of(x), Tensor.of(lse));
    return lse[0];
  }

  private static int[] repeated(int bits, int count) {
    int[] all = new int[count];
    Arrays.fill(all, bits);
    return all;
  }

  @OnEveryBackend
  void aNanOrPlusInfinityMakesTheRowNan(Backend backend) {
    for (float bad : new float[] {Float.NaN, INF, Float.intBitsToFloat(0xffc12345)}) {
      for (FullyMasked masked : FullyMasked.values()) {
        for (float rest : new float[] {0, -INF}) {
          float[] x = {rest, bad, rest};
          assertThat(Samples.bits(softmax(backend, masked, x))).isEqualTo(repeated(NAN, 3));
          assertThat(Samples.bits(logSoftmax(backend, masked, x))).isEqualTo(repeated(NAN, 3));
          float sum = logSumExp(backend, masked, x);
          assertThat(Float.compare(sum, bad == INF ? INF : Float.NaN)).isZero();
        }
      }
    }
  }

  @OnEveryBackend
  void minusInfinityIsAClassOfProbabilityZero(Backend backend) {
    float[] x = {-INF, 1, -INF, 1};
    assertThat(Samples.bits(softmax(backend, FullyMasked.NAN, x)))
        .isEqualTo(Samples.bits(new float[] {0, 0.5f, 0, 0.5f}));
    float[] y = logSoftmax(backend, FullyMasked.NAN, x);
    assertThat(y[0]).isEqualTo(-INF);
    assertThat(y[1]).isEqualTo((float) -Math.log(2));
  }

  @OnEveryBackend
  void aRowOfMinusInfinitiesFollowsThePolicy(Backend backend) {
    float[] x = {-INF, -INF, -INF};
    assertThat(Samples.bits(softmax(backend, FullyMasked.NAN, x))).isEqualTo(repeated(NAN, 3));
    assertThat(Samples.bits(logSoftmax(backend, FullyMasked.NAN, x))).isEqualTo(repeated(NAN, 3));
    assertThat(logSumExp(backend, FullyMasked.NAN, x)).isNaN();
    assertThat(Samples.bits(softmax(backend, FullyMasked.ZERO, x))).isEqualTo(repeated(0, 3));
    assertThat(logSoftmax(backend, FullyMasked.ZERO, x)).containsOnly(-INF);
    assertThat(logSumExp(backend, FullyMasked.ZERO, x)).isEqualTo(-INF);
  }

  @OnEveryBackend
  void chunksOfMinusInfinityBeforeFiniteOnesAreExact(Backend backend) {
    float[] x = new float[20000];
    Arrays.fill(x, -INF);
    x[19999] = -3;
    x[19998] = -3;
    float[] y = softmax(backend, FullyMasked.NAN, x);
    assertThat(y[19999]).isEqualTo(0.5f);
    assertThat(Float.floatToRawIntBits(y[0])).isZero();
    assertThat(logSumExp(backend, FullyMasked.NAN, x)).isEqualTo((float) (Math.log(2) - 3));
  }

  @OnEveryBackend
  void oneClassIsCertain(Backend backend) {
    for (float x : new float[] {0, -1e30f, 1e30f, Float.MAX_VALUE}) {
      assertThat(softmax(backend, FullyMasked.NAN, x)).containsExactly(1);
      assertThat(Samples.bits(logSoftmax(backend, FullyMasked.NAN, x))).containsExactly(0);
      assertThat(logSumExp(backend, FullyMasked.NAN, x)).isEqualTo(x);
    }
  }

  @OnEveryBackend
  void logitsOfAnySizeAreExact(Backend backend) {
    float max = Float.MAX_VALUE;
    assertThat(softmax(backend, FullyMasked.NAN, max, max)).containsExactly(0.5f, 0.5f);
    assertThat(softmax(backend, FullyMasked.NAN, -max, -max)).containsExactly(0.5f, 0.5f);
    assertThat(softmax(backend, FullyMasked.NAN, -max, max)).containsExactly(0, 1);
    float big = 1 << 20;
    float[] shifted = softmax(backend, FullyMasked.NAN, big, big - 1, big + 2);
    assertThat(shifted).isEqualTo(softmax(backend, FullyMasked.NAN, -2, -3, 0));
    assertThat(logSumExp(backend, FullyMasked.NAN, big, big))
        .isEqualTo((float) (big + Math.log(2)));
  }

  @OnEveryBackend
  void zeroRowsWriteNothing(Backend backend) {
    Tensor none = Tensor.of(new float[0], 0, 3);
    Softmax softmax = Softmax.builder().execution(Execution.defaults().backend(backend)).build();
    softmax.forward(none, Tensor.of(new float[0], 0, 3));
    softmax.backward(none, none, Tensor.of(new float[0], 0, 3));
    LogSumExp.builder()
        .execution(Execution.defaults().backend(backend))
        .build()
        .forward(none, Tensor.of(new float[0], 0));
    assertThat(none.elements()).isZero();
  }

  @OnEveryBackend
  void backwardGivesNanForRowsThatHaveIt(Backend backend) {
    float[] dx = new float[4];
    Tensor y = Tensor.of(new float[] {0.5f, 0.5f, 0.25f, 0.75f}, 2, 2);
    Tensor dy = Tensor.of(new float[] {Float.NaN, 1, 1, 0}, 2, 2);
    Softmax.builder()
        .execution(Execution.defaults().backend(backend))
        .build()
        .backward(y, dy, Tensor.of(dx, 2, 2));
    assertThat(Samples.bits(dx)).startsWith(NAN, NAN);
    assertThat(dx[2]).isEqualTo(0.1875f);
    assertThat(dx[3]).isEqualTo(-0.1875f);
  }
}
