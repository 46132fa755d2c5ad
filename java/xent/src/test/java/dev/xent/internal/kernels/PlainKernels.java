// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.MemorySegment;

/**
 * Kernels without the arrays that a plain call has not: no masks, weights, ragged rows, sparse
 * targets or sinks.
 *
 * @param all the kernels that are called
 */
public record PlainKernels(Kernels all) {

  public int softmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    return all.softmaxForward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        NULL,
        NULL,
        NULL,
        statistics,
        output,
        report);
  }

  public int logSoftmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    return all.logSoftmaxForward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        NULL,
        NULL,
        NULL,
        statistics,
        output,
        report);
  }

  public int logSumExp(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment logSumExp,
      MemorySegment report) {
    return all.logSumExp(
        shape, options, rowBegin, rowEnd, logits, NULL, NULL, NULL, logSumExp, report);
  }

  public int softmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report) {
    return all.softmaxBackward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        output,
        upstream,
        NULL,
        NULL,
        statistics,
        gradient,
        report);
  }

  public int logSoftmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report) {
    return all.logSoftmaxBackward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        output,
        upstream,
        NULL,
        NULL,
        statistics,
        gradient,
        report);
  }

  public int checkTargets(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment targets,
      MemorySegment report) {
    return all.checkTargets(
        shape, options, rowBegin, rowEnd, targets, NULL, NULL, NULL, NULL, NULL, NULL, report);
  }

  public int crossEntropyForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment report) {
    return all.plainCrossEntropy(
        shape,
        options,
        rowBegin,
        rowEnd,
        logits,
        targets,
        losses,
        logSumExp,
        hits,
        gradient,
        statistics,
        tally,
        report);
  }

  public int crossEntropyBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient,
      MemorySegment report) {
    return all.crossEntropyBackward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        targets,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        statistics,
        upstream,
        gradient,
        report);
  }

  public int forwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment statistics,
      MemorySegment states,
      MemorySegment report) {
    return all.forwardStates(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        targets,
        NULL,
        NULL,
        NULL,
        statistics,
        states,
        report);
  }

  public int backwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment states,
      MemorySegment report) {
    return all.backwardStates(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        output,
        upstream,
        NULL,
        states,
        report);
  }

  public int finish(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment states,
      MemorySegment targets,
      int secondRound,
      MemorySegment statistics,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment tally,
      MemorySegment report) {
    return all.finish(
        shape,
        options,
        rowBegin,
        rowEnd,
        states,
        targets,
        NULL,
        NULL,
        NULL,
        secondRound,
        statistics,
        losses,
        logSumExp,
        hits,
        tally,
        report);
  }

  /** Adds F32 values. */
  public int tallyAdd(MemorySegment tally, MemorySegment values, long stride, long count) {
    return all.tallyAdd(tally, values, XentH.XENT_F32(), stride, count);
  }

  public int tallyMerge(MemorySegment tally, MemorySegment other) {
    return all.tallyMerge(tally, other);
  }

  public double tallySum(MemorySegment tally) {
    return all.tallySum(tally);
  }
}
