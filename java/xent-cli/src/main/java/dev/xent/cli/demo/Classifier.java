// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.layers.Layer;
import dev.xent.layers.LinearCrossEntropyLayer;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;

/** A linear classifier of digits: one {@link LinearCrossEntropyLayer}, whose weights begin as 0. */
final class Classifier implements AutoCloseable {
  private static final int BATCH = 32;
  private static final double RATE = 0.5;

  private final Arena arena = Arena.ofConfined();
  private final Tensor weights = Tensor.allocate(arena, DType.F32, Digits.CLASSES, Digits.PIXELS);
  private final Tensor bias = Tensor.allocate(arena, DType.F32, Digits.CLASSES);
  private final LinearCrossEntropy loss;
  private final LinearCrossEntropyLayer layer;

  /** Creates an untrained classifier. */
  Classifier(Backend backend, Isa isa) {
    Execution execution = Execution.defaults().withBackend(backend).withIsa(isa);
    loss = LinearCrossEntropy.builder().execution(execution).build();
    layer = LinearCrossEntropyLayer.of(loss, weights, bias, Layer.ANY, Digits.PIXELS);
  }

  /**
   * Trains on all images once, in batches in their order; returns the mean of the losses of the
   * batches.
   */
  double learn(Digits digits) {
    double sum = 0;
    for (int from = 0; from < digits.size(); from += BATCH) {
      Digits batch = digits.slice(from, Math.min(from + BATCH, digits.size()));
      layer.forward(batch.pixels(), batch.labels());
      sum += layer.loss() * batch.size();
      layer.step(RATE);
    }
    return sum / digits.size();
  }

  /** The logits of images, in memory of the arena. */
  Tensor logits(Digits digits, Arena of) {
    Tensor logits = Tensor.allocate(of, DType.F32, digits.size(), Digits.CLASSES);
    for (int r = 0; r < digits.size(); r++) {
      for (int k = 0; k < Digits.CLASSES; k++) {
        double sum = bias.getFloat(k);
        for (int j = 0; j < Digits.PIXELS; j++) {
          sum += digits.pixels().getDouble(r, j) * weights.getDouble(k, j);
        }
        logits.setDouble(sum, r, k);
      }
    }
    return logits;
  }

  /** Mean loss and accuracy on images. */
  Score score(Digits digits) {
    LossOutputs outputs = LossOutputs.create().countCorrect(true);
    double mean =
        loss.on(digits.pixels(), weights, digits.labels())
            .inputs(Inputs.none().withBias(bias))
            .outputs(outputs)
            .run();
    return new Score(mean, outputs.correctRows(), outputs.validRows());
  }

  /** The quality of the model on some images. */
  record Score(double loss, long correct, long images) {
    double accuracy() {
      return (double) correct / images;
    }
  }

  @Override
  public void close() {
    layer.close();
    arena.close();
  }
}
