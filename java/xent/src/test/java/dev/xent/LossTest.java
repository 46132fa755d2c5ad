// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.ShapeException;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LossTest {
  private static final int ROWS = 4;
  private static final int CLASSES = 3;

  private final Tensor logits = Tensor.of(Samples.logits(ROWS * CLASSES, 2, 1), ROWS, CLASSES);
  private final Tensor targets = LogSoftmax.along(1).forward(logits);

  private static List<Loss> losses() {
    return List.of(
        sumOf(CrossEntropy.builder()).build(),
        sumOf(NllLoss.builder()).build(),
        sumOf(BinaryCrossEntropy.builder()).build(),
        sumOf(Divergence.builder(DivergenceKind.JENSEN_SHANNON)).build());
  }

  private static <B extends ReducedBuilder<B>> B sumOf(B builder) {
    return builder.axis(1).reduction(Reduction.SUM);
  }

  @Test
  void theseAreAll() {
    assertThat(losses())
        .extracting(Object::getClass)
        .containsExactlyInAnyOrder((Class[]) Loss.class.getPermittedSubclasses());
  }

  @ParameterizedTest
  @MethodSource("losses")
  void everyWayComputesTheSame(Loss loss) {
    float[] alone = new float[ROWS * CLASSES];
    float[] bound = new float[ROWS * CLASSES];
    double expected = loss.forward(logits, targets);
    assertThat(expected).isNotZero();
    assertThat(loss.forwardBackward(logits, targets, Tensor.of(alone, ROWS, CLASSES)))
        .isEqualTo(expected);
    LossOutputs outputs = LossOutputs.create();
    assertThat(loss.on(logits, targets, Tensor.of(bound, ROWS, CLASSES)).outputs(outputs).run())
        .isEqualTo(expected);
    assertThat(outputs.loss()).isEqualTo(expected);
    assertThat(bound).isEqualTo(alone).isNotEqualTo(new float[ROWS * CLASSES]);
  }

  @ParameterizedTest
  @MethodSource("losses")
  void anotherDenominatorKeepsTheRest(Loss loss) {
    Loss other = loss.withDenominator(64);
    assertThat(other).hasSameClassAs(loss);
    LossOutputs outputs = LossOutputs.create();
    assertThat(other.on(logits, targets).outputs(outputs).run())
        .isEqualTo(loss.forward(logits, targets));
    assertThat(outputs.denominator()).isEqualTo(64);
  }

  @ParameterizedTest
  @MethodSource("losses")
  void evaluatesToALossAndWhatItIsReducedFrom(Loss loss) {
    LossOutputs outputs = LossOutputs.create();
    loss.on(logits, targets).outputs(outputs).run();
    LossResult result = loss.evaluate(logits, targets);
    assertThat(result.loss()).isEqualTo(loss.forward(logits, targets));
    assertThat(result.sum()).isEqualTo(outputs.sum());
    assertThat(result.rows()).isEqualTo(outputs.rows());
    assertThat(result.validRows()).isEqualTo(outputs.validRows());
    assertThat(result.denominator()).isEqualTo(outputs.denominator());
    assertThat(result.correctRows()).isEqualTo(-1);
    assertThat(result.losses().elements()).isEqualTo(result.rows());
    double sum = 0;
    for (float each : result.losses().toFloatArray()) {
      sum += each;
    }
    assertThat(sum).isCloseTo(result.sum(), org.assertj.core.data.Offset.offset(1e-5));
  }

  @Test
  void evaluatesLabelsToTheNumberOfCorrectRows() {
    Tensor rows = Tensor.of(new double[] {2, 1, 0, 0, 3, 1, 0, 1, 2}, 3, 3);
    LossResult result = CrossEntropy.mean().evaluate(rows, Tensor.of(new int[] {0, 1, 0}));
    assertThat(result.correctRows()).isEqualTo(2);
    assertThat(result.losses().type()).isEqualTo(DType.F64);
    assertThat(NllLoss.mean().evaluate(rows, Tensor.of(new int[] {0, 1, 0})).correctRows())
        .isEqualTo(2);
    assertThatThrownBy(() -> CrossEntropy.mean().evaluate(rows, null))
        .isInstanceOf(NullPointerException.class)
        .hasMessageStartingWith("targets is null");
    assertThatThrownBy(() -> BinaryCrossEntropy.mean().evaluate(Tensor.of(new int[1]), rows))
        .isInstanceOf(DTypeException.class);
  }

  @Test
  void arraysHaveTheLossOfTensors() {
    float[] row = {2, 1, 0};
    float[] gradient = new float[3];
    CrossEntropy mean = CrossEntropy.mean();
    assertThat(mean.forward(row, 1))
        .isEqualTo(mean.forward(Tensor.of(row, 1, 3), Tensor.of(new int[] {1})));
    assertThat(mean.forwardBackward(row, 1, gradient)).isEqualTo(mean.forward(row, 1));
    float[] expected = new float[3];
    mean.forwardBackward(Tensor.of(row), Tensor.of(new int[] {1}), Tensor.of(expected));
    assertThat(gradient).isEqualTo(expected);
    float[][] rows = {{2, 1, 0}, {0, 3, 1}};
    assertThat(mean.forward(rows, new int[] {0, 1}))
        .isEqualTo(mean.forward(Tensor.copyOf(rows), Tensor.of(new int[] {0, 1})));
    mean.forwardBackward(row, 1, row);
    assertThat(row).isEqualTo(expected);
    assertThatThrownBy(() -> mean.forward((float[]) null, 1))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("logits is null; expected an array");
    assertThatThrownBy(() -> mean.forward(new float[1][3], (int[]) null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("labels is null; expected an array");
    assertThatThrownBy(() -> mean.forward(row, 3)).isInstanceOf(LabelException.class);
  }

  @Test
  void rowsOfArraysHaveTheGradientOfTensors() {
    float[][] rows = {{-2, -1, 0}, {-0.5f, -3, -1}};
    int[] labels = {0, 1};
    float[][] gradient = new float[2][3];
    Tensor expected = Tensor.allocate(DType.F32, 2, 3);
    CrossEntropy mean = CrossEntropy.mean();
    double loss = mean.forwardBackward(Tensor.copyOf(rows), Tensor.of(labels), expected);
    assertThat(mean.forwardBackward(rows, labels, gradient)).isEqualTo(loss);
    assertThat(gradient).isEqualTo(expected.toFloatArrays());
    assertThat(mean.forwardBackward(gradient, labels, gradient)).isNotEqualTo(loss);
    assertThatThrownBy(() -> mean.forwardBackward(rows, labels, new float[3][3]))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("gradient is F32 [3, 3]");
    NllLoss nll = NllLoss.mean();
    loss = nll.forwardBackward(Tensor.copyOf(rows), Tensor.of(labels), expected);
    assertThat(nll.forward(rows, labels)).isEqualTo(loss);
    assertThat(nll.forwardBackward(rows, labels, rows)).isEqualTo(loss);
    assertThat(rows).isEqualTo(expected.toFloatArrays());
    float[] row = {-2, -1, 0};
    assertThat(nll.forward(row, 1)).isEqualTo(1);
    assertThat(nll.forwardBackward(row, 1, row)).isEqualTo(1);
    assertThat(row).containsExactly(0, -1, 0);
    assertThatThrownBy(() -> nll.forward((float[]) null, 1))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("logProbabilities is null; expected an array");
  }
}
