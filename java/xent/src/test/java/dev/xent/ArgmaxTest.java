// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The class of the largest logit; what it has in common with TopK is tested there. */
class ArgmaxTest {
  private static Argmax.Builder on(Backend backend) {
    return Argmax.builder().execution(Execution.defaults().withBackend(backend));
  }

  private static long argmax(Backend backend, float... x) {
    Tensor result = Tensor.of(new int[1]);
    on(backend).build().forward(Tensor.of(x), result);
    return result.getLong(0);
  }

  @OnEveryBackend
  void isTheLargestOfEachRowAndTheLowestOfEquals(Backend backend) {
    for (int classes : new int[] {1, 2, 17, 1000, 9000}) {
      float[] x = Samples.logits(30 * classes, 2, classes);
      for (int i = 7; i < x.length; i += 7) {
        x[i] = x[i - 3];
      }
      for (DType type : List.of(DType.I32, DType.I64)) {
        Tensor result = Tensor.allocate(Arena.ofAuto(), type, 30);
        on(backend).build().forward(Tensor.of(x, 30, classes), result);
        for (int row = 0; row < 30; row++) {
          float[] values = Samples.row(x, row, classes);
          int largest = 0;
          for (int k = 1; k < classes; k++) {
            if (values[k] > values[largest]) {
              largest = k;
            }
          }
          assertThat(result.getLong(row)).isEqualTo(largest);
        }
      }
    }
  }

  @OnEveryBackend
  void edges(Backend backend) {
    float infinity = Float.POSITIVE_INFINITY;
    assertThat(argmax(backend, -infinity, 1, -infinity)).isEqualTo(1);
    assertThat(argmax(backend, 0f, -0f)).isZero();
    assertThat(argmax(backend, -0f, 0f)).isZero();
    assertThat(argmax(backend, 1, Float.NaN, 3)).isEqualTo(-1);
    assertThat(argmax(backend, 1, infinity, 3)).isEqualTo(-1);
    assertThat(argmax(backend, -infinity, -infinity)).isEqualTo(-1);
    assertThat(argmax(backend, 5)).isZero();
  }

  @OnEveryBackend
  void alongAnyAxisAndWithAMask(Backend backend) {
    float[] x = {1, 5, 2, 4, 3, 6};
    Tensor result = Tensor.of(new int[3]);
    on(backend).axis(0).build().forward(Tensor.of(x, 2, 3), result);
    assertThat(result.toIntArray()).containsExactly(1, 0, 1);
    Tensor rows = Tensor.of(new int[2]);
    Inputs masked = Inputs.none().withClassMask(Tensor.of(new byte[] {1, 0, 1}));
    on(backend).build().on(Tensor.of(x, 2, 3), rows).inputs(masked).run();
    assertThat(rows.toIntArray()).containsExactly(2, 2);
    Inputs none = Inputs.none().withClassMask(Tensor.of(new byte[3]));
    on(backend).build().on(Tensor.of(x, 2, 3), rows).inputs(none).run();
    assertThat(rows.toIntArray()).containsOnly(-1);
  }

  @Test
  void makesItsResult() {
    Tensor x = Tensor.of(new float[] {1, 5, 2, 9, 3, 4}, 1, 2, 3);
    Tensor argmax = Argmax.along(-1).forward(x);
    assertThat(argmax.type()).isEqualTo(DType.I32);
    assertThat(argmax.shape()).containsExactly(1, 2);
    assertThat(argmax.toIntArray()).containsExactly(1, 0);
    assertThat(Argmax.along(1).forward(x).toIntArray()).containsExactly(1, 0, 1);
    assertThat(Argmax.along(0).forward(Tensor.of(new float[] {1, 2})).shape()).containsExactly(1);
    assertThatThrownBy(() -> Argmax.along(-1).forward(Tensor.allocate(DType.F32, 3, 0)))
        .isInstanceOf(ShapeException.class);
  }
}
