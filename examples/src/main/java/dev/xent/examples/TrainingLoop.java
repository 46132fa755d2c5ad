// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Tensor;
import dev.xent.layers.CrossEntropyLayer;
import dev.xent.layers.Layer;
import java.util.Locale;
import java.util.Random;

/**
 * Trains a small network to tell three spirals apart: two linear layers of plain Java with a ramp
 * between them, and Xent's cross-entropy at the end, which has the gradient ready with the loss.
 */
public final class TrainingLoop {
  private static final int POINTS = 300;
  private static final int CLASSES = 3;
  private static final int HIDDEN = 32;
  private static final int EPOCHS = 400;
  private static final float RATE = 0.5f;

  private TrainingLoop() {}

  public static void main(String[] arguments) {
    try (CrossEntropyLayer loss = new CrossEntropyLayer(Layer.ANY, CLASSES)) {
      float[] points = new float[2 * POINTS];
      int[] arms = new int[POINTS];
      spirals(points, arms);
      Tensor labels = Tensor.of(arms);

      Random random = new Random(7);
      Linear first = new Linear(2, HIDDEN, random);
      Linear second = new Linear(HIDDEN, CLASSES, random);
      float[] outputs = new float[POINTS * CLASSES];
      Tensor logits = Tensor.of(outputs, POINTS, CLASSES); // the array itself
      float[] hidden = new float[POINTS * HIDDEN];
      float[] hiddenGradient = new float[POINTS * HIDDEN];
      float[] pointGradient = new float[2 * POINTS]; // nobody asks for it
      for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        first.forward(points, hidden);
        ramp(hidden);
        second.forward(hidden, outputs);

        loss.forward(logits, labels);
        float[] gradient = loss.backward().toFloatArray();

        second.backward(hidden, gradient, hiddenGradient);
        rampBackward(hidden, hiddenGradient);
        first.backward(points, hiddenGradient, pointGradient);
        first.step(RATE);
        second.step(RATE);
        if (epoch == 1 || epoch % 100 == 0) {
          System.out.printf(
              Locale.ROOT,
              "epoch %3d  loss %s  accuracy %d of %d%n",
              epoch,
              loss.loss(),
              correct(logits, arms),
              POINTS);
        }
      }
    }
  }

  /** Points of three arms that wind around each other. StrictMath: the same bits everywhere. */
  private static void spirals(float[] points, int[] arms) {
    for (int i = 0; i < POINTS; i++) {
      int arm = i % CLASSES;
      double along = (double) i / POINTS;
      double angle = 4 * along + arm * 2 * Math.PI / CLASSES;
      points[2 * i] = (float) (along * StrictMath.cos(angle));
      points[2 * i + 1] = (float) (along * StrictMath.sin(angle));
      arms[i] = arm;
    }
  }

  private static void ramp(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.max(0, values[i]);
    }
  }

  private static void rampBackward(float[] values, float[] gradients) {
    for (int i = 0; i < values.length; i++) {
      gradients[i] = values[i] > 0 ? gradients[i] : 0;
    }
  }

  private static int correct(Tensor logits, int[] labels) {
    int correct = 0;
    for (int i = 0; i < labels.length; i++) {
      int best = 0;
      for (int k = 1; k < CLASSES; k++) {
        best = logits.getFloat(i, k) > logits.getFloat(i, best) ? k : best;
      }
      correct += best == labels[i] ? 1 : 0;
    }
    return correct;
  }
}
