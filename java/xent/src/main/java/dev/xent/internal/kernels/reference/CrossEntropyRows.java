// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** Cross-entropy of the rows of a call whose arguments have been checked. */
final class CrossEntropyRows {
  private CrossEntropyRows() {}

  /** Counts the rows that are not ignored; stops at a label out of range. */
  static int check(Call call, MemorySegment targets) {
    if (!call.shape.hasLabels()) { // probability rows of any type
      call.report.counted = call.rowEnd - call.rowBegin;
      return Status.OK;
    }
    RowInput input = call.scratch.input;
    input.begin(call, MemorySegment.NULL, targets);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = input.row(row);
      if (status != Status.OK) {
        return status;
      }
      call.report.counted += input.ignored ? 0 : 1;
    }
    return Status.OK;
  }

  /** Results and, where asked for, the gradient (else NULL). */
  static int forward(
      Call call,
      MemorySegment logits,
      MemorySegment targets,
      RowResults results,
      MemorySegment gradient) {
    RowInput input = call.scratch.input;
    Statistics statistics = call.scratch.statistics;
    input.begin(call, logits, targets);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = input.row(row);
      if (status != Status.OK) {
        return status;
      }
      if (input.ignored) {
        statistics.clear(Kind.LABEL | Kind.IGNORED_ROW);
      } else {
        call.report.counted++;
        FirstPass.row(input, call);
      }
      results.write(call, row);
      if (!Addresses.isNull(gradient)) {
        writeGradient(call, row, call.options.scale(), gradient);
      }
    }
    return Status.OK;
  }

  /** The gradient alone; upstream NULL: 1 for every row. */
  static int backward(
      Call call,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient) {
    RowInput input = call.scratch.input;
    input.begin(call, logits, targets);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = input.row(row);
      if (status != Status.OK) {
        return status;
      }
      if (input.ignored) {
        call.scratch.statistics.clear(Kind.LABEL | Kind.IGNORED_ROW);
      } else {
        call.scratch.statistics.load(statistics, row);
      }
      double scale = call.options.scale();
      if (!Addresses.isNull(upstream)) {
        scale *= (double) Floats.get(upstream, call.shape.offset(call.shape.upstream, row));
      }
      writeGradient(call, row, scale, gradient);
    }
    return Status.OK;
  }

  private static void writeGradient(Call call, long row, double scale, MemorySegment to) {
    Scratch scratch = call.scratch;
    RowInput input = scratch.input;
    Gradient gradient = scratch.gradient;
    gradient.begin(scratch.statistics, input.kind, scale, scratch.smoothing);
    long stride = call.shape.gradient.classes;
    long at = call.shape.offset(call.shape.gradient, row);
    for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, call.classEnd);
      if (gradient.isConstant()) {
        gradient.fill(scratch.y, count);
      } else {
        input.loadLogits(begin, count, scratch.statistics.shift, scratch.x);
        if (input.kind == Kind.LABEL) {
          gradient.ofLabel(scratch.x, count, input.label - begin, scratch.y, scratch.z);
        } else {
          input.loadProbabilities(begin, count, scratch.q);
          gradient.ofProbabilities(
              scratch.x, scratch.q, count, scratch.smoothing, scratch.y, scratch.z);
        }
      }
      Floats.store(scratch.y, count, to, at + begin * stride, stride);
    }
  }
}
