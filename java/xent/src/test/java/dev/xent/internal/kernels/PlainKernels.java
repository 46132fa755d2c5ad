// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Kernels without the arrays that a plain call has not: no masks, weights, ragged rows, sparse
 * targets or sinks.
 *
 * @param all the kernels that are called
 */
public record PlainKernels(Kernels all) {

  public int softmaxForward(
      CallShape shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    return all.run(
        KernelRun.onClasses(
                Function.SOFTMAX, shape, options, rowBegin, rowEnd, classBegin, classEnd, report)
            .set(Array.LOGITS, logits)
            .set(Array.OUTPUT, output)
            .set(Array.STATISTICS, statistics));
  }

  public int logSoftmaxForward(
      CallShape shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    return all.run(
        KernelRun.onClasses(
                Function.LOG_SOFTMAX,
                shape,
                options,
                rowBegin,
                rowEnd,
                classBegin,
                classEnd,
                report)
            .set(Array.LOGITS, logits)
            .set(Array.OUTPUT, output)
            .set(Array.STATISTICS, statistics));
  }

  public int logSumExp(
      CallShape shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment logSumExp,
      MemorySegment report) {
    return all.run(
        KernelRun.onRows(Function.LOG_SUM_EXP, shape, options, rowBegin, rowEnd, report)
            .set(Array.LOGITS, logits)
            .set(Array.LOG_SUM_EXP, logSumExp));
  }

  public int softmaxBackward(
      CallShape shape,
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
    return all.run(
        KernelRun.onClasses(
                Function.SOFTMAX_BACKWARD,
                shape,
                options,
                rowBegin,
                rowEnd,
                classBegin,
                classEnd,
                report)
            .set(Array.OUTPUT, output)
            .set(Array.UPSTREAM, upstream)
            .set(Array.GRADIENT, gradient)
            .set(Array.STATISTICS, statistics));
  }

  public int logSoftmaxBackward(
      CallShape shape,
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
    return all.run(
        KernelRun.onClasses(
                Function.LOG_SOFTMAX_BACKWARD,
                shape,
                options,
                rowBegin,
                rowEnd,
                classBegin,
                classEnd,
                report)
            .set(Array.OUTPUT, output)
            .set(Array.UPSTREAM, upstream)
            .set(Array.GRADIENT, gradient)
            .set(Array.STATISTICS, statistics));
  }

  public int checkTargets(
      CallShape shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment targets,
      MemorySegment report) {
    return all.run(
        KernelRun.onRows(Function.CHECK_TARGETS, shape, options, rowBegin, rowEnd, report)
            .set(Array.TARGETS, targets));
  }

  public int crossEntropyForward(
      CallShape shape,
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
      MemorySegment exactSum,
      MemorySegment report) {
    return all.run(
        KernelRun.onRows(Function.CROSS_ENTROPY, shape, options, rowBegin, rowEnd, report)
            .set(Array.LOGITS, logits)
            .set(Array.TARGETS, targets)
            .set(Array.LOSSES, losses)
            .set(Array.LOG_SUM_EXP, logSumExp)
            .set(Array.CORRECT, hits)
            .set(Array.GRADIENT, gradient)
            .set(Array.STATISTICS, statistics)
            .set(Array.EXACT_SUM, exactSum));
  }

  public int crossEntropyBackward(
      CallShape shape,
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
    return all.run(
        KernelRun.onClasses(
                Function.CROSS_ENTROPY_BACKWARD,
                shape,
                options,
                rowBegin,
                rowEnd,
                classBegin,
                classEnd,
                report)
            .set(Array.LOGITS, logits)
            .set(Array.TARGETS, targets)
            .set(Array.UPSTREAM, upstream)
            .set(Array.GRADIENT, gradient)
            .set(Array.STATISTICS, statistics));
  }

  public int forwardStates(
      CallShape shape,
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
    return all.run(
        KernelRun.onClasses(
                Function.FORWARD_STATES,
                shape,
                options,
                rowBegin,
                rowEnd,
                classBegin,
                classEnd,
                report)
            .set(Array.LOGITS, logits)
            .set(Array.TARGETS, targets)
            .set(Array.STATISTICS, statistics)
            .set(Array.STATES, states));
  }

  public int backwardStates(
      CallShape shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment states,
      MemorySegment report) {
    return all.run(
        KernelRun.onClasses(
                Function.BACKWARD_STATES,
                shape,
                options,
                rowBegin,
                rowEnd,
                classBegin,
                classEnd,
                report)
            .set(Array.OUTPUT, output)
            .set(Array.UPSTREAM, upstream)
            .set(Array.STATES, states));
  }

  public int finish(
      CallShape shape,
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
      MemorySegment exactSum,
      MemorySegment report) {
    return all.run(
        KernelRun.onRows(Function.FINISH, shape, options, rowBegin, rowEnd, report)
            .set(Array.TARGETS, targets)
            .set(Array.LOSSES, losses)
            .set(Array.LOG_SUM_EXP, logSumExp)
            .set(Array.CORRECT, hits)
            .set(Array.STATES, states)
            .set(Array.STATISTICS, statistics)
            .set(Array.EXACT_SUM, exactSum)
            .choice(secondRound));
  }

  /** Adds F32 values. */
  public int exactSumAdd(MemorySegment exactSum, MemorySegment values, long stride, long count) {
    return all.exactSumAdd(exactSum, values, ElementType.F32, stride, count);
  }

  public int exactSumMerge(MemorySegment exactSum, MemorySegment other) {
    return all.exactSumMerge(exactSum, other);
  }

  public double exactSumValue(MemorySegment exactSum) {
    return all.exactSumValue(exactSum);
  }
}
