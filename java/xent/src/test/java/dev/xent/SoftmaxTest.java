// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.Samples.matrix;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.DTypeException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.ArrayList;
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
    Softmax softmax = Softmax.builder().execution(Execution.defaults().backend(backend)).build();
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
        Softmax.builder().axis(1).execution(Execution.defaults().backend(backend)).build();
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
    assertThatThrownBy(() -> softmax.forward(null))
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
    Softmax softmax = Softmax.builder().execution(Execution.defaults().backend(backend)).build();
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
          Softmax.builder().axis(axis).execution(Execution.defaults().backend(backend)).build();
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
}
