// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.OUTPUT;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.Array.UPSTREAM;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.emit.SoftmaxOutput;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Pair;
import dev.xent.internal.kernels.reference.sum.Digest;
import dev.xent.internal.kernels.reference.sum.FirstPass;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The backward passes of softmax and log-softmax. */
public final class SoftmaxBackwardRows {
  private SoftmaxBackwardRows() {}

  /** Writes dx. If statistics is NULL, computes the row's sum here. */
  public static int backward(RowScratch work, boolean logarithms) {
    Request call = work.call;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      double sum;
      if (has(call.given.of(STATISTICS))) {
        work.statistics.load(call.given.of(STATISTICS), row);
        sum = work.arithmetic.round(work.statistics.sum);
      } else {
        sum = rowSum(work, !logarithms);
      }
      write(
          work,
          sum,
          logarithms,
          work.arithmetic.inverseHigh,
          call.given.of(GRADIENT),
          call.shape.of(GRADIENT));
    }
    return Status.OK;
  }

  /**
   * Hessian-vector products: writes the probabilities, then overwrites them with their backward,
   * times the scale and the row weight.
   */
  public static int ofForward(RowScratch work) {
    Request call = work.call;
    double temperature = call.options.temperature;
    double r = temperature == 0 ? 1 : 1 / temperature;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      if (work.row.ignored) {
        clear(work);
        continue;
      }
      FirstPass.row(work);
      SoftmaxOutput.write(work, false);
      double factor = call.options.scale() * work.row.weight * r * r;
      write(
          work,
          rowSum(work, true),
          false,
          work.arithmetic.round(factor),
          call.given.of(OUTPUT),
          call.shape.of(OUTPUT));
    }
    return Status.OK;
  }

  private static void clear(RowScratch work) {
    for (long begin = 0; begin < work.row.end(); begin += CHUNK) {
      int count = Row.chunkSize(begin, work.row.end());
      Arrays.fill(work.y, 0, count, 0);
      work.row.store(work.y, count, work.call.given.of(OUTPUT), work.call.shape.of(OUTPUT), begin);
    }
  }

  private static double rowSum(RowScratch work, boolean products) {
    Pair sum = work.rowSum;
    sum.clear();
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      int count = Row.chunkSize(begin, work.row.classes);
      sum.add(chunkSum(work, begin, count, products));
    }
    return work.arithmetic.round(sum.value());
  }

  /** The sum over a chunk of dy y, or of dy only; a masked class adds +0. */
  private static Pair chunkSum(RowScratch work, long begin, int count, boolean products) {
    Arithmetic arithmetic = work.arithmetic;
    double[] terms = loadUpstream(work, begin, count);
    if (products) {
      double[] y = loadOutput(work, begin, count);
      for (int i = 0; i < count; i++) {
        terms[i] = arithmetic.round(terms[i] * y[i]);
      }
    }
    clearMasked(work, begin, count, terms);
    Pair sum = work.chunkSum;
    arithmetic.sum(terms, count, sum);
    sum.set(sum.high + 0.0, sum.low); // never -0
    return sum;
  }

  private static double[] loadUpstream(RowScratch work, long begin, int count) {
    work.row.load(
        work.call.given.of(UPSTREAM), work.call.shape.of(UPSTREAM), begin, count, work.terms);
    return work.terms;
  }

  private static double[] loadOutput(RowScratch work, long begin, int count) {
    work.row.load(work.call.given.of(OUTPUT), work.call.shape.of(OUTPUT), begin, count, work.y);
    return work.y;
  }

  private static void clearMasked(RowScratch work, long begin, int count, double[] values) {
    for (int i = 0; i < count && work.row.hasMask(); i++) {
      values[i] = work.row.takesPart(begin + i) ? values[i] : 0;
    }
  }

  private static void write(
      RowScratch work,
      double sum,
      boolean logarithms,
      double factor,
      MemorySegment results,
      Layout layout) {
    Arithmetic arithmetic = work.arithmetic;
    for (long begin = work.call.classBegin; begin < work.row.end(); begin += CHUNK) {
      int count = Row.chunkSize(begin, work.row.end());
      double[] y = loadOutput(work, begin, count);
      double[] dy = loadUpstream(work, begin, count);
      if (logarithms) {
        arithmetic.plainExponentials(y, count, y);
        for (int i = 0; i < count; i++) {
          y[i] = arithmetic.round(arithmetic.fma(-y[i], sum, dy[i]) * factor);
        }
      } else {
        for (int i = 0; i < count; i++) {
          double product = arithmetic.round(y[i] * arithmetic.round(dy[i] - sum));
          y[i] = arithmetic.round(product * factor);
        }
      }
      clearMasked(work, begin, count, y);
      work.row.store(y, count, results, layout, begin);
    }
  }

  // ---- in parts --------------------------------------------------------------------------------

  /** Writes the states of the call's class range; output is NULL for log-softmax. */
  public static int states(RowScratch work) {
    Request call = work.call;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      long first = (row - call.rowBegin) * call.shape.chunks();
      for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
        int count = Row.chunkSize(begin, call.classEnd);
        Pair sum = chunkSum(work, begin, count, has(call.given.of(OUTPUT)));
        work.state.begin(work.kind(Kind.BACKWARD), Digest.ofBackward(!has(call.given.of(OUTPUT))));
        work.state.sum = sum.high;
        work.state.sumLow = sum.low;
        work.state.store(call.given.of(STATES), first + begin / CHUNK);
      }
    }
    return Status.OK;
  }

  /** Computes the statistics of a backward: only the sum, and which of the two sums it is. */
  static void finish(RowScratch work, long first, long row) {
    Request call = work.call;
    Pair sum = work.rowSum;
    sum.clear();
    for (long i = 0; i < call.shape.chunks(); i++) {
      work.state.load(call.given.of(STATES), first + i);
      sum.add(work.state.sum, work.state.sumLow);
    }
    work.statistics.clear(work.kind(Kind.BACKWARD), work.state.digest);
    work.statistics.sum = sum.value();
    work.statistics.store(call.given.of(STATISTICS), row);
  }
}
