// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import java.lang.foreign.MemorySegment;

/** Float32 arithmetic: that of plain calls, and the hyperbolic tangent. */
final class SingleArithmetic extends Arithmetic {
  private final ExponentialSum exponentials = new ExponentialSum();
  private final UpstreamSum sums = new UpstreamSum();
  private final float[] floats = new float[CHUNK];

  SingleArithmetic() {
    super(new SingleTargetSums(), new SingleFold(), new SingleGradientTerm());
  }

  @Override
  double round(double v) {
    return (float) v;
  }

  @Override
  double difference(double a, double b) {
    return (float) a - (float) b;
  }

  @Override
  double sum(double a, double b) {
    return (float) a + (float) b;
  }

  @Override
  double product(double a, double b) {
    return (float) a * (float) b;
  }

  @Override
  double quotient(double a, double b) {
    return (float) a / (float) b;
  }

  @Override
  double fma(double a, double b, double c) {
    return Math.fma((float) a, (float) b, (float) c);
  }

  @Override
  double tanh(double x) {
    return HyperbolicTangent.of((float) x);
  }

  @Override
  double exponential(double x, double reference) {
    return Exponential.of((float) x, (float) reference);
  }

  @Override
  double reference(double max) {
    return Exponential.reference((float) max);
  }

  @Override
  double log(double v) {
    return Logarithm.of(v);
  }

  @Override
  double logOnePlus(double q) {
    return Logarithm.onePlus(q);
  }

  @Override
  double logOneMinus(double d) {
    return Logarithm.of(1 - d);
  }

  @Override
  double farDistance(double total, double largest, double reference, double max) {
    return Math.fma(reference, Constants.LN2, Logarithm.of(total)) - max;
  }

  @Override
  double probability(double e, double total) {
    return (float) e * (float) (Exponential.UNSCALE / total);
  }

  @Override
  boolean isWide() {
    return false;
  }

  @Override
  void sumExponentials(double[] x, int count, int without, ChunkSum into) {
    takeFloats(x, count);
    exponentials.compute(floats, count, without);
    into.max = exponentials.max;
    into.reference = exponentials.reference;
    into.sum.set(exponentials.sum, 0);
  }

  @Override
  void sumTerms(double[] terms, int count, Pair into) {
    takeFloats(terms, count);
    into.set(sums.of(floats, count), 0);
  }

  @Override
  void addChunk(Pair row, Pair chunk) {
    row.high += chunk.high;
  }

  @Override
  void addLoss(MemorySegment tally, double loss) {
    Tally.add(tally, (float) loss);
  }

  private void takeFloats(double[] values, int count) {
    for (int i = 0; i < count; i++) {
      floats[i] = (float) values[i];
    }
  }
}
