// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.LogSoftmax;
import dev.xent.NllLoss;
import dev.xent.Samples;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A small softmax classifier learns the same whichever of the three stacks is its end. */
class ThreeStacksTest {

  private static final int ROWS = 150;
  private static final int FEATURES = 4;
  private static final int CLASSES = 3;
  private static final int EPOCHS = 20;

  private static final int[] LABELS = Samples.labels(ROWS, CLASSES, 7);

  /** Three overlapping clouds. */
  private static final float[] X = clouds();

  private static float[] clouds() {
    float[] centres = Samples.logits(CLASSES * FEATURES, 2, 8);
    float[] x = Samples.logits(ROWS * FEATURES, 1, 9);
    for (int i = 0; i < x.length; i++) {
      x[i] += centres[LABELS[i / FEATURES] * FEATURES + i % FEATURES];
    }
    return x;
  }

  private static double[] train(long[] logits, Layer... stack) {
    double[] losses = new double[EPOCHS];
    Tensor labels = Tensor.of(LABELS, ROWS, 1);
    LossLayer loss = (LossLayer) stack[stack.length - 1];
    try (LinearLayer linear = new LinearLayer(FEATURES, CLASSES)) {
      for (int epoch = 0; epoch < EPOCHS; epoch++) {
        Tensor forward = linear.forward(Tensor.of(X, ROWS, FEATURES)).reshape(logits);
        for (Layer layer : stack) {
          forward = layer.forward(forward, labels);
        }
        losses[epoch] = loss.loss();
        Tensor backward = loss.backward();
        for (int i = stack.length - 2; i >= 0; i--) {
          backward = stack[i].backward(backward);
        }
        linear.backward(backward);
        linear.step(0.5);
      }
    } finally {
      for (Layer layer : stack) {
        layer.close();
      }
    }
    return losses;
  }

  @ParameterizedTest
  @EnumSource(names = {"NATIVE", "REFERENCE"})
  void agreeOverTwentyEpochs(Backend backend) {
    for (long[] shape : List.of(new long[] {ROWS, CLASSES}, new long[] {ROWS, CLASSES, 1})) {
      CrossEntropy crossEntropy =
          CrossEntropy.builder()
              .axis(1)
              .execution(Execution.defaults().withBackend(backend))
              .build();
      Softmax softmax =
          Softmax.builder().axis(1).execution(Execution.defaults().withBackend(backend)).build();
      LogSoftmax logSoftmax =
          LogSoftmax.builder().axis(1).execution(Execution.defaults().withBackend(backend)).build();
      NllLoss nllLoss =
          NllLoss.builder().axis(1).execution(Execution.defaults().withBackend(backend)).build();

      double[] one = train(shape, CrossEntropyLayer.of(crossEntropy, shape));
      double[] two =
          train(shape, LogSoftmaxLayer.of(logSoftmax, shape), NllLossLayer.of(nllLoss, shape));
      double[] three =
          train(
              shape,
              SoftmaxLayer.of(softmax, shape),
              new LogLayer(shape),
              NllLossLayer.of(nllLoss, shape));

      assertThat(one[EPOCHS - 1]).as("it learns").isLessThan(one[0] / 3);
      for (int epoch = 0; epoch < EPOCHS; epoch++) {
        assertThat(two[epoch]).isCloseTo(one[epoch], within(1e-5 * one[epoch]));
        assertThat(three[epoch]).isCloseTo(one[epoch], within(1e-5 * one[epoch]));
      }
    }
  }

  /** {@code y = x W + b} in plain loops: a layer that learns, for the tests. */
  static final class LinearLayer implements Layer {

    private final int in;
    private final int out;
    private final float[] weights;
    private final float[] bias;
    private float[] inputs = {};
    private float[] gradients = {};

    LinearLayer(int in, int out) {
      this.in = in;
      this.out = out;
      weights = Samples.logits(in * out, 0.1, 42);
      bias = new float[out];
    }

    @Override
    public Tensor forward(Tensor x, @Nullable Tensor feedbacks) {
      inputs = x.toFloatArray();
      int rows = inputs.length / in;
      float[] y = new float[rows * out];
      for (int r = 0; r < rows; r++) {
        for (int k = 0; k < out; k++) {
          double sum = bias[k];
          for (int i = 0; i < in; i++) {
            sum += (double) inputs[r * in + i] * weights[i * out + k];
          }
          y[r * out + k] = (float) sum;
        }
      }
      return Tensor.of(y, rows, out);
    }

    @Override
    public Tensor backward(Tensor dy) {
      gradients = dy.toFloatArray();
      int rows = gradients.length / out;
      float[] dx = new float[rows * in];
      for (int r = 0; r < rows; r++) {
        for (int i = 0; i < in; i++) {
          double sum = 0;
          for (int k = 0; k < out; k++) {
            sum += (double) gradients[r * out + k] * weights[i * out + k];
          }
          dx[r * in + i] = (float) sum;
        }
      }
      return Tensor.of(dx, rows, in);
    }

    @Override
    public void step(double learningRate) {
      int rows = gradients.length / out;
      for (int k = 0; k < out; k++) {
        double ofBias = 0;
        for (int r = 0; r < rows; r++) {
          ofBias += gradients[r * out + k];
        }
        bias[k] -= (float) (learningRate * ofBias);
        for (int i = 0; i < in; i++) {
          double ofWeight = 0;
          for (int r = 0; r < rows; r++) {
            ofWeight += (double) inputs[r * in + i] * gradients[r * out + k];
          }
          weights[i * out + k] -= (float) (learningRate * ofWeight);
        }
      }
    }

    @Override
    public void close() {}
  }
}
