// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * The gradient of a class that is no label: {@code scale (p pull - t)} as {@code fma(e, f, -scale
 * t)}, with a factor that is carried larger where it is below the normal numbers.
 */
abstract class GradientTerm {
  /** Begins a row with the sum of exponentials `total`. */
  abstract void begin(double total, double scale, double pull);

  /** The gradient of a class with the exponential e and the target t. */
  abstract double of(double e, double target);
}
