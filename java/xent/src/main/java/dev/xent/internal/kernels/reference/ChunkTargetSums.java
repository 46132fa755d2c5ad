// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/**
 * Sums over the targets of a chunk of a general call, class by class in sixteen lanes. A class that
 * does not take part adds +0.
 */
abstract class ChunkTargetSums {
  /** Sum of target and logit; for a label with smoothing of weight and logit over the even set. */
  double dot;

  /** Sum of the targets; for a label with smoothing of the weights. */
  double mass;

  /** Begins a chunk with its largest value. */
  abstract void begin(double max);

  /** A class with its target and its logit. */
  abstract void add(int i, double target, double x);

  /** A class that does not take part. */
  abstract void addNothing(int i);

  /** Leaves dot and mass of the classes. */
  abstract void finish();

  /** An entry of a sparse row, after the classes. */
  abstract void addEntry(double target, double x);

  /** Leaves dot and mass of classes and entries. */
  abstract void finishEntries();

  /** Of a label's row without class weights the mass is known: whether it is 0 in states. */
  abstract boolean leavesOutPlainMass();

  /** A label's row: only where targets are smoothed. */
  void ofLabel(PreparedChunk chunk, double max, long begin, WeightedTargets targets) {
    begin(max);
    for (int i = 0; i < chunk.count && targets.smooths(); i++) {
      if (chunk.counted[i] && targets.isEven(begin + i)) {
        add(i, targets.weight(begin + i), chunk.x[i]);
      } else {
        addNothing(i);
      }
    }
    finish();
    if (leavesOutPlainMass() && !targets.areWeighted()) {
      mass = 0;
    }
  }

  void ofProbabilities(
      PreparedChunk chunk, double max, long begin, double[] q, WeightedTargets targets) {
    begin(max);
    for (int i = 0; i < chunk.count; i++) {
      if (chunk.counted[i]) {
        add(i, targets.ofProbability(q[i], begin + i), chunk.x[i]);
      } else {
        addNothing(i);
      }
    }
    finish();
  }

  /** A sparse row: what smoothing gives, then the entries in their order. */
  void ofEntries(
      PreparedChunk chunk,
      double max,
      long begin,
      GeneralRow row,
      WeightedTargets targets,
      long entries) {
    begin(max);
    for (int i = 0; i < chunk.count && targets.share != 0; i++) {
      if (chunk.counted[i]) {
        add(i, targets.ofShare(begin + i), chunk.x[i]);
      } else {
        addNothing(i);
      }
    }
    finish();
    for (long j = 0; j < entries; j++) {
      long clazz = row.entryClass(j);
      if (clazz >= begin && clazz < begin + chunk.count) {
        int i = (int) (clazz - begin);
        addEntry(targets.ofEntry(row.entryWeight(j), clazz), chunk.x[i]);
      }
    }
    finishEntries();
  }
}
