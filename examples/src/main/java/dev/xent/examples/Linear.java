// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import java.util.Random;

/** y = x W + b, row by row, and its gradients: plain loops, for small networks. */
final class Linear {
  private final int inputs;
  private final int outputs;
  private final float[] weights;
  private final float[] bias;
  private final float[] weightGradients;
  private final float[] biasGradients;

  Linear(int inputs, int outputs, Random random) {
    this.inputs = inputs;
    this.outputs = outputs;
    weights = new float[inputs * outputs];
    bias = new float[outputs];
    weightGradients = new float[inputs * outputs];
    biasGradients = new float[outputs];
    float scale = (float) Math.sqrt(2.0 / inputs);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = scale * (float) random.nextGaussian();
    }
  }

  /** Writes the outputs of all rows of x into y. */
  void forward(float[] x, float[] y) {
    for (int r = 0; r < y.length / outputs; r++) {
      for (int k = 0; k < outputs; k++) {
        float sum = bias[k];
        for (int j = 0; j < inputs; j++) {
          sum += x[r * inputs + j] * weights[j * outputs + k];
        }
        y[r * outputs + k] = sum;
      }
    }
  }

  /** Keeps the gradients of weights and bias, and writes those of the inputs into dx. */
  void backward(float[] x, float[] dy, float[] dx) {
    int rows = dy.length / outputs;
    for (int k = 0; k < outputs; k++) {
      biasGradients[k] = 0;
      for (int r = 0; r < rows; r++) {
        biasGradients[k] += dy[r * outputs + k];
      }
      for (int j = 0; j < inputs; j++) {
        float sum = 0;
        for (int r = 0; r < rows; r++) {
          sum += x[r * inputs + j] * dy[r * outputs + k];
        }
        weightGradients[j * outputs + k] = sum;
      }
    }
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < inputs; j++) {
        float sum = 0;
        for (int k = 0; k < outputs; k++) {
          sum += weights[j * outputs + k] * dy[r * outputs + k];
        }
        dx[r * inputs + j] = sum;
      }
    }
  }

  /** Goes against the gradients of the last backward. */
  void step(float rate) {
    for (int i = 0; i < weights.length; i++) {
      weights[i] -= rate * weightGradients[i];
    }
    for (int k = 0; k < outputs; k++) {
      bias[k] -= rate * biasGradients[k];
    }
  }
}
