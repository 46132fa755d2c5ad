// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemorySegment;

/**
 * What depends on the type that a general call computes in; everything else of a row is written
 * once.
 *
 * <p>Values of that type are carried as doubles, which hold a float exactly. Holds scratch: one per
 * thread.
 */
abstract class Arithmetic {
  /** Sums over the targets of a chunk. */
  final ChunkTargetSums targetSums;

  /** The chunks of a row, put together. */
  final GeneralFold fold;

  /** What a class adds to the gradient. */
  final GradientTerm gradientTerm;

  Arithmetic(ChunkTargetSums targetSums, GeneralFold fold, GradientTerm gradientTerm) {
    this.targetSums = targetSums;
    this.fold = fold;
    this.gradientTerm = gradientTerm;
  }

  /** A value rounded to the type. */
  abstract double round(double v);

  abstract double difference(double a, double b);

  abstract double sum(double a, double b);

  abstract double product(double a, double b);

  abstract double quotient(double a, double b);

  abstract double fma(double a, double b, double c);

  abstract double tanh(double x);

  /** e(x; N). */
  abstract double exponential(double x, double reference);

  /** ref(m). */
  abstract double reference(double max);

  /** log(v), v &gt; 0. */
  abstract double log(double v);

  /** log(1 - d), 0 &lt; d &lt;= 0.5. */
  abstract double logOneMinus(double d);

  /** log(1 + q), 0 &lt;= q &lt;= 1. */
  abstract double logOnePlus(double q);

  /**
   * D = log-sum-exp - max of a row with the sum S, whose largest class has the term E &lt; S / 2.
   */
  abstract double farDistance(double total, double largest, double reference, double max);

  /** e / (S 2^30). */
  abstract double probability(double e, double total);

  /** Whether states and statistics hold the numbers of float64 arithmetic. */
  abstract boolean isWide();

  /**
   * The exponentials of a chunk.
   *
   * @param without the class that adds +0 to the sum but counts for the maximum; -1 for none
   */
  abstract void sumExponentials(double[] x, int count, int without, ChunkSum into);

  /** The sum of a chunk's terms, in groups, lanes and tree. */
  abstract void sumTerms(double[] terms, int count, Pair into);

  /** Adds the sum of a chunk's terms to that of a row. */
  abstract void addChunk(Pair row, Pair chunk);

  /** Adds a loss to an exact sum. */
  abstract void addLoss(MemorySegment tally, double loss);
}
