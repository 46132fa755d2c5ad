// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** In float32 arithmetic: sums in double. */
final class SingleFold extends GeneralFold {
  private double sum;
  private double dot;
  private double mass;

  @Override
  void begin() {
    super.begin();
    sum = 0;
    dot = 0;
    mass = 0;
  }

  @Override
  void addSum(double rescale, double high, double low, double own) {
    sum = sum * rescale + high * Exponential.UNSCALE * own;
  }

  @Override
  void addTargets(double ofDot, double ofMass, double chunkMax, double raised) {
    dot += ofDot;
    mass += ofMass;
  }

  @Override
  void raise(double raised) {}

  @Override
  double sum() {
    return sum;
  }

  @Override
  double mass() {
    return mass;
  }

  @Override
  double evenLoss(double distance, double classes, boolean weighted) {
    return weighted
        ? ((mass * max - dot) + mass * distance) / classes
        : (classes * max - dot) / classes + distance;
  }

  @Override
  double targetLoss(double distance) {
    return Math.fma(mass, max, -dot) + mass * distance;
  }
}
