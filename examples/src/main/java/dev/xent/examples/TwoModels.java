// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

/** A large model and a small one with errors, for the examples of drafts. */
final class TwoModels {
  static final int CLASSES = 50;

  private TwoModels() {}

  /** The logits of the large model after a token. */
  static float[] large(int token) {
    float[] logits = new float[CLASSES];
    for (int c = 0; c < CLASSES; c++) {
      logits[c] = (float) (4 * Math.sin(token * 7 + c * c));
    }
    return logits;
  }

  /** The logits of the small model after a token. */
  static float[] small(int token) {
    float[] logits = large(token);
    for (int c = 0; c < CLASSES; c++) {
      logits[c] += (float) (0.3 * Math.sin(c));
    }
    return logits;
  }
}
