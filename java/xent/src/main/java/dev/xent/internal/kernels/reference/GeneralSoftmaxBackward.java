// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;
import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.kernels.Status;

/** The backward passes of softmax and log-softmax of general calls. */
final class GeneralSoftmaxBackward {
  private GeneralSoftmaxBackward() {}

  /** Writes dx; statistics NULL: the row's sum is computed here. */
  static int backward(Call call, boolean logarithms) {
    GeneralWork work = call.work().begin(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      double sum;
      if (has(call.given.statistics)) {
        work.statistics.load(call.given.statistics, row);
        sum = work.statistics.sum;
      } else {
        sum = sum(call, work, !logarithms);
      }
      write(call, work, work.arithmetic.round(sum), logarithms);
    }
    return Status.OK;
  }

  private static double sum(Call call, GeneralWork work, boolean products) {
    Pair sum = work.rowSum;
    sum.clear();
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      chunkSum(call, work, begin, FirstPass.chunkSize(begin, work.row.classes), products);
      work.arithmetic.addChunk(sum, work.sum.sum);
    }
    return sum.value();
  }

  /** The sum over a chunk of dy y, or of dy alone; a masked class adds +0. */
  private static void chunkSum(
      Call call, GeneralWork work, long begin, int count, boolean products) {
    double[] terms = work.q;
    work.row.load(call.given.upstream, call.shape.upstream, begin, count, terms);
    if (products) {
      work.row.load(call.given.output, call.shape.output, begin, count, work.y);
    }
    for (int i = 0; i < count; i++) {
      if (!work.row.takesPart(begin + i)) {
        terms[i] = 0;
      } else if (products) {
        terms[i] = work.arithmetic.product(terms[i], work.y[i]);
      }
    }
    work.arithmetic.sumTerms(terms, count, work.sum.sum);
  }

  private static void write(Call call, GeneralWork work, double sum, boolean logarithms) {
    double[] y = work.y;
    double[] dy = work.q;
    long end = GeneralGradient.end(call, work.row);
    for (long begin = call.classBegin; begin < end; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, end);
      work.row.load(call.given.output, call.shape.output, begin, count, y);
      work.row.load(call.given.upstream, call.shape.upstream, begin, count, dy);
      for (int i = 0; i < count; i++) {
        y[i] =
            work.row.takesPart(begin + i)
                ? cooled(call, work, ofClass(work.arithmetic, y[i], dy[i], sum, logarithms))
                : 0;
      }
      work.row.store(y, count, call.given.gradient, call.shape.gradient, begin);
    }
  }

  private static double ofClass(
      Arithmetic arithmetic, double y, double dy, double sum, boolean logarithms) {
    if (logarithms) {
      double e = arithmetic.exponential(y, 0);
      double probability = arithmetic.product(e, Exponential.UNSCALE);
      return arithmetic.fma(-probability, sum, dy);
    }
    return arithmetic.product(y, arithmetic.difference(dy, sum));
  }

  private static double cooled(Call call, GeneralWork work, double dx) {
    double temperature = work.arithmetic.round(call.options.temperature);
    return temperature == 0 ? dx : work.arithmetic.quotient(dx, temperature);
  }

  /** Writes the states of the call's class range; output NULL: log-softmax. */
  static int states(Call call) {
    GeneralWork work = call.work().begin(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      long first = (row - call.rowBegin) * call.shape.chunks();
      for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
        int count = FirstPass.chunkSize(begin, call.classEnd);
        chunkSum(call, work, begin, count, has(call.given.output));
        work.state.clear(Kind.BACKWARD | (call.wide ? Kind.WIDE : 0));
        work.state.sum = work.sum.sum.high;
        work.state.sumLow = work.sum.sum.low;
        work.state.store(call.given.states, first + begin / CHUNK);
      }
    }
    return Status.OK;
  }

  /** Statistics of a backward hold nothing but the sum. */
  static void finish(Call call, GeneralWork work, long first, long row) {
    Pair sum = work.rowSum;
    sum.clear();
    for (long i = 0; i < call.shape.chunks(); i++) {
      work.state.load(call.given.states, first + i);
      work.sum.sum.set(work.state.sum, work.state.sumLow);
      work.arithmetic.addChunk(sum, work.sum.sum);
    }
    work.statistics.clear(Kind.BACKWARD | (call.wide ? Kind.WIDE : 0));
    work.statistics.sum = sum.value();
    work.statistics.store(call.given.statistics, row);
  }
}
