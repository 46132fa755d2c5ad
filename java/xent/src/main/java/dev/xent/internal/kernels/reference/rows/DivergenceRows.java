// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.EXACT_SUM;
import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.LOSSES;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;
import static dev.xent.internal.kernels.reference.math.Constants.LN2;

import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Float64;
import dev.xent.internal.kernels.reference.math.Fma;
import dev.xent.internal.kernels.reference.math.Pair;
import dev.xent.internal.kernels.reference.results.ExactSums;
import dev.xent.internal.kernels.reference.sum.FirstPass;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.util.Arrays;

/**
 * A divergence of a student from its teacher, in float64 arithmetic for all types, as a sum of
 * nonnegative terms. The gradient of Kullback-Leibler is computed class by class. That of the other
 * divergences is p (slope - sum p slope), which needs two passes over the row.
 */
public final class DivergenceRows {
  private static final double NEAR = 0.34;

  /** Up to this value, the terms of Jensen-Shannon are computed by series. */
  private static final double SERIES = 0.7;

  private static final int SERIES_TERMS = 16;

  /** Beyond this value, exp(-v) is negligible. */
  private static final double FAR = 40;

  private final Request call;
  private final Arithmetic arithmetic = new Float64();
  private final RowScratch teacher;
  private final RowScratch student;
  private final Row row;
  private final Pair loss = arithmetic.pair();
  private final Pair ofChunk = arithmetic.pair();
  private final double[] terms = new double[CHUNK];
  private final double[] gradient = new double[CHUNK];
  private final double[] lean = new double[CHUNK];
  private final Pair leaning = arithmetic.pair();
  private Function kind = Function.KL_DIVERGENCE;
  private double gradientScale;

  /** D of the teacher minus D of the student. */
  private double distances;

  public DivergenceRows(Request call) {
    this.call = call;
    teacher = new RowScratch(call, arithmetic, true);
    student = new RowScratch(call, arithmetic);
    row = student.row;
  }

