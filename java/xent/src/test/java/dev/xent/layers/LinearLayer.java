// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.Samples;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;

/** {@code y = x W + b} in plain loops: a layer that learns, for the tests. */
final class LinearLayer implements Layer {

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
