// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.layers.Layer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * {@code z = x W + b}, the only layer of the demo with weights. F32, row-major inputs of shape [B,
 * D] and outputs of shape [B, C]; plain loops in a fixed order, so that every run has the same
 * bits.
 */
final class LinearLayer implements Layer {
  private final int features;
  private final int classes;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment weights;
  private final MemorySegment bias;
  private final MemorySegment weightGradients;
  private final MemorySegment biasGradients;
  private final Tensor outputs;
  private final Tensor inputGradients;
  private MemorySegment inputs = MemorySegment.NULL;
  private int rows;

  /** Creates a layer whose weights are 0. */
  LinearLayer(int maxRows, int features, int classes) {
    this.features = features;
    this.classes = classes;
    weights = floats((long) features * classes);
    bias = floats(classes);
    weightGradients = floats((long) features * classes);
    biasGradients = floats(classes);
    outputs = Tensor.allocate(arena, DType.F32, maxRows, classes);
    inputGradients = Tensor.allocate(arena, DType.F32, maxRows, features);
  }

  private MemorySegment floats(long count) {
    return arena.allocate(MemoryLayout.sequenceLayout(count, ValueLayout.JAVA_FLOAT));
  }

  @Override
  public Tensor forward(Tensor batch, @Nullable Tensor feedbacks) {
    rows = Math.toIntExact(batch.dim(0));
    inputs = batch.segment();
    MemorySegment z = outputs.segment();
    for (int r = 0; r < rows; r++) {
      for (int k = 0; k < classes; k++) {
        float sum = get(bias, k);
        for (int j = 0; j < features; j++) {
          sum += get(inputs, r * features + j) * get(weights, j * classes + k);
        }
        set(z, r * classes + k, sum);
      }
    }
    return outputs.slice(0, 0, rows);
  }

  @Override
  public Tensor backward(Tensor gradients) {
    MemorySegment dz = gradients.segment();
    for (int k = 0; k < classes; k++) {
      float sum = 0;
      for (int r = 0; r < rows; r++) {
        sum += get(dz, r * classes + k);
      }
      set(biasGradients, k, sum);
    }
    for (int j = 0; j < features; j++) {
      for (int k = 0; k < classes; k++) {
        float sum = 0;
        for (int r = 0; r < rows; r++) {
          sum += get(inputs, r * features + j) * get(dz, r * classes + k);
        }
        set(weightGradients, j * classes + k, sum);
      }
    }
    return inputGradients(dz);
  }

  private Tensor inputGradients(MemorySegment dz) {
    MemorySegment dx = inputGradients.segment();
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < features; j++) {
        float sum = 0;
        for (int k = 0; k < classes; k++) {
          sum += get(weights, j * classes + k) * get(dz, r * classes + k);
        }
        set(dx, r * features + j, sum);
      }
    }
    return inputGradients.slice(0, 0, rows);
  }

  @Override
  public void step(double learningRate) {
    descend(weights, weightGradients, features * classes, (float) learningRate);
    descend(bias, biasGradients, classes, (float) learningRate);
  }

  private static void descend(
      MemorySegment values, MemorySegment gradients, int count, float rate) {
    for (int i = 0; i < count; i++) {
      set(values, i, get(values, i) - rate * get(gradients, i));
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  private static float get(MemorySegment values, int index) {
    return values.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  private static void set(MemorySegment values, int index, float value) {
    values.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }
}
