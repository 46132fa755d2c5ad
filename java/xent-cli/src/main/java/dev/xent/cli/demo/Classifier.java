// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.layers.CrossEntropyLayer;
import dev.xent.layers.Layer;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;

/** A linear classifier of digits: one {@link LinearLayer} and a {@link CrossEntropyLayer}. */
final class Classifier implements AutoCloseable {
  private static final int BATCH = 32;
  private static final double RATE = 0.5;

  private final LinearLayer linear;
  private final CrossEntropyLayer loss;
  private final CrossEntropy evaluation;

  /** Creates an untrained classifier for at most {@code maxImages} images at once. */
  Classifier(int maxImages, Backend backend, Isa isa) {
    linear = new LinearLayer(maxImages, Digits.PIXELS, Digits.CLASSES);
    evaluation =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend).withIsa(isa))
            .build();
    loss = CrossEntropyLayer.of(evaluation, Layer.ANY, Digits.CLASSES);
  }

  /**
   * Trains on all images once, in batches in their order; returns the mean of the losses of the
   * batches.
   */
  double learn(Digits digits) {
    double sum = 0;
    for (int from = 0; from < digits.size(); from += BATCH) {
      Digits batch = digits.slice(from, Math.min(from + BATCH, digits.size()));
      loss.forward(linear.forward(batch.pixels()), batch.labels());
      sum += loss.loss() * batch.size();
      linear.backward(loss.backward());
      linear.step(RATE);
      loss.step(RATE);
    }
    return sum / digits.size();
  }

  /** The logits of images, in memory of the arena. */
  Tensor logits(Digits digits, Arena arena) {
    Tensor logits = Tensor.allocate(arena, DType.F32, digits.size(), Digits.CLASSES);
    logits.segment().copyFrom(linear.forward(digits.pixels()).segment());
    return logits;
  }

  /** Mean loss and accuracy on images. */
  Score score(Digits digits) {
    LossOutputs outputs = LossOutputs.create().countCorrect(true);
    double mean =
        evaluation.on(linear.forward(digits.pixels()), digits.labels()).outputs(outputs).run();
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
    loss.close();
    linear.close();
  }
}
