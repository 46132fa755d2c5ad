// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Samples.matrix;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.List;

/** {@code x - log sum exp(x)} and its gradient. Infinities and NaN: SoftmaxTest. */
class LogSoftmaxTest {

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
    LogSoftmax logSoftmax = on(backend).build();
    logSoftmax.forward(matrix(x, classes), matrix(y, classes));
    logSoftmax.backward(matrix(y, classes), matrix(dy, classes), matrix(dx, classes));

    for (int r = 0; r < rows; r++) {
      float[] row = Samples.row(x, r, classes);
      double[] p = Samples.softmax(row);
      double lse = Samples.logSumExp(row);
      double sum = 0;
      for (int k = 0; k < classes; k++) {
        sum += dy[r * classes + k];
      }
      for (int k = 0; k < classes; k++) {
        int i = r * classes + k;
        assertThat((double) y[i]).isCloseTo(row[k] - lse, within(1e-5));
        assertThat((double) dx[i])
            .isCloseTo(dy[i] - p[k] * sum, within(1e-5 * (1 + Math.abs(sum))));
      }
    }
  }

  private static LogSoftmax.Builder on(Backend backend) {
    return LogSoftmax.builder().execution(Execution.defaults().withBackend(backend));
  }

  /** A new result has the shape, type and bits of a result that the caller passes. */
  @OnEveryBackend
  void givesNewTensors(Backend backend) {
    LogSoftmax logSoftmax = on(backend).axis(1).build();
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16, DType.F64)) {
      Tensor wide = Tensor.allocate(Arena.ofAuto(), type, 4, 7, 3);
      wide.copyFrom(Tensor.of(Samples.logits(84, 3, 1), 4, 7, 3));
      Tensor readOnly = wide.permute(2, 1, 0).slice(1, 1, 6).asReadOnly();
      for (Tensor logits : List.of(wide, readOnly, wide.slice(0, 2, 2))) {
        Tensor expected = Tensor.allocate(Arena.ofAuto(), type, logits.shape());
        logSoftmax.forward(logits, expected);
        SoftmaxTest.assertIsNew(logSoftmax.forward(logits), expected);
      }
    }
    assertThatThrownBy(() -> logSoftmax.forward((Tensor) null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("logits is null; expected a tensor");
  }

  @OnEveryBackend
  void worksInPlace(Backend backend) {
    float[] x = Samples.logits(60, 3, 1);
    float[] dy = Samples.logits(60, 3, 2);
    LogSoftmax logSoftmax = on(backend).build();
    float[] y = new float[60];
    logSoftmax.forward(matrix(x, 20), matrix(y, 20));
    float[] inPlace = x.clone();
    logSoftmax.forward(matrix(inPlace, 20), matrix(inPlace, 20));
    assertThat(inPlace).isEqualTo(y);

    float[] dx = new float[60];
    logSoftmax.backward(matrix(y, 20), matrix(dy, 20), matrix(dx, 20));
    float[] overUpstream = dy.clone();
    logSoftmax.backward(matrix(y, 20), matrix(overUpstream, 20), matrix(overUpstream, 20));
    assertThat(overUpstream).isEqualTo(dx);
  }

  @OnEveryBackend
  void isNeverAboveZero(Backend backend) {
    float[] x = Samples.logits(4000, 30, 4);
    float[] y = new float[4000];
    on(backend).build().forward(matrix(x, 40), matrix(y, 40));
    for (float value : y) {
      assertThat(value).isLessThanOrEqualTo(0);
    }
  }
}
