// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.reference.call.CallArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Float64;
import dev.xent.internal.kernels.reference.math.Fma;
import dev.xent.internal.kernels.reference.math.Pair;
import dev.xent.internal.kernels.reference.results.Tally;
import dev.xent.internal.kernels.reference.sum.FirstPass;
import dev.xent.internal.kernels.reference.sum.Statistics;
import dev.xent.internal.kernels.reference.sum.Work;
import java.util.Arrays;

/**
 * The Kullback-Leibler divergence of a student from its teacher, in float64 arithmetic whatever the
 * types: u sum q (log q - log p), as a sum of terms that are never negative.
 */
public final class DivergenceRows {
  private static final double NEAR = 0.34;

  private final Request call;
  private final Arithmetic arithmetic = new Float64();
  private final Work teacher;
  private final Work student;
  private final Row row;
  private final Pair loss = arithmetic.pair();
  private final Pair ofChunk = arithmetic.pair();
  private final double[] terms = new double[CHUNK];
  private final double[] gradient = new double[CHUNK];
  private double gradientScale;

  /** D of the teacher less that of the student. */
  private double distances;

  public DivergenceRows(Request call) {
    this.call = call;
    teacher = new Work(call, arithmetic, true);
    student = new Work(call, arithmetic);
    row = student.row;
  }

  /** Losses and gradients of the call's rows. */
  public int forward() {
    teacher.begin();
    student.begin();
    for (long r = call.rowBegin; r < call.rowEnd; r++) {
      teacher.row.go(r);
      row.go(r);
      row();
    }
    return Status.OK;
  }

  private void row() {
    if (row.ignored) {
      finishSpecial(0);
      return;
    }
    call.report.counted++;
    FirstPass.row(teacher);
    FirstPass.row(student);
    boolean nan = teacher.statistics.is(Kind.NAN_ROW) || student.statistics.is(Kind.NAN_ROW);
    if (nan || teacher.statistics.isSpecial() || student.statistics.isSpecial()) {
      finishSpecial(nan ? Double.NaN : 0);
      return;
    }
    gradientScale = student.cooled(call.options.scale() * row.weight);
    distances = teacher.statistics.distance(arithmetic) - student.statistics.distance(arithmetic);
    loss.clear();
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      int count = Row.chunkSize(begin, row.classes);
      chunk(begin, count);
      storeGradient(begin, count);
    }
    storeLoss(row.weight * loss.value());
  }

  private void finishSpecial(double value) {
    Arrays.fill(gradient, value);
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      storeGradient(begin, Row.chunkSize(begin, row.classes));
    }
    storeLoss(value);
  }

  private void storeGradient(long begin, int count) {
    if (has(call.given.gradient)) {
      row.store(gradient, count, call.given.gradient, call.shape.gradient, begin);
    }
  }

  private void storeLoss(double value) {
    row.storeNumber(value, call.given.losses, call.shape.losses);
    if (has(call.given.tally)) {
      Tally.add(call.given.tally, value);
    }
  }

  /** Adds the terms of a chunk and leaves the gradient of its classes. */
  private void chunk(long begin, int count) {
    loadProbabilities(teacher, begin, count);
    loadProbabilities(student, begin, count);
    for (int i = 0; i < count; i++) {
      double q = teacher.y[i];
      double p = student.y[i];
      double v = q == 0 ? 0 : logRatio(teacher.chunk.x[i], student.chunk.x[i]);
      terms[i] = term(q, p, v);
      gradient[i] = difference(q, p, v) * gradientScale;
    }
    student.chunk.fillMasked(terms, 0);
    student.chunk.fillMasked(gradient, 0);
    arithmetic.sum(terms, count, ofChunk);
    loss.add(ofChunk);
  }

  private void loadProbabilities(Work side, long begin, int count) {
    Statistics ofSide = side.statistics;
    side.chunk.load(side.row, begin, count, ofSide.shift);
    arithmetic.exponentials(side.chunk.x, 0, count, ofSide.reference, side.y);
    arithmetic.probabilities(side.y, count, ofSide.total());
  }

  /** log q - log p. */
  private double logRatio(double a, double x) {
    double maxes = teacher.statistics.max - student.statistics.max;
    double lostMaxes = lost(teacher.statistics.max, student.statistics.max, maxes);
    double logits = a - x;
    double near = logits - maxes;
    double r = arithmetic.inverseHigh;
    return Double.isFinite(near)
        ? (near + (lost(a, x, logits) - lostMaxes)) * r - distances
        : near * r;
  }

  /** What the difference s = f - g lost. */
  private static double lost(double f, double g, double s) {
    double k = s - f;
    return (f - (s - k)) - (g + k);
  }

  /** q (v + exp(-v) - 1). */
  private static double term(double q, double p, double v) {
    if (q == 0) {
      return p;
    }
    if (Math.abs(v) <= NEAR) {
      return q * (Float64.series(-v) * v * v);
    }
    return v < -2 ? Fma.fma(q, v - 1, p) : q * (v + Float64.exponentialLessOne(-v));
  }

  /** p - q. */
  private static double difference(double q, double p, double v) {
    if (q == 0) {
      return p;
    }
    return Math.abs(v) <= NEAR ? q * Fma.fma(Float64.series(-v) * v, v, -v) : p - q;
  }
}
