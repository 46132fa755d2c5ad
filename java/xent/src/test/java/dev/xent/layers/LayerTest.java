// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.DType;
import dev.xent.Samples;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What all layers have in common: shapes, the order of calls, the life of outputs. */
class LayerTest {

  private static final Tensor INPUTS = Tensor.of(new float[] {.1f, .2f, .7f, .3f, .3f, .4f}, 2, 3);
  private static final Tensor LABELS = Tensor.of(new int[] {2, 0});

  static Stream<Function<long[], Layer>> layers() {
    return Stream.of(
        SoftmaxLayer::new,
        LogSoftmaxLayer::new,
        LogLayer::new,
        SigmoidLayer::new,
        CrossEntropyLayer::new,
        NllLossLayer::new);
  }

  private static Tensor back(Layer layer) {
    return layer.backward(layer instanceof LossLayer ? Tensor.of(new float[] {1, 1}) : INPUTS);
  }

  @ParameterizedTest
  @MethodSource("layers")
  void backwardNeedsAForward(Function<long[], Layer> kind) {
    try (Layer layer = kind.apply(new long[] {2, 3})) {
      assertThatThrownBy(() -> back(layer))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining(layer.getClass().getSimpleName())
          .hasMessageContaining("call forward first");
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void inputsAreOfAnyTypeOfFloatsAndOutputsAreF32(Function<long[], Layer> kind) {
    for (DType type : new DType[] {DType.F32, DType.F64, DType.F16, DType.BF16}) {
      Tensor inputs = Tensor.allocate(Arena.ofAuto(), type, 2, 3);
      inputs.copyFrom(INPUTS);
      Tensor same = Tensor.of(new float[6], 2, 3);
      same.copyFrom(inputs);
      try (Layer layer = kind.apply(new long[] {2, 3});
          Layer other = kind.apply(new long[] {2, 3})) {
        Tensor output = layer.forward(inputs, LABELS);
        assertThat(output.type()).isEqualTo(DType.F32);
        assertThat(output.toFloatArray())
            .containsExactly(other.forward(same, LABELS).toFloatArray(), within(1e-6f));
        assertThat(back(layer).type()).isEqualTo(DType.F32);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void backwardNeedsAForwardThatReturned(Function<long[], Layer> kind) {
    try (Layer layer = kind.apply(new long[] {2, 3})) {
      layer.forward(INPUTS, LABELS);
      assertThatThrownBy(() -> layer.forward(Tensor.of(new float[6], 3, 2), LABELS))
          .isInstanceOf(ShapeException.class)
          .hasMessageContaining("[2, 3]")
          .hasMessageContaining("[3, 2]");
      assertThatThrownBy(() -> back(layer)).isInstanceOf(IllegalStateException.class);
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void aForwardWithoutATensorIsOneThatThrew(Function<long[], Layer> kind) {
    try (Layer layer = kind.apply(new long[] {2, 3})) {
      layer.forward(INPUTS, LABELS);
      assertThatThrownBy(() -> layer.forward(null, LABELS))
          .isInstanceOf(NullPointerException.class);
      assertThatThrownBy(() -> back(layer)).isInstanceOf(IllegalStateException.class);
      if (layer instanceof LossLayer) {
        layer.forward(INPUTS, LABELS);
        assertThatThrownBy(() -> layer.forward(INPUTS)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> back(layer)).isInstanceOf(IllegalStateException.class);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void closedMeansClosed(Function<long[], Layer> kind) {
    Layer layer = kind.apply(new long[] {2, 3});
    Tensor output = layer.forward(INPUTS, LABELS);
    layer.close();
    layer.close();
    assertThatThrownBy(() -> layer.forward(INPUTS, LABELS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is closed");
    assertThatThrownBy(() -> back(layer))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is closed");
    assertThatThrownBy(output::toFloatArray).isInstanceOf(MemoryException.class);
  }

  @ParameterizedTest
  @MethodSource("layers")
  void backwardTwiceGivesTheSameBits(Function<long[], Layer> kind) {
    try (Layer layer = kind.apply(new long[] {2, 3})) {
      layer.forward(INPUTS, LABELS);
      int[] once = Samples.bits(back(layer));
      assertThat(Samples.bits(back(layer))).isEqualTo(once);
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void anOpenBatchMayChange(Function<long[], Layer> kind) {
    try (Layer open = kind.apply(new long[] {Layer.ANY, 3})) {
      for (int batch : new int[] {2, 5, 1, 0, 4}) {
        Tensor inputs = Tensor.of(Samples.logits(batch * 3, 1, batch), batch, 3);
        Tensor labels = Tensor.of(Samples.labels(batch, 3, batch));
        try (Layer fixed = kind.apply(new long[] {batch, 3})) {
          assertThat(Samples.bits(open.forward(inputs, labels)))
              .isEqualTo(Samples.bits(fixed.forward(inputs, labels)));
        }
      }
    }
  }

  @Test
  void anOutputThatOutlivedItsForwardIsNoWrongNumber() {
    try (SoftmaxLayer layer = new SoftmaxLayer(Layer.ANY, 3)) {
      Tensor first = layer.forward(INPUTS);
      layer.forward(Tensor.of(new float[600], 200, 3));
      assertThatThrownBy(() -> Softmax.along(1).forward(first, Tensor.of(new float[6], 2, 3)))
          .isInstanceOf(MemoryException.class);
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void aLayerWithoutALossHasNoUseForFeedbacks(Function<long[], Layer> kind) {
    try (Layer layer = kind.apply(new long[] {2, 3})) {
      if (layer instanceof LossLayer) {
        assertThatThrownBy(() -> layer.forward(INPUTS))
            .isInstanceOf(NullPointerException.class)
            .hasMessageContaining("targets");
      } else {
        int[] bits = Samples.bits(layer.forward(INPUTS));
        assertThat(Samples.bits(layer.forward(INPUTS, LABELS))).isEqualTo(bits);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void shapesMustBeShapes(Function<long[], Layer> kind) {
    assertThatThrownBy(() -> kind.apply(new long[0])).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> kind.apply(new long[] {3, -2}))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("[3, -2]");
  }

  @ParameterizedTest
  @MethodSource("layers")
  void thereIsNothingToLearn(Function<long[], Layer> kind) {
    try (Layer layer = kind.apply(new long[] {2, 3})) {
      assertThat(layer.defaultRate()).isEqualTo(layer instanceof CrossEntropyLayer ? 0.001 : 0.01);
      layer.forward(INPUTS, LABELS);
      int[] before = Samples.bits(back(layer));
      assertThatCode(layer::step).doesNotThrowAnyException();
      assertThatCode(() -> layer.step(0.5)).doesNotThrowAnyException();
      assertThat(Samples.bits(back(layer))).isEqualTo(before);
    }
  }

  @Test
  void anUnlawfulLabelLeavesNothingToGoBackAlong() {
    try (CrossEntropyLayer layer = new CrossEntropyLayer(2, 3)) {
      layer.forward(INPUTS, LABELS);
      assertThatThrownBy(() -> layer.forward(INPUTS, Tensor.of(new int[] {0, 3})))
          .isInstanceOf(LabelException.class);
      assertThatThrownBy(layer::backward).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(layer::loss).isInstanceOf(IllegalStateException.class);
    }
  }
}