  /** Computes losses and gradients of the call's rows, for one divergence. */
  public int forward(Function asked) {
    kind = asked;
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
    call.report.validRows++;
    FirstPass.row(teacher);
    FirstPass.row(student);
    boolean nan = teacher.statistics.is(Kind.NAN_ROW) || student.statistics.is(Kind.NAN_ROW);
    if (nan || teacher.statistics.isSpecial() || student.statistics.isSpecial()) {
      finishSpecial(nan ? Double.NaN : 0);
      return;
    }
    gradientScale = student.cooled(call.options.scale() * row.weight);
    gradientScale *= kind == Function.KL_DIVERGENCE ? 1 : 0.5;
    distances = teacher.statistics.distance(arithmetic) - student.statistics.distance(arithmetic);
    loss.clear();
    leaning.clear();
    boolean once = kind == Function.KL_DIVERGENCE;
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      int count = Row.chunkSize(begin, row.classes);
      chunk(begin, count);
      if (once) {
        storeGradient(begin, count);
      }
    }
    double value = row.weight * Math.min(loss.value(), largest());
    double mean = leaning.value();
    for (long begin = 0; begin < row.classes && !once; begin += CHUNK) {
      int count = Row.chunkSize(begin, row.classes);
      slopes(begin, count, mean);
      storeGradient(begin, count);
    }
    storeLoss(value);
  }

  /** Computes the gradient of a chunk's classes, from the mean of the slopes. */
  private void slopes(long begin, int count, double mean) {
    loadProbabilities(teacher, begin, count);
    loadProbabilities(student, begin, count);
    for (int i = 0; i < count; i++) {
      double p = student.y[i];
      double slope = slope(teacher.y[i], p, ratio(i));
      gradient[i] = p * (slope - mean) * gradientScale;
    }
    student.chunk.fillMasked(gradient, 0);
  }

  /** log q - log p of a class of the loaded chunk. */
  private double ratio(int i) {
    boolean none = teacher.y[i] == 0 && student.y[i] == 0;
    return none ? 0 : logRatio(teacher.chunk.x[i], student.chunk.x[i]);
  }

  private void finishSpecial(double value) {
    Arrays.fill(gradient, value);
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      storeGradient(begin, Row.chunkSize(begin, row.classes));
    }
    storeLoss(value);
  }

  private void storeGradient(long begin, int count) {
    if (has(call.given.of(GRADIENT))) {
      row.store(gradient, count, call.given.of(GRADIENT), call.shape.of(GRADIENT), begin);
    }
  }

  private void storeLoss(double value) {
    row.storeNumber(value, call.given.of(LOSSES), call.shape.of(LOSSES));
    if (has(call.given.of(EXACT_SUM))) {
      ExactSums.add(call.given.of(EXACT_SUM), value);
    }
  }

  /** Adds the terms of a chunk, and computes the gradient of its classes. */
  private void chunk(long begin, int count) {
    loadProbabilities(teacher, begin, count);
    loadProbabilities(student, begin, count);
    for (int i = 0; i < count; i++) {
      double q = teacher.y[i];
      double p = student.y[i];
      double v = ratio(i);
      terms[i] = termOf(q, p, v);
      if (kind == Function.KL_DIVERGENCE) {
        gradient[i] = difference(q, p, v) * gradientScale;
      } else {
        lean[i] = p * slope(q, p, v);
      }
    }
    student.chunk.fillMasked(terms, 0);
    student.chunk.fillMasked(gradient, 0);
    arithmetic.sum(terms, count, ofChunk);
    loss.add(ofChunk);
    if (kind != Function.KL_DIVERGENCE) {
      student.chunk.fillMasked(lean, 0);
      arithmetic.sum(lean, count, ofChunk);
      leaning.add(ofChunk);
    }
  }

  private void loadProbabilities(RowScratch side, long begin, int count) {
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

  /** The rounding error of the difference s = f - g. */
  private static double lost(double f, double g, double s) {
    double k = s - f;
    return (f - (s - k)) - (g + k);
  }

  private double termOf(double q, double p, double v) {
    return switch (kind) {
      case JENSEN_SHANNON_DIVERGENCE -> shannonTerm(q, p, v);
      case TOTAL_VARIATION -> 0.5 * Math.abs(variation(q, p, v));
      default -> term(q, p, v);
    };
  }

  /** The upper bound of a row's loss, which the rounded sum of the terms may exceed. */
  private double largest() {
    return switch (kind) {
      case JENSEN_SHANNON_DIVERGENCE -> LN2;
      case TOTAL_VARIATION -> 1;
      default -> Double.POSITIVE_INFINITY;
    };
  }

  /** The factor of p in the gradient, before the mean is subtracted. */
  private double slope(double q, double p, double v) {
    if (kind == Function.JENSEN_SHANNON_DIVERGENCE) {
      return p == 0 ? 0 : shannonSlope(v);
    }
    double w = variation(q, p, v);
    return 0.5 * Math.abs(w) == 0 ? 0 : Math.signum(w);
  }

  /** (p + q) / 2 h(v / 2), h(a) = a tanh a - log cosh a. */
  private double shannonTerm(double q, double p, double v) {
    double both = 0.5 * (q + p);
    if (both == 0) {
      return 0;
    }
    if (Math.abs(v) <= SERIES) {
      return both * series(squareOfTanh(v), true);
    }
    double size = Math.min(Math.abs(v), FAR);
    double e = 1 + Float64.exponentialLessOne(-size);
    return both * (rest(e) - size * e / (e + 1));
  }

  /** log(p / ((p + q) / 2)). */
  private double shannonSlope(double v) {
    if (Math.abs(v) <= SERIES) {
      return 0 - Fma.fma(0.5, v, series(squareOfTanh(v), false));
    }
    double e = 1 + Float64.exponentialLessOne(-Math.min(Math.abs(v), FAR));
    return rest(e) - (v > 0 ? v : 0);
  }

  private double rest(double e) {
    return LN2 - arithmetic.logOnePlus(e);
  }

  private static double squareOfTanh(double v) {
    double m = Float64.exponentialLessOne(-Math.abs(v));
    double t = (0 - m) / (1 + m + 1);
    return t * t;
  }

  /** The sum of z^n / (2 n), or of z^n / (2 n (2 n - 1)). */
  private static double series(double z, boolean ends) {
    double sum = 0;
    for (int n = SERIES_TERMS; n > 0; n--) {
      sum = Fma.fma(sum, z, 1 / (ends ? 2.0 * n * (2 * n - 1) : 2.0 * n));
    }
    return sum * z;
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

  /**
   * p - q. If they are close, it is computed from the larger one, so that exchanging p and q only
   * changes the sign.
   */
  private static double variation(double q, double p, double v) {
    double size = Math.abs(v);
    if (!(size <= NEAR)) {
      return p - q;
    }
    double close = Math.max(q, p) * Fma.fma(-(Float64.series(-size) * size), size, size);
    return Math.copySign(close, -v);
  }

  /** p - q; if they are close, with an error relative to q. */
  private static double difference(double q, double p, double v) {
    if (q == 0) {
      return p;
    }
    return Math.abs(v) <= NEAR ? q * Fma.fma(Float64.series(-v) * v, v, -v) : p - q;
  }
}
