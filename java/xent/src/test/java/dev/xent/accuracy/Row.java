// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

/**
 * One row to measure.
 *
 * @param name how it came about, so that it can be made again
 * @param x logits
 * @param label its class
 * @param q target probabilities, any finite numbers
 * @param smoothing eps, greater than 0
 * @param scale of the gradients
 */
record Row(String name, float[] x, int label, float[] q, double smoothing, double scale) {

  /** Whether it is of random numbers alone, not made to be hard. */
  boolean isOrdinary() {
    return name.startsWith("random");
  }
}
