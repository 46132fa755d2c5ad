// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * The first pass over a row of a Java array that is too long for one kernel call: states of one
 * class range after another, then the statistics that the second pass works with.
 */
final class LongRow {
  private LongRow() {}

  /** The end of the class range that begins at {@code from}. */
  static long end(long from, Call call) {
    return Math.min(from + Call.HEAP_ELEMENTS, call.classes);
  }

  /** For forward operations; fills what the call has of losses, log-sum-exp and hits. */
  static void forward(
      Kernels kernels, Call call, long row, MemorySegment statistics, MemorySegment tally) {
    forwardStates(kernels, call, row, NULL);
    finishForward(kernels, call, row, 0, statistics, tally);
    if (xent_report.again(call.report) > 0) {
      forwardStates(kernels, call, row, statistics);
      finishForward(kernels, call, row, 1, statistics, tally);
    }
  }

  private static void forwardStates(
      Kernels kernels, Call call, long row, MemorySegment statistics) {
    for (long from = 0; from < call.classes; from += Call.HEAP_ELEMENTS) {
      Failures.check(
          kernels.forwardStates(
              call.shape,
              call.options,
              row,
              row + 1,
              from,
              end(from, call),
              call.logits.segment(),
              call.targets.segment(),
              statistics,
              call.states(),
              call.report),
          call);
    }
  }

  private static void finishForward(
      Kernels kernels,
      Call call,
      long row,
      int secondRound,
      MemorySegment statistics,
      MemorySegment tally) {
    Failures.check(
        kernels.finish(
            call.shape,
            call.options,
            row,
            row + 1,
            call.states(),
            call.targets.segment(),
            secondRound,
            statistics,
            call.losses.segment(),
            call.logSumExp.segment(),
            call.hits.segment(),
            tally,
            call.report),
        call);
  }

  /** For the backward of softmax or log-softmax. */
  static void backward(
      Kernels kernels, Call call, long row, boolean log, MemorySegment statistics) {
    for (long from = 0; from < call.classes; from += Call.HEAP_ELEMENTS) {
      Failures.check(
          kernels.backwardStates(
              call.shape,
              call.options,
              row,
              row + 1,
              from,
              end(from, call),
              log ? NULL : call.output.segment(),
              call.upstream.segment(),
              call.states(),
              call.report),
          call);
    }
    Failures.check(
        kernels.finish(
            call.shape,
            call.options,
            row,
            row + 1,
            call.states(),
            NULL,
            0,
            statistics,
            NULL,
            NULL,
            NULL,
            NULL,
            call.report),
        call);
  }
}
