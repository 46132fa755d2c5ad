// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;
import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.kernels.Status;
import java.util.Arrays;

/**
 * The Kullback-Leibler divergence of a student from its teacher, in float64 arithmetic whatever the
 * types: u sum q (log q - log p), as a sum of terms that are never negative.
 */
final class Divergence {
  private final GeneralRow row = new GeneralRow();
  private final Arithmetic arithmetic = new WideArithmetic();
  private final ChunkSum sum = new ChunkSum();
  private final State state = new State();
  private final Side teacher = new Side();
  private final Side student = new Side();
  private final Pair loss = new Pair();
  private final PairLanes lanes = new PairLanes();
  private final double[] gradient = new double[CHUNK];
  private double gradientScale;

  /** One of the two rows. */
  private final class Side {
    final GeneralStatistics statistics = new GeneralStatistics();
    final double[] x = new double[CHUNK];
    double distance;
    double total;

    void load(Call call, boolean ofTeacher, long begin, int count, double shift) {
      Layout layout = ofTeacher ? call.shape.teacher : call.shape.logits;
      double temperature = call.options.temperature;
      row.load(ofTeacher ? call.given.teacher : call.given.logits, layout, begin, count, x);
      for (int i = 0; i < count; i++) {
        if (!row.takesPart(begin + i)) {
          x[i] = Double.NEGATIVE_INFINITY;
          continue;
        }
        double prepared = temperature == 0 ? x[i] : x[i] / temperature;
        x[i] = shift == 0 ? prepared : prepared - shift;
      }
    }

    void compute(Call call, boolean ofTeacher) {
      fold(call, ofTeacher, 0);
      double shift = arithmetic.fold.beyondLimit() ? arithmetic.fold.max : 0;
      if (shift != 0) {
        fold(call, ofTeacher, shift);
      }
      boolean maskedIsZero = call.options.maskedIsZero();
      statistics.take(arithmetic.fold, arithmetic, Kind.SOFTMAX, shift, true);
      if (statistics.is(Kind.MASKED_ROW) && !maskedIsZero) {
        statistics.kind |= Kind.NAN_ROW;
      }
      if (!statistics.isSpecial()) {
        distance = statistics.distance(arithmetic);
        total = statistics.total();
      }
    }

    private void fold(Call call, boolean ofTeacher, double shift) {
      arithmetic.fold.begin();
      for (long begin = 0; begin < row.classes; begin += CHUNK) {
        int count = FirstPass.chunkSize(begin, row.classes);
        load(call, ofTeacher, begin, count, shift);
        arithmetic.sumExponentials(x, count, -1, sum);
        state.clear(Kind.SOFTMAX);
        state.setSum(sum, true);
        arithmetic.fold.add(state, true);
      }
    }

    double probability(int i) {
      double e = arithmetic.exponential(x[i], statistics.reference);
      return arithmetic.probability(e, total);
    }
  }

  /** Losses and gradients of the call's rows. */
  int rows(Call call) {
    row.begin(call);
    for (long r = call.rowBegin; r < call.rowEnd; r++) {
      row.go(r);
      row(call);
    }
    return Status.OK;
  }

  private void row(Call call) {
    if (row.ignored) {
      finishSpecial(call, 0);
      return;
    }
    call.report.counted++;
    teacher.compute(call, true);
    student.compute(call, false);
    boolean nan = teacher.statistics.is(Kind.NAN_ROW) || student.statistics.is(Kind.NAN_ROW);
    if (nan || teacher.statistics.isSpecial() || student.statistics.isSpecial()) {
      finishSpecial(call, nan ? Double.NaN : 0);
      return;
    }
    double temperature = call.options.temperature;
    double scale = call.options.scale() * row.weight;
    gradientScale = temperature == 0 ? scale : scale / temperature;
    loss.clear();
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, row.classes);
      chunk(call, begin, count);
      if (has(call.given.gradient)) {
        row.store(gradient, count, call.given.gradient, call.shape.gradient, begin);
      }
    }
    storeLoss(call, row.weight * loss.value());
  }

  private void finishSpecial(Call call, double value) {
    if (has(call.given.gradient)) {
      Arrays.fill(gradient, value);
      for (long begin = 0; begin < row.classes; begin += CHUNK) {
        int count = FirstPass.chunkSize(begin, row.classes);
        row.store(gradient, count, call.given.gradient, call.shape.gradient, begin);
      }
    }
    storeLoss(call, value);
  }

  private void storeLoss(Call call, double value) {
    row.storeNumber(value, call.given.losses, call.shape.losses);
    if (has(call.given.tally)) {
      Tally.add(call.given.tally, value);
    }
  }

  /** Adds the terms of a chunk and leaves the gradient of its classes. */
  private void chunk(Call call, long begin, int count) {
    teacher.load(call, true, begin, count, teacher.statistics.shift);
    student.load(call, false, begin, count, student.statistics.shift);
    lanes.clear();
    for (int i = 0; i < count; i++) {
      double term = 0;
      gradient[i] = 0;
      if (row.takesPart(begin + i)) {
        double q = teacher.probability(i);
        double p = student.probability(i);
        double v = q == 0 ? 0 : logRatio(teacher.x[i], student.x[i]);
        term = term(q, p, v);
        gradient[i] = difference(q, p, v) * gradientScale;
      }
      lanes.add(i, term);
    }
    loss.add(lanes.tree());
  }

  /** log q - log p. */
  private double logRatio(double a, double x) {
    double maxes = teacher.statistics.max - student.statistics.max;
    double lostMaxes = lost(teacher.statistics.max, student.statistics.max, maxes);
    double logits = a - x;
    double near = logits - maxes;
    return Double.isFinite(near)
        ? (near + (lost(a, x, logits) - lostMaxes)) - (teacher.distance - student.distance)
        : near;
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
    if (Math.abs(v) <= 0.34) {
      return q * (WideExponential.series(-v) * v * v);
    }
    return v < -2 ? Math.fma(q, v - 1, p) : q * (v + WideExponential.lessOne(-v));
  }

  /** p - q. */
  private static double difference(double q, double p, double v) {
    if (q == 0) {
      return p;
    }
    return Math.abs(v) <= 0.34 ? q * Math.fma(WideExponential.series(-v) * v, v, -v) : p - q;
  }
}
