// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** Softmax, log-softmax and log-sum-exp of the rows of a call whose arguments have been checked. */
final class SoftmaxRows {
  private SoftmaxRows() {}

  /** Softmax or log-softmax; statistics NULL: computed here. */
  static int forward(
      Call call,
      MemorySegment logits,
      MemorySegment statistics,
      MemorySegment output,
      boolean logarithms) {
    RowInput input = call.scratch.input;
    input.begin(call, logits, MemorySegment.NULL);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      input.row(row);
      if (Addresses.isNull(statistics)) {
        FirstPass.row(input, call);
      } else {
        call.scratch.statistics.load(statistics, row);
      }
      write(call, row, output, logarithms);
    }
    return Status.OK;
  }

  private static void write(Call call, long row, MemorySegment output, boolean logarithms) {
    Scratch scratch = call.scratch;
    Statistics statistics = scratch.statistics;
    long stride = call.shape.output.classes;
    long at = call.shape.offset(call.shape.output, row);
    for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, call.classEnd);
      scratch.input.loadLogits(begin, count, statistics.shift, scratch.x);
      if (logarithms) {
        SoftmaxOutput.logarithms(statistics, scratch.x, count, scratch.y);
      } else {
        SoftmaxOutput.probabilities(
            statistics, call.shape.classes, scratch.x, count, scratch.y, scratch.z);
      }
      Floats.store(scratch.y, count, output, at + begin * stride, stride);
    }
  }

  static int logSumExp(Call call, MemorySegment logits, MemorySegment logSumExp) {
    RowInput input = call.scratch.input;
    input.begin(call, logits, MemorySegment.NULL);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      input.row(row);
      FirstPass.row(input, call);
      long at = call.shape.offset(call.shape.logSumExp, row);
      Floats.set(logSumExp, at, call.scratch.statistics.logSumExp());
    }
    return Status.OK;
  }
}
