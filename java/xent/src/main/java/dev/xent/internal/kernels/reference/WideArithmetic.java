// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemorySegment;

/** Float64 arithmetic. */
final class WideArithmetic extends Arithmetic {
  private static final double SCALE = 0x1p30;

  private final WideExponentialSum sums = new WideExponentialSum();

  WideArithmetic() {
    super(new WideTargetSums(), new WideFold(), new WideGradientTerm());
  }

  @Override
  double round(double v) {
    return v;
  }

  @Override
  double difference(double a, double b) {
    return a - b;
  }

  @Override
  double sum(double a, double b) {
    return a + b;
  }

  @Override
  double product(double a, double b) {
    return a * b;
  }

  @Override
  double quotient(double a, double b) {
    return a / b;
  }

  @Override
  double fma(double a, double b, double c) {
    return Math.fma(a, b, c);
  }

  @Override
  double tanh(double x) {
    return WideExponential.tanh(x);
  }

  @Override
  double exponential(double x, double reference) {
    return WideExponential.of(x, reference);
  }

  @Override
  double reference(double max) {
    return WideExponential.reference(max);
  }

  @Override
  double log(double v) {
    return WideLogarithm.of(v);
  }

  @Override
  double logOneMinus(double d) {
    return WideLogarithm.oneMinus(d);
  }

  @Override
  double logOnePlus(double q) {
    return WideLogarithm.onePlus(q);
  }

  /** As a difference of logarithms it would lose what the maximum has in digits. */
  @Override
  double farDistance(double total, double largest, double reference, double max) {
    return log(total / largest);
  }

  /** A division: so a single class gives 1. */
  @Override
  double probability(double e, double total) {
    return e / (total * SCALE);
  }

  @Override
  boolean isWide() {
    return true;
  }

  @Override
  void sumExponentials(double[] x, int count, int without, ChunkSum into) {
    sums.compute(x, count, without, into);
  }

  @Override
  void sumTerms(double[] terms, int count, Pair into) {
    sums.sum(terms, count, into);
  }

  @Override
  void addChunk(Pair row, Pair chunk) {
    row.add(chunk);
  }

  @Override
  void addLoss(MemorySegment tally, double loss) {
    Tally.add(tally, loss);
  }
}
