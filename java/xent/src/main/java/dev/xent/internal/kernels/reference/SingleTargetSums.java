// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** In float32 arithmetic: sums of t x, in double. */
final class SingleTargetSums extends ChunkTargetSums {
  private final Lanes dots = new Lanes();
  private final Lanes masses = new Lanes();

  @Override
  void begin(double max) {
    dots.clear();
    masses.clear();
  }

  @Override
  void add(int i, double target, double x) {
    if (target == 0) {
      dots.add(i, 0);
    } else {
      dots.addProduct(i, target, x);
    }
    masses.add(i, target);
  }

  @Override
  void addNothing(int i) {
    dots.add(i, 0);
    masses.add(i, 0);
  }

  @Override
  void finish() {
    dot = dots.tree();
    mass = masses.tree();
  }

  @Override
  void addEntry(double target, double x) {
    dot = target == 0 ? dot : Math.fma(target, x, dot);
    mass += target;
  }

  @Override
  void finishEntries() {}

  @Override
  boolean leavesOutPlainMass() {
    return true;
  }
}
