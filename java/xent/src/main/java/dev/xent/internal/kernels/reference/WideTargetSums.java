// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * In float64 arithmetic: sums of t (m - x), m being the chunk's maximum, so that no term is
 * negative where no target is, and nothing cancels.
 */
final class WideTargetSums extends ChunkTargetSums {
  private final PairLanes dots = new PairLanes();
  private final PairLanes masses = new PairLanes();
  private final Pair dotOfEntries = new Pair();
  private final Pair massOfEntries = new Pair();
  private double origin;

  @Override
  void begin(double max) {
    origin = WideFold.origin(max);
    dots.clear();
    masses.clear();
  }

  @Override
  void add(int i, double target, double x) {
    dots.add(i, target == 0 ? 0 : target * (origin - x));
    masses.add(i, target == 0 ? 0 : target);
  }

  @Override
  void addNothing(int i) {
    dots.add(i, 0);
    masses.add(i, 0);
  }

  @Override
  void finish() {
    dot = dots.tree().value();
    mass = masses.tree().value();
    dotOfEntries.set(dot, 0);
    massOfEntries.set(mass, 0);
  }

  @Override
  void addEntry(double target, double x) {
    dotOfEntries.add(target == 0 ? 0 : target * (origin - x));
    massOfEntries.add(target == 0 ? 0 : target);
  }

  @Override
  void finishEntries() {
    dot = dotOfEntries.value();
    mass = massOfEntries.value();
  }

  @Override
  boolean leavesOutPlainMass() {
    return false;
  }
}
