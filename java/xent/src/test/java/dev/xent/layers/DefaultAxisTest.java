// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.Samples;
import dev.xent.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Layers have their classes along axis 1 in tensors of any rank; operations, along the last. */
class DefaultAxisTest {

  private static final int B = 4;
  private static final int D = 5;
  private static final Tensor WEIGHTS =
      Tensor.of(Samples.logits(3 * D, 1, 11), 3, D); // 3 classes of D features

  /** Makes a layer along an axis. */
  private interface Along {
    Layer of(int axis, long... shape);
  }

  static Stream<Arguments> layers() {
    return Stream.of(
        layer(SoftmaxLayer::new, SoftmaxLayer::along),
        layer(LogSoftmaxLayer::new, LogSoftmaxLayer::along),
        layer(CrossEntropyLayer::new, CrossEntropyLayer::along),
        layer(NllLossLayer::new, NllLossLayer::along),
        layer(
            shape -> new LinearCrossEntropyLayer(WEIGHTS, shape),
            (axis, shape) -> LinearCrossEntropyLayer.along(axis, WEIGHTS, shape)));
  }

  private static Arguments layer(Function<long[], Layer> byDefault, Along along) {
    return Arguments.of(byDefault, along);
  }

  private static void assertSame(Layer one, Layer other, long[] shape, Tensor labels) {
    int elements = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    Tensor inputs = Tensor.of(Samples.logits(elements, 2, 12), shape);
    try (one;
        other) {
      Tensor y = one.forward(inputs, labels);
      assertThat(Samples.bits(y)).isEqualTo(Samples.bits(other.forward(inputs, labels)));
      Tensor dy = Tensor.of(Samples.logits((int) y.elements(), 1, 13), y.shape());
      assertThat(Samples.bits(one.backward(dy))).isEqualTo(Samples.bits(other.backward(dy)));
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void isOneWhateverFollows(Function<long[], Layer> byDefault, Along along) {
    Tensor labels = Tensor.of(Samples.labels(B, 3, 14));
    for (long[] shape : List.of(new long[] {B, D}, new long[] {B, D, 1})) {
      assertSame(byDefault.apply(shape), along.of(1, shape), shape, labels);
      assertSame(byDefault.apply(shape), along.of(1, shape), shape, labels.reshape(B, 1));
    }
    long[] image = {B, D, 2, 3};
    Tensor labelsOfPixels = Tensor.of(Samples.labels(B * 6, 3, 15), B, 2, 3);
    assertSame(byDefault.apply(image), along.of(1, image), image, labelsOfPixels);
    assertSame(byDefault.apply(image), along.of(-3, image), image, labelsOfPixels);
  }

  @ParameterizedTest
  @MethodSource("layers")
  void isZeroWhereThereIsNoOther(Function<long[], Layer> byDefault, Along along) {
    long[] vector = {D};
    assertSame(byDefault.apply(vector), along.of(0, vector), vector, Tensor.of(new int[] {2}));
  }

  @ParameterizedTest
  @MethodSource("layers")
  void feedbacksMayBeNullWhereThereIsNoLoss(Function<long[], Layer> byDefault, Along along) {
    Tensor inputs = Tensor.of(Samples.logits(B * D, 2, 16), B, D);
    try (Layer layer = byDefault.apply(new long[] {B, D})) {
      if (layer instanceof LossLayer) {
        assertThatThrownBy(() -> layer.forward(inputs, null))
            .isInstanceOf(NullPointerException.class)
            .hasMessageContaining("targets");
      } else {
        int[] bits = Samples.bits(layer.forward(inputs));
        assertThat(Samples.bits(layer.forward(inputs, null))).isEqualTo(bits);
      }
    }
  }

  /** Three stacks, made without naming an axis, of rows, of columns and of images. */
  @ParameterizedTest
  @ValueSource(strings = {"4,5", "4,5,1", "4,5,2,3"})
  void threeStacksAgree(String sizes) {
    long[] shape = Stream.of(sizes.split(",")).mapToLong(Long::parseLong).toArray();
    int pixels = shape.length == 4 ? 6 : 1;
    Tensor inputs = Tensor.of(Samples.logits(B * D * pixels, 2, 17), shape);
    Tensor labels = Tensor.of(Samples.labels(B * pixels, D, 18));
    if (pixels > 1) {
      labels = labels.reshape(B, 2, 3);
    }
    try (CrossEntropyLayer loss = new CrossEntropyLayer(shape);
        LogSoftmaxLayer logSoftmax = new LogSoftmaxLayer(shape);
        SoftmaxLayer softmax = new SoftmaxLayer(shape);
        LogLayer log = new LogLayer(shape);
        NllLossLayer nll = new NllLossLayer(shape)) {
      loss.forward(inputs, labels);
      double expected = loss.loss();
      float[] gradient = loss.backward().toFloatArray();

      nll.forward(logSoftmax.forward(inputs, null), labels);
      assertThat(nll.loss()).isCloseTo(expected, within(1e-6));
      assertThat(logSoftmax.backward(nll.backward()).toFloatArray())
          .containsExactly(gradient, within(1e-6f));

      nll.forward(log.forward(softmax.forward(inputs, null), null), labels);
      assertThat(nll.loss()).isCloseTo(expected, within(1e-6));
      assertThat(softmax.backward(log.backward(nll.backward())).toFloatArray())
          .containsExactly(gradient, within(1e-6f));
    }
  }
}
