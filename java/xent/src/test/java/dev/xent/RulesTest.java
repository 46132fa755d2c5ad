// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import org.junit.jupiter.api.Test;

/** The rules of other systems that are to be had by name. */
class RulesTest {
  private static final double NEAR = 1e-6;

  private final float[] x = Samples.logits(9, 2, 3);
  private final Tensor logits = Tensor.of(x, 3, 3);
  private final Tensor labels = Tensor.of(new long[] {2, -100, 1});
  private final Tensor weights = Tensor.of(new float[] {1, 2, 5});

  private double loss(int row, int label) {
    return Samples.loss(Samples.row(x, row, 3), Samples.smoothed(label, 3, 0));
  }

  @Test
  void pytorchIgnoresMinusOneHundred() {
    double mean = CrossEntropy.pytorchRules().build().forward(logits, labels);
    assertThat(mean).isCloseTo((loss(0, 2) + loss(2, 1)) / 2, within(NEAR));
    assertThatThrownBy(() -> CrossEntropy.mean().forward(logits, labels))
        .isInstanceOf(LabelException.class);
  }

  @Test
  void pytorchDividesByTheWeightsOfLabels() {
    CrossEntropy loss = CrossEntropy.pytorchRules().classWeights(weights).build();
    assertThat(loss.forward(logits, labels))
        .isCloseTo((5 * loss(0, 2) + 2 * loss(2, 1)) / 7, within(NEAR));
  }

  @Test
  void pytorchDividesByTheRowsOfProbabilities() {
    CrossEntropy loss = CrossEntropy.pytorchRules().classWeights(weights).build();
    Tensor oneHot = Tensor.of(new float[] {0, 0, 1, 1, 0, 0, 0, 1, 0}, 3, 3);
    assertThat(loss.forward(logits, oneHot))
        .isCloseTo((5 * loss(0, 2) + loss(1, 0) + 2 * loss(2, 1)) / 3, within(NEAR));
  }

  /**
   * Both the label's part and the even part are weighted; the denominator is that of the labels.
   */
  @Test
  void pytorchWeighsWhatSmoothingGives() {
    CrossEntropy loss =
        CrossEntropy.pytorchRules().classWeights(weights).labelSmoothing(0.25).build();
    double expected = 0;
    for (int row : new int[] {0, 2}) {
      int label = row == 0 ? 2 : 1;
      double[] w = {1, 2, 5};
      expected += 0.75 * w[label] * loss(row, label);
      for (int k = 0; k < 3; k++) {
        expected += 0.25 / 3 * w[k] * loss(row, k);
      }
    }
    assertThat(loss.forward(logits, labels)).isCloseTo(expected / 7, within(NEAR));
  }

  @Test
  void pytorchAndIgnoreIndicesOfProbabilities() {
    Tensor even = Tensor.of(new float[] {1, 0, 0, 1, 0, 0, 1, 0, 0}, 3, 3);
    double expected = (loss(0, 0) + loss(1, 0) + loss(2, 0)) / 3;
    assertThat(CrossEntropy.pytorchRules().build().forward(logits, even))
        .isCloseTo(expected, within(NEAR));
    CrossEntropy notNegative = CrossEntropy.pytorchRules().ignoreIndex(0).build();
    assertThatThrownBy(() -> notNegative.forward(logits, even))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("ignoreIndex is 0");
  }

  @Test
  void noRowGivesNaN() {
    Tensor none = Tensor.of(new long[] {-100, -100, -100});
    float[] gradient = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    double mean =
        CrossEntropy.pytorchRules()
            .build()
            .forwardBackward(logits, none, Tensor.of(gradient, 3, 3));
    assertThat(mean).isNaN();
    assertThat(gradient).containsOnly(0);
    assertThat(CrossEntropy.onnxRules().ignoreIndex(-100).build().forward(logits, none)).isNaN();
  }

  @Test
  void onnxHasNoIgnoreIndexOfItsOwn() {
    CrossEntropy loss = CrossEntropy.onnxRules().build();
    assertThatThrownBy(() -> loss.forward(logits, labels)).isInstanceOf(LabelException.class);
    double mean = CrossEntropy.onnxRules().ignoreIndex(-100).build().forward(logits, labels);
    assertThat(mean).isCloseTo((loss(0, 2) + loss(2, 1)) / 2, within(NEAR));
  }

  @Test
  void oneDimensionNeedsItsAxis() {
    Tensor row = Tensor.of(Samples.row(x, 0, 3));
    Tensor label = Tensor.of(new int[] {2});
    for (CrossEntropy rules :
        new CrossEntropy[] {
          CrossEntropy.onnxRules().build(), CrossEntropy.pytorchRules().build()
        }) {
      assertThatThrownBy(() -> rules.forward(row, label))
          .isInstanceOf(ShapeException.class)
          .hasMessageContaining("axis 1");
    }
    assertThat(CrossEntropy.pytorchRules().axis(0).build().forward(row, label))
        .isCloseTo(loss(0, 2), within(NEAR));
  }
}
