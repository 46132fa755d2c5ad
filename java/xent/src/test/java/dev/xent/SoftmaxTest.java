// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Samples.matrix;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.DTypeException;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

class SoftmaxTest {

  @OnEveryBackend
  void computesWhatTheFormulasSay(Backend backend) {
    for (int classes : new int[] {1, 10, 1000}) {
      computesWhatTheFormulasSay(backend, classes);
    }
  }

  private static void computesWhatTheFormulasSay(Backend backend, int classes) {
    int rows = 5;
    float[] x = Samples.logits(rows * classes, 4, classes);
    float[] dy = Samples.logits(rows * classes, 1, classes + 1);
    float[] y = new float[x.length];
    float[] dx = new float[x.length];
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    softmax.forward(matrix(x, classes), matrix(y, classes));
    softmax.backward(matrix(y, classes), matrix(dy, classes), matrix(dx, classes));

    for (int r = 0; r < rows; r++) {
      double[] p = Samples.softmax(Samples.row(x, r, classes));
      double dot = 0;
      for (int k = 0; k < classes; k++) {
        dot += dy[r * classes + k] * p[k];
      }
      for (int k = 0; k < classes; k++) {
        int i = r * classes + k;
        assertThat((double) y[i]).isCloseTo(p[k], within(4e-7 * p[k]));
        assertThat((double) dx[i]).isCloseTo(p[k] * (dy[i] - dot), within(1e-6));
      }
    }
  }

  /** A new result has the shape, type and bits of a result that the caller passes. */
  @OnEveryBackend
  void givesNewTensors(Backend backend) {
    Softmax softmax =
        Softmax.builder().axis(1).execution(Execution.defaults().withBackend(backend)).build();
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16, DType.F64)) {
      Tensor wide = Tensor.allocate(Arena.ofAuto(), type, 4, 7, 3);
      wide.copyFrom(Tensor.of(Samples.logits(84, 3, 1), 4, 7, 3));
      Tensor readOnly = wide.permute(2, 1, 0).slice(1, 1, 6).asReadOnly();
      for (Tensor logits : List.of(wide, readOnly, wide.slice(0, 2, 2))) {
        Tensor expected = Tensor.allocate(Arena.ofAuto(), type, logits.shape());
        softmax.forward(logits, expected);
        assertIsNew(softmax.forward(logits), expected);
      }
    }
    assertThatThrownBy(() -> softmax.forward(Tensor.of(new int[3], 1, 3)))
        .isInstanceOf(DTypeException.class)
        .hasMessageStartingWith("logits is I32 [1, 3]");
    assertThatThrownBy(() -> softmax.forward((Tensor) null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("logits is null; expected a tensor");
  }

  static void assertIsNew(Tensor actual, Tensor expected) {
    assertThat(actual).hasToString(expected.toString());
    assertThat(actual.toDoubleArray()).isEqualTo(expected.toDoubleArray());
    assertThat(actual.segment().isAccessibleBy(new Thread())).isTrue();
  }

  @OnEveryBackend
  void worksInPlace(Backend backend) {
    float[] x = Samples.logits(60, 3, 1);
    float[] dy = Samples.logits(60, 3, 2);
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    float[] y = new float[60];
    softmax.forward(matrix(x, 20), matrix(y, 20));
    float[] inPlace = x.clone();
    softmax.forward(matrix(inPlace, 20), matrix(inPlace, 20));
    assertThat(inPlace).isEqualTo(y);

    float[] dx = new float[60];
    softmax.backward(matrix(y, 20), matrix(dy, 20), matrix(dx, 20));
    float[] overOutput = y.clone();
    softmax.backward(matrix(overOutput, 20), matrix(dy, 20), matrix(overOutput, 20));
    float[] overUpstream = dy.clone();
    softmax.backward(matrix(y, 20), matrix(overUpstream, 20), matrix(overUpstream, 20));
    assertThat(overOutput).isEqualTo(dx);
    assertThat(overUpstream).isEqualTo(dx);
  }

  @OnEveryBackend
  void takesTheClassAxisAnywhere(Backend backend) {
    float[] x = Samples.logits(24, 3, 1);
    for (int axis = -3; axis < 3; axis++) {
      Softmax softmax =
          Softmax.builder().axis(axis).execution(Execution.defaults().withBackend(backend)).build();
      Tensor y = Tensor.of(new float[24], 2, 3, 4);
      softmax.forward(Tensor.of(x, 2, 3, 4), y);
      int last = axis < 0 ? axis + 3 : axis;
      assertThat(sumsAlong(y, last)).allSatisfy(sum -> assertThat(sum).isCloseTo(1, within(1e-6)));
    }
  }

  private static List<Double> sumsAlong(Tensor y, int axis) {
    int a = (axis + 1) % 3;
    int b = (axis + 2) % 3;
    Tensor moved = y.permute(a, b, axis);
    List<Double> sums = new ArrayList<>();
    for (long i = 0; i < moved.dim(0); i++) {
      for (long j = 0; j < moved.dim(1); j++) {
        double sum = 0;
        for (long k = 0; k < moved.dim(2); k++) {
          sum += moved.getFloat(i, j, k);
        }
        sums.add(sum);
      }
    }
    return sums;
  }

  // ---- infinities and NaN ----------------------------------------------------------------------

  private static final float INF = Float.POSITIVE_INFINITY;
  private static final int NAN = 0x7fc00000;

  private static float[] softmax(Backend backend, FullyMasked masked, float... x) {
    float[] y = new float[x.length];
    Softmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .fullyMasked(masked)
        .build()
        .forward(Tensor.of(x), Tensor.of(y));
    return y;
  }

  private static float[] logSoftmax(Backend backend, FullyMasked masked, float... x) {
    float[] y = new float[x.length];
    LogSoftmax.builder()
        .execution(Execution.defaults().withBackend(backend))
        .fullyMasked(masked)
        .build()
        .forward(Tensor.of(x), Tensor.of(y));
    return y;
  }

  private static float logSumExp(Backend backend, FullyMasked masked, float... x) {
    float[] lse = new float[1];
    LogSumExp.builder()
        .execution(Execution.defaults().withBackend(backend))
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
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    softmax.forward(none, Tensor.of(new float[0], 0, 3));
    softmax.backward(none, none, Tensor.of(new float[0], 0, 3));
    LogSumExp.builder()
        .execution(Execution.defaults().withBackend(backend))
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
        .execution(Execution.defaults().withBackend(backend))
        .build()
        .backward(y, dy, Tensor.of(dx, 2, 2));
    assertThat(Samples.bits(dx)).startsWith(NAN, NAN);
    assertThat(dx[2]).isEqualTo(0.1875f);
    assertThat(dx[3]).isEqualTo(-0.1875f);
  }
}
