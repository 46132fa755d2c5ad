// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** The backward passes of softmax and log-softmax over the rows of a checked call. */
final class SoftmaxBackwardRows {
  private SoftmaxBackwardRows() {}

  /** Writes dx; statistics NULL: the row's sum is computed here. */
  static int backward(
      Call call,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment statistics,
      MemorySegment gradient,
      boolean logarithms) {
    Statistics known = call.scratch.statistics;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      float sum;
      if (Addresses.isNull(statistics)) {
        sum = (float) sum(call, row, logarithms ? MemorySegment.NULL : output, upstream);
      } else {
        known.load(statistics, row);
        sum = (float) known.sum;
      }
      write(call, row, output, upstream, sum, gradient, logarithms);
    }
    return Status.OK;
  }

  private static double sum(Call call, long row, MemorySegment output, MemorySegment upstream) {
    double sum = 0;
    for (long begin = 0; begin < call.shape.classes; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, call.shape.classes);
      sum += chunkSum(call, row, output, upstream, begin, count);
    }
    return sum;
  }

  /** The sum over a chunk of dy * y, or of dy alone where output is NULL. */
  private static double chunkSum(
      Call call, long row, MemorySegment output, MemorySegment upstream, long begin, int count) {
    Scratch scratch = call.scratch;
    load(call, row, upstream, call.shape.upstream, begin, count, scratch.q);
    if (Addresses.isNull(output)) {
      return scratch.upstreams.of(scratch.q, count);
    }
    load(call, row, output, call.shape.output, begin, count, scratch.x);
    return scratch.upstreams.ofProducts(scratch.x, scratch.q, count);
  }

  private static void write(
      Call call,
      long row,
      MemorySegment output,
      MemorySegment upstream,
      float sum,
      MemorySegment gradient,
      boolean logarithms) {
    Scratch scratch = call.scratch;
    long stride = call.shape.gradient.classes;
    long at = call.shape.offset(call.shape.gradient, row);
    for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, call.classEnd);
      load(call, row, output, call.shape.output, begin, count, scratch.x);
      load(call, row, upstream, call.shape.upstream, begin, count, scratch.q);
      if (logarithms) {
        SoftmaxOutput.logBackward(scratch.x, scratch.q, count, sum, scratch.y, scratch.z);
      } else {
        SoftmaxOutput.backward(scratch.x, scratch.q, count, sum, scratch.y);
      }
      Floats.store(scratch.y, count, gradient, at + begin * stride, stride);
    }
  }

  private static void load(
      Call call,
      long row,
      MemorySegment array,
      Layout layout,
      long begin,
      int count,
      float[] into) {
    long at = call.shape.offset(layout, row) + begin * layout.classes;
    Floats.load(array, at, layout.classes, into, count);
  }

  /** Writes the states of the call's class range; output NULL: log-softmax. */
  static int states(Call call, MemorySegment output, MemorySegment upstream, MemorySegment states) {
    State state = call.scratch.state;
    long chunks = call.shape.chunks();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      for (long begin = call.classBegin; begin < call.classEnd; begin += CHUNK) {
        int count = FirstPass.chunkSize(begin, call.classEnd);
        state.clear(Kind.BACKWARD);
        state.sum = chunkSum(call, row, output, upstream, begin, count);
        state.store(states, (row - call.rowBegin) * chunks + begin / CHUNK);
      }
    }
    return Status.OK;
  }
}
