// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code log sum exp(x)}, one number per row. Infinities and NaN: SoftmaxTest. */
class LogSumExpTest {

  @OnEveryBackend
  void computesWhatTheFormulaSays(Backend backend) {
    for (int classes : new int[] {1, 10, 1000}) {
      computesWhatTheFormulaSays(backend, classes);
    }
  }

  private static void computesWhatTheFormulaSays(Backend backend, int classes) {
    float[] x = Samples.logits(5 * classes, 4, classes);
    float[] lse = new float[5];
    on(backend).build().forward(Tensor.of(x, 5, classes), Tensor.of(lse));
    for (int r = 0; r < 5; r++) {
      double expected = Samples.logSumExp(Samples.row(x, r, classes));
      assertThat((double) lse[r]).isCloseTo(expected, within(2e-6));
    }
  }

  /** In parts: SoftmaxShardTest. */
  @OnEveryBackend
  void keepsItsDigitsNextToZero(Backend backend) {
    for (int classes : new int[] {2, 9, 300, 9000}) {
      float[] x = new float[classes];
      Arrays.fill(x, -40);
      x[classes / 2] = 0;
      float[] lse = new float[1];
      on(backend).build().forward(Tensor.of(x, 1, classes), Tensor.of(lse));
      double expected = Math.log1p((classes - 1) * Math.exp(-40));
      assertThat(lse[0] / expected).isCloseTo(1, within(5e-7));
    }
  }

  /** A NaN in any place wins, also next to numbers out of the range of the exponential. */
  @OnEveryBackend
  void plusInfinityIsTheSumUnlessThereIsANaN(Backend backend) {
    float inf = Float.POSITIVE_INFINITY;
    float[] x = {inf, 1e30f, 0, inf, Float.NaN, 1e30f, 1e30f, 1, 2};
    float[] lse = new float[3];
    on(backend).build().forward(Tensor.of(x, 3, 3), Tensor.of(lse));
    assertThat(lse).containsExactly(inf, Float.NaN, 1e30f);
  }

  private static LogSumExp.Builder on(Backend backend) {
    return LogSumExp.builder().execution(Execution.defaults().withBackend(backend));
  }

  /** The results have the shape of the logits without the class axis, or with it at size 1. */
  @OnEveryBackend
  void alongAnyAxis(Backend backend) {
    float[] x = Samples.logits(24, 3, 1);
    Tensor logits = Tensor.of(x, 2, 3, 4);
    for (int axis = 0; axis < 3; axis++) {
      long[] shape = {2, 3, 4};
      shape[axis] = 1;
      Tensor kept = Tensor.of(new float[24 / (int) logits.dim(axis)], shape);
      on(backend).axis(axis).build().forward(logits, kept);
      Tensor rows = logits.permute((axis + 1) % 3, (axis + 2) % 3, axis);
      Tensor results = kept.permute((axis + 1) % 3, (axis + 2) % 3, axis);
      for (long i = 0; i < rows.dim(0); i++) {
        for (long j = 0; j < rows.dim(1); j++) {
          float[] row = rows.select(0, i).select(0, j).toFloatArray();
          assertThat((double) results.getFloat(i, j, 0))
              .isCloseTo(Samples.logSumExp(row), within(2e-6));
        }
      }
    }
  }

  @OnEveryBackend
  void ofDoublesIsAsAccurateAsDoubles(Backend backend) {
    double[] x = {1, 2, 3};
    double expected = 3 + Math.log(Math.exp(-2) + Math.exp(-1) + 1);
    for (DType type : List.of(DType.F64, DType.F32)) {
      Tensor lse = Tensor.allocate(Arena.ofAuto(), type, 1);
      on(backend).build().forward(Tensor.of(x, 1, 3), lse);
      assertThat(lse.getDouble(0)).isCloseTo(expected, within(type == DType.F64 ? 1e-15 : 3e-7));
    }
  }

  @OnEveryBackend
  void temperatureSoftcapAndSink(Backend backend) {
    float[] x = {2, -1, 0.5f};
    float[] lse = new float[1];
    on(backend)
        .temperature(2)
        .softcap(3)
        .build()
        .on(Tensor.of(x, 1, 3), Tensor.of(lse))
        .inputs(Inputs.none().withSink(Tensor.of(new float[] {0.25f})))
        .run();
    double sum = Math.exp(0.25);
    for (float logit : x) {
      sum += Math.exp(3 * Math.tanh(logit / 3) / 2);
    }
    assertThat((double) lse[0]).isCloseTo(Math.log(sum), within(1e-6));
  }

  @Test
  void makesItsResult() {
    Tensor x = Tensor.of(new double[] {0, 0, 0, 0}, 2, 2);
    Tensor logSumExp = LogSumExp.along(0).forward(x);
    assertThat(logSumExp.type()).isEqualTo(DType.F64);
    assertThat(logSumExp.toDoubleArray()).containsExactly(Math.log(2), Math.log(2));
    Tensor half = LogSumExp.along(-1).forward(Tensor.allocate(DType.BF16, 5, 4));
    assertThat(half.type()).isEqualTo(DType.F32);
    assertThat(half.shape()).containsExactly(5);
  }
}
