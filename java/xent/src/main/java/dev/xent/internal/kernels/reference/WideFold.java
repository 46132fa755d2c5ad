// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * In float64 arithmetic: sums in pairs, and those over targets as distances from the row's maximum,
 * which move when it rises.
 */
final class WideFold extends GeneralFold {
  private final Pair sum = new Pair();
  private final Pair dot = new Pair();
  private final Pair mass = new Pair();

  @Override
  void begin() {
    super.begin();
    sum.clear();
    dot.clear();
    mass.clear();
  }

  /** What the distances of a chunk are measured from. */
  static double origin(double chunkMax) {
    return Double.isFinite(chunkMax) ? chunkMax : 0;
  }

  @Override
  void addSum(double rescale, double high, double low, double own) {
    sum.scale(rescale);
    sum.add(high * Exponential.UNSCALE * own, low * Exponential.UNSCALE * own);
  }

  @Override
  void addTargets(double ofDot, double ofMass, double chunkMax, double raised) {
    raise(raised);
    dot.add(ofDot);
    double distance = raised - chunkMax;
    if (Double.isFinite(chunkMax) && distance != 0) {
      dot.addProduct(ofMass, distance);
    }
    mass.add(ofMass);
  }

  @Override
  void raise(double raised) {
    if (raised != max && Double.isFinite(raised) && Double.isFinite(max)) {
      dot.addProduct(mass.high, raised - max);
    }
  }

  @Override
  double sum() {
    return sum.value();
  }

  @Override
  double mass() {
    return mass.value();
  }

  @Override
  double evenLoss(double distance, double classes, boolean weighted) {
    return weighted
        ? Math.fma(mass(), distance, dot.value()) / classes
        : dot.value() / classes + distance;
  }

  @Override
  double targetLoss(double distance) {
    return Math.fma(mass(), distance, dot.value());
  }
}
