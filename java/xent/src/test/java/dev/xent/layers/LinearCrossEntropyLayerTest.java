// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LinearGradients;
import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LinearCrossEntropyLayerTest {
  private static final int ROWS = 6;
  private static final int FEATURES = 4;
  private static final int CLASSES = 5;
  private static final double RATE = 0.5;

  private final Tensor hidden = Tensor.of(Samples.logits(ROWS * FEATURES, 1, 1), ROWS, FEATURES);
  private final Tensor labels = Tensor.of(new int[] {0, 4, 2, 1, 3, 4});
  private Tensor weights;
  private Tensor bias;

  @BeforeEach
  void untrained() {
    weights = Tensor.of(Samples.logits(CLASSES * FEATURES, 1, 2), CLASSES, FEATURES);
    bias = Tensor.of(new float[] {0.1f, 0.2f, 0, -0.1f, 0.3f});
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void isTheOperationAndLearns(Backend backend) {
    LinearCrossEntropy operation =
        LinearCrossEntropy.builder()
            .labelSmoothing(0.1)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor ofHidden = Tensor.of(new float[ROWS * FEATURES], ROWS, FEATURES);
    Tensor ofWeights = Tensor.of(new float[CLASSES * FEATURES], CLASSES, FEATURES);
    Tensor ofBias = Tensor.of(new float[CLASSES]);
    LinearGradients wanted =
        LinearGradients.create().hidden(ofHidden).weights(ofWeights).bias(ofBias);
    double loss =
        operation.on(hidden, weights, labels, wanted).inputs(Inputs.none().withBias(bias)).run();
    Tensor learned = learned(weights, ofWeights);
    Tensor learnedBias = learned(bias, ofBias);
    try (LinearCrossEntropyLayer layer =
        LinearCrossEntropyLayer.of(operation, weights, bias, ROWS, FEATURES)) {
      layer.forward(hidden, labels);
      assertThat(layer.loss()).isEqualTo(loss);
      assertThat(Samples.bits(layer.backward())).isEqualTo(Samples.bits(ofHidden));
      assertThat(Samples.bits(layer.weightsGradient())).isEqualTo(Samples.bits(ofWeights));
      assertThat(Samples.bits(layer.biasGradient())).isEqualTo(Samples.bits(ofBias));
      layer.step(RATE);
      assertThat(Samples.bits(weights)).isEqualTo(Samples.bits(learned));
      assertThat(Samples.bits(bias)).isEqualTo(Samples.bits(learnedBias));
      layer.forward(hidden, labels);
      assertThat(layer.loss()).isLessThan(loss);
    }
  }

  private static Tensor learned(Tensor learns, Tensor gradient) {
    Tensor result = Tensor.of(new float[(int) learns.elements()], learns.shape());
    long[] index = new long[learns.shape().length];
    for (int i = 0; i < learns.elements(); i++) {
      index[0] = index.length == 1 ? i : i / FEATURES;
      index[index.length - 1] = index.length == 1 ? i : i % FEATURES;
      float value = (float) (learns.getFloat(index) - RATE * gradient.getFloat(index));
      result.setFloat(value, index);
    }
    return result;
  }

  @Test
  void halvesAreRoundedOnce() {
    Tensor halves = Tensor.allocate(DType.BF16, 2, 1);
    halves.setFloat(1, 0, 0);
    halves.setFloat(1, 1, 0);
    try (LinearCrossEntropyLayer layer = new LinearCrossEntropyLayer(halves, 1, 1)) {
      layer.forward(Tensor.of(new float[] {1}, 1, 1), Tensor.of(new int[] {0}));
      assertThat(layer.weightsGradient().getFloat(0, 0)).isEqualTo(-0.5f);
      layer.step(2 * (0x1p-8 + 0x1p-40)); // above the middle of 1 and the next number
      assertThat(halves.getFloat(0, 0)).isEqualTo(1 + 0x1p-7f);
    }
  }

  @Test
  void halfAStepIsNotDone() {
    int[] before = Samples.bits(weights);
    try (LinearCrossEntropyLayer layer =
        LinearCrossEntropyLayer.of(
            LinearCrossEntropy.mean(), weights, bias.asReadOnly(), ROWS, FEATURES)) {
      layer.forward(hidden, labels);
      assertThatThrownBy(() -> layer.step(RATE))
          .isInstanceOf(MemoryException.class)
          .hasMessage("bias: the tensor is read-only; expected writable memory");
      assertThatThrownBy(() -> layer.step(Double.NaN))
          .isInstanceOf(OptionException.class)
          .hasMessage("learningRate is NaN; expected a finite number");
    }
    assertThat(Samples.bits(weights)).isEqualTo(before);
  }

  @Test
  void aBiasThatCannotBeWrittenLeavesTheWeights() {
    int[] before = Samples.bits(weights);
    MemorySegment memory = MemorySegment.ofArray(new float[1]);
    Tensor one = Tensor.strided(memory, DType.F32, new long[] {CLASSES}, new long[] {0});
    AtomicReference<String> refusal = new AtomicReference<>();
    for (Tensor unwritable : List.of(one, bias.withGuard(refusal::get))) {
      try (LinearCrossEntropyLayer layer =
          LinearCrossEntropyLayer.of(
              LinearCrossEntropy.mean(), weights, unwritable, ROWS, FEATURES)) {
        refusal.set(null);
        layer.forward(hidden, labels);
        refusal.set("the buffer is closed");
        assertThatThrownBy(() -> layer.step(RATE))
            .isInstanceOf(MemoryException.class)
            .hasMessageStartingWith("bias: the tensor ");
      }
    }
    assertThat(Samples.bits(weights)).isEqualTo(before);
  }

  /** Other threads may read the weights meanwhile, and a NaN that is written has other bits. */
  @Test
  void aStepThatIsRefusedWritesNothing() {
    short[] halves = new short[CLASSES * FEATURES];
    halves[0] = 0x7d01;
    Tensor nan = Tensor.of(MemorySegment.ofArray(halves), DType.F16, CLASSES, FEATURES);
    try (LinearCrossEntropyLayer layer =
        LinearCrossEntropyLayer.of(
            LinearCrossEntropy.mean(), nan, bias.asReadOnly(), ROWS, FEATURES)) {
      layer.forward(hidden, labels);
      assertThatThrownBy(() -> layer.step(RATE)).isInstanceOf(MemoryException.class);
    }
    assertThat(halves[0]).isEqualTo((short) 0x7d01);
  }

  @Test
  void probabilityRowsMayHaveAxesOfSizeOneMore() {
    Tensor rows = Tensor.of(new float[ROWS * CLASSES], ROWS, 1, CLASSES);
    for (int row = 0; row < ROWS; row++) {
      rows.setFloat(1, row, 0, row % CLASSES);
    }
    try (LinearCrossEntropyLayer layer = new LinearCrossEntropyLayer(weights, ROWS, FEATURES)) {
      layer.forward(hidden, rows);
      double loss = layer.loss();
      layer.forward(hidden, rows.reshape(ROWS, CLASSES));
      assertThat(layer.loss()).isEqualTo(loss);
    }
  }

  @Test
  void weightsThatNoForwardCanHaveAreRefusedAtOnce() {
    assertThatThrownBy(() -> new LinearCrossEntropyLayer(weights, Layer.ANY, FEATURES + 1))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "weights has shape [5, 4], LinearCrossEntropyLayer takes hidden states of shape [any,"
                + " 5] with features along axis 1; expected weights of shape [classes, 5], with at"
                + " least one of each");
    Tensor vector = Tensor.of(new float[FEATURES]);
    Tensor empty = Tensor.of(new float[0], 0, FEATURES);
    for (Tensor unfit : List.of(vector, empty)) {
      assertThatThrownBy(() -> new LinearCrossEntropyLayer(unfit, Layer.ANY, Layer.ANY))
          .isInstanceOf(ShapeException.class)
          .hasMessageContaining("expected weights of shape [classes, features]");
    }
  }

  @Test
  void anySizeOfFeaturesIsThatOfTheWeights() {
    try (LinearCrossEntropyLayer layer =
        new LinearCrossEntropyLayer(weights, Layer.ANY, Layer.ANY)) {
      assertThat(layer.forward(hidden, labels).shape()).containsExactly(ROWS);
    }
  }

  @Test
  void withoutABiasThereIsNoGradientOfIt() {
    try (LinearCrossEntropyLayer layer = new LinearCrossEntropyLayer(weights, ROWS, FEATURES)) {
      assertThatThrownBy(layer::weightsGradient).isInstanceOf(IllegalStateException.class);
      layer.forward(hidden, labels);
      assertThatThrownBy(layer::biasGradient)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("has no bias: make it with one");
    }
  }
}
