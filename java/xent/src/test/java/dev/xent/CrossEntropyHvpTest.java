// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CrossEntropyHvpTest {
  private static final int ROWS = 7;
  private static final int CLASSES = 40;

  private final Tensor logits = normals(3, 1);
  private final Tensor vectors = normals(1, 2);

  private static Tensor normals(double scale, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = random.doubles((long) ROWS * CLASSES, -scale, scale).toArray();
    return Tensor.of(values, ROWS, CLASSES);
  }

  private static double[] products(CrossEntropyHvp hvp, Tensor x, Tensor v, Inputs inputs) {
    Tensor out = Tensor.of(new double[ROWS * CLASSES], ROWS, CLASSES);
    hvp.on(x, v, out).inputs(inputs).run();
    return out.toDoubleArray();
  }

  private Tensor moved(double step) {
    double[] x = logits.toDoubleArray();
    double[] v = vectors.toDoubleArray();
    for (int i = 0; i < x.length; i++) {
      x[i] += step * v[i];
    }
    return Tensor.of(x, ROWS, CLASSES);
  }

  /** The gradient of a loss along the vectors, by central differences. */
  private double[] differences(CrossEntropy loss, Tensor targets, Inputs inputs) {
    double step = 1e-5;
    double[][] gradients = new double[2][];
    for (int i = 0; i < 2; i++) {
      Tensor dx = Tensor.of(new double[ROWS * CLASSES], ROWS, CLASSES);
      loss.on(moved(i == 0 ? -step : step), targets, dx).inputs(inputs).run();
      gradients[i] = dx.toDoubleArray();
    }
    double[] slopes = new double[gradients[0].length];
    Arrays.setAll(slopes, i -> (gradients[1][i] - gradients[0][i]) / (2 * step));
    return slopes;
  }

  @Test
  void makesItsResult() {
    for (DType type : List.of(DType.F32, DType.F64, DType.F16)) {
      Tensor x = Tensor.allocate(type, ROWS, CLASSES);
      x.copyFrom(logits);
      Tensor v = Tensor.allocate(type, ROWS, CLASSES);
      v.copyFrom(vectors);
      CrossEntropyHvp hvp = CrossEntropyHvp.along(-1);
      Tensor made = hvp.product(x, v);
      assertThat(made.type()).isEqualTo(type == DType.F64 ? DType.F64 : DType.F32);
      Tensor written = Tensor.allocate(made.type(), ROWS, CLASSES);
      hvp.product(x, v, written);
      assertThat(made.shape()).isEqualTo(written.shape());
      assertThat(made.toDoubleArray()).isEqualTo(written.toDoubleArray());
    }
  }

  @OnEveryBackend
  void isTheSlopeOfTheGradientWhateverTheTargets(Backend backend) {
    Inputs inputs =
        Inputs.none()
            .withRowWeights(Tensor.of(new double[] {1, 2, 0, 0.5, 1, 1, 3}))
            .withSink(Tensor.of(new double[] {0, 1, 2, -1, 0, 1, 2}));
    double[] products =
        products(
            CrossEntropyHvp.builder()
                .execution(Execution.defaults().withBackend(backend))
                .temperature(1.5)
                .gradientScale(0.5)
                .build(),
            logits,
            vectors,
            inputs);
    CrossEntropy.Builder loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .temperature(1.5)
            .gradientScale(0.5);
    Tensor labels = Tensor.of(new int[] {0, 5, 9, 39, 3, 3, 1});
    double[] uniform = new double[ROWS * CLASSES];
    Arrays.fill(uniform, 1.0 / CLASSES);
    Tensor even = Tensor.of(uniform, ROWS, CLASSES);
    assertThat(products)
        .containsExactly(differences(loss.build(), labels, inputs), within(1e-9))
        .containsExactly(differences(loss.build(), even, inputs), within(1e-9));
    loss.labelSmoothing(0.2);
    assertThat(products).containsExactly(differences(loss.build(), labels, inputs), within(1e-9));
  }

  @OnEveryBackend
  void sumsOfARowAreZeroAndTheFormIsNeverNegative(Backend backend) {
    double[] hv =
        products(
            CrossEntropyHvp.builder().execution(Execution.defaults().withBackend(backend)).build(),
            logits,
            vectors,
            Inputs.none());
    double[] v = vectors.toDoubleArray();
    for (int r = 0; r < ROWS; r++) {
      double sum = 0;
      double form = 0;
      for (int k = 0; k < CLASSES; k++) {
        sum += hv[r * CLASSES + k];
        form += hv[r * CLASSES + k] * v[r * CLASSES + k];
      }
      assertThat(sum).isCloseTo(0, within(1e-15));
      assertThat(form).isPositive();
    }
  }

  @OnEveryBackend
  void theLogitsMayBeOverwrittenAndAnyAxisWillDo(Backend backend) {
    CrossEntropyHvp rows =
        CrossEntropyHvp.builder().execution(Execution.defaults().withBackend(backend)).build();
    CrossEntropyHvp columns =
        CrossEntropyHvp.builder()
            .execution(Execution.defaults().withBackend(backend))
            .axis(0)
            .build();
    float[] x = new float[ROWS * CLASSES];
    float[] v = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = i * 37 % 64 / 16f;
      v[i] = i * 29 % 32 / 16f - 1;
    }
    Tensor expected = Tensor.of(new float[x.length], ROWS, CLASSES);
    rows.product(Tensor.of(x, ROWS, CLASSES), Tensor.of(v, ROWS, CLASSES), expected);
    Tensor inPlace = Tensor.of(x.clone(), ROWS, CLASSES);
    rows.product(inPlace, Tensor.of(v, ROWS, CLASSES), inPlace);
    assertThat(inPlace.toFloatArray()).isEqualTo(expected.toFloatArray());
    Tensor turned = Tensor.of(new float[x.length], CLASSES, ROWS);
    turned.copyFrom(Tensor.of(x, ROWS, CLASSES).permute(1, 0));
    columns.product(turned, Tensor.of(v, ROWS, CLASSES).permute(1, 0), turned);
    assertThat(turned.permute(1, 0).toFloatArray()).isEqualTo(expected.toFloatArray());
  }

  @OnEveryBackend
  void manyRowsAreSharedOutAndGiveTheSameBits(Backend backend) {
    int rows = backend == Backend.NATIVE ? 600 : 40;
    float[] x = new float[rows * 1000];
    for (int i = 0; i < x.length; i++) {
      x[i] = i * 37 % 1023 / 64f;
    }
    Tensor in = Tensor.of(x, rows, 1000);
    Tensor shared = Tensor.of(new float[x.length], rows, 1000);
    Tensor alone = Tensor.of(new float[x.length], rows, 1000);
    CrossEntropyHvp.builder()
        .execution(Execution.defaults().withBackend(backend).withThreads(4))
        .build()
        .product(in, in, shared);
    CrossEntropyHvp.builder()
        .execution(Execution.sequential().withBackend(backend))
        .build()
        .product(in, in, alone);
    assertThat(shared.toFloatArray()).isEqualTo(alone.toFloatArray());
  }

  @OnEveryBackend
  void rowsOfWeightZeroAndMaskedClassesArePositiveZero(Backend backend) {
    CrossEntropyHvp hvp =
        CrossEntropyHvp.builder()
            .execution(Execution.defaults().withBackend(backend))
            .gradientScale(-1)
            .build();
    double[] x = logits.toDoubleArray();
    x[3] = Double.NaN; // in the row of weight 0
    byte[] mask = new byte[CLASSES];
    Arrays.fill(mask, (byte) 1);
    mask[5] = 0;
    Inputs inputs =
        Inputs.none()
            .withRowWeights(Tensor.of(new byte[] {0, 1, 1, 1, 1, 1, 1}))
            .withClassMask(Tensor.of(mask));
    double[] products = products(hvp, Tensor.of(x, ROWS, CLASSES), vectors, inputs);
    for (int i = 0; i < products.length; i++) {
      if (i < CLASSES || i % CLASSES == 5) {
        assertThat(Double.doubleToRawLongBits(products[i])).isZero();
      } else {
        assertThat(products[i]).isFinite();
      }
    }
  }

  @OnEveryBackend
  void rowsAtTheEdge(Backend backend) {
    float inf = Float.POSITIVE_INFINITY;
    Tensor x = Tensor.of(new float[] {-inf, -inf, 1, Float.NaN}, 2, 2);
    Tensor v = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
    float[] out = new float[4];
    CrossEntropyHvp.Builder builder =
        CrossEntropyHvp.builder().execution(Execution.defaults().withBackend(backend));
    builder.build().product(x, v, Tensor.of(out, 2, 2));
    assertThat(out).containsExactly(Float.NaN, Float.NaN, Float.NaN, Float.NaN);
    builder.fullyMasked(FullyMasked.ZERO).build().product(x, v, Tensor.of(out, 2, 2));
    assertThat(out).containsExactly(0, 0, Float.NaN, Float.NaN);
  }

  @OnEveryBackend
  void raggedRows(Backend backend) {
    CrossEntropyHvp hvp =
        CrossEntropyHvp.builder().execution(Execution.defaults().withBackend(backend)).build();
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4, 5});
    Tensor v = Tensor.of(new float[] {1, 0, 2, 1, -1});
    Tensor out = Tensor.of(new float[5]);
    hvp.on(x, v, out).inputs(Inputs.none().withRowOffsets(Tensor.of(new int[] {0, 2, 5}))).run();
    float[] first = new float[2];
    float[] second = new float[3];
    hvp.product(x.slice(0, 0, 2), v.slice(0, 0, 2), Tensor.of(first));
    hvp.product(x.slice(0, 2, 5), v.slice(0, 2, 5), Tensor.of(second));
    assertThat(out.slice(0, 0, 2).toFloatArray()).isEqualTo(first);
    assertThat(out.slice(0, 2, 5).toFloatArray()).isEqualTo(second);
  }

  @Test
  void whatItCannotDoIsRefused() {
    CrossEntropyHvp hvp = CrossEntropyHvp.along(-1);
    Tensor out = Tensor.of(new double[ROWS * CLASSES], ROWS, CLASSES);
    assertThatThrownBy(() -> CrossEntropyHvp.builder().softcap(30).build())
        .isInstanceOf(OptionException.class)
        .hasMessage(
            "softcap is 30.0, and the Hessian of cross-entropy with one has another form: build"
                + " the operation without it");
    Tensor floats = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    assertThatThrownBy(() -> hvp.product(logits, vectors, floats))
        .isInstanceOf(DTypeException.class)
        .hasMessage("output is F32 [7, 40], logits is F64 [7, 40]; expected output of type F64");
    assertThatThrownBy(() -> hvp.product(logits, out, out))
        .isInstanceOf(MemoryException.class)
        .hasMessage("output and upstream overlap in memory; expected separate memory for output");
    Inputs negative = Inputs.none().withRowWeights(Tensor.of(new float[] {1, -1, 1, 1, 1, 1, 1}));
    assertThatThrownBy(() -> hvp.on(logits, vectors, out).inputs(negative).run())
        .isInstanceOf(OptionException.class)
        .hasMessageStartingWith("rowWeights of row 1 is -1.0");
    Inputs foreign = Inputs.none().withTargetWeights(Tensor.of(new float[7]));
    assertThatThrownBy(() -> hvp.on(logits, vectors, out).inputs(foreign).run())
        .isInstanceOf(OptionException.class);
  }

  @Test
  void halvesGiveWhatTheirFloatsGive() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor half = Tensor.allocate(arena, DType.BF16, ROWS, CLASSES);
      half.copyFrom(logits);
      Tensor wide = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
      wide.copyFrom(half);
      Tensor one = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
      Tensor other = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
      CrossEntropyHvp.along(-1).product(half, half, one);
      CrossEntropyHvp.along(-1).product(wide, wide, other);
      assertThat(one.segment().mismatch(other.segment())).isEqualTo(-1);
      assertThat(one.toFloatArray()).isNotEqualTo(new float[ROWS * CLASSES]);
    }
  }
}
