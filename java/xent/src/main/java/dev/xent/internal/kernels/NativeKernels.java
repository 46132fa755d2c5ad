// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_shape;
import java.lang.foreign.MemorySegment;

/**
 * The native library's kernels. To be made after the library has been loaded by this class's
 * loader.
 *
 * <p>Short work and heap arrays go through {@link CriticalCalls}; the caller keeps calls with heap
 * arrays short.
 */
public final class NativeKernels implements Kernels {
  /**
   * Up to this {@link Effort} a call is critical: the transition to the native state and back takes
   * as long as a dozen elements, and a collector that has to wait waits about a microsecond.
   */
  static final long BRIEF = 2048;

  /**
   * Resolves every function of the library.
   *
   * @throws ExceptionInInitializerError when the library lacks one
   */
  public NativeKernels() {
    CriticalCalls.resolve();
  }

  private static boolean isBrief(long rows, long classes) {
    return Effort.of(rows, classes) <= BRIEF;
  }

  private static boolean isBrief(MemorySegment shape, long rowBegin, long rowEnd) {
    return isBrief(rowEnd - rowBegin, xent_shape.classes(shape));
  }

  private static boolean isBrief(long rowBegin, long rowEnd, long classBegin, long classEnd) {
    return isBrief(rowEnd - rowBegin, classEnd - classBegin);
  }

  private static boolean onHeap(MemorySegment a) {
    return !a.isNative();
  }

  private static boolean onHeap(MemorySegment a, MemorySegment b) {
    return onHeap(a) || onHeap(b);
  }

  private static boolean onHeap(MemorySegment a, MemorySegment b, MemorySegment c) {
    return onHeap(a, b) || onHeap(c);
  }

  @Override
  public int softmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    if (isBrief(rowBegin, rowEnd, classBegin, classEnd)
        || onHeap(logits, output)
        || onHeap(rowOffsets, classMask, sink)) {
      return CriticalCalls.softmaxForward(
          shape,
          options,
          rowBegin,
          rowEnd,
          classBegin,
          classEnd,
          logits,
          rowOffsets,
          classMask,
          sink,
          statistics,
          output,
          report);
    }
    return XentH.xent_softmax_forward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        rowOffsets,
        classMask,
        sink,
        statistics,
        output,
        report);
  }

  @Override
  public int logSoftmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report) {
    if (isBrief(rowBegin, rowEnd, classBegin, classEnd)
        || onHeap(logits, output)
        || onHeap(rowOffsets, classMask, sink)) {
      return CriticalCalls.logSoftmaxForward(
          shape,
          options,
          rowBegin,
          rowEnd,
          classBegin,
          classEnd,
          logits,
          rowOffsets,
          classMask,
          sink,
          statistics,
          output,
          report);
    }
    return XentH.xent_log_softmax_forward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        rowOffsets,
        classMask,
        sink,
        statistics,
        output,
        report);
  }

  @Override
  public int logSumExp(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment logSumExp,
      MemorySegment report) {
    if (isBrief(shape, rowBegin, rowEnd)
        || onHeap(logits, logSumExp)
        || onHeap(rowOffsets, classMask, sink)) {
      return CriticalCalls.logSumExp(
          shape, options, rowBegin, rowEnd, logits, rowOffsets, classMask, sink, logSumExp, report);
    }
    return XentH.xent_log_sum_exp(
        shape, options, rowBegin, rowEnd, logits, rowOffsets, classMask, sink, logSumExp, report);
  }

  @Override
  public int softmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report) {
    if (isBrief(rowBegin, rowEnd, classBegin, classEnd)
        || onHeap(output, upstream, gradient)
        || onHeap(rowOffsets, classMask)) {
      return CriticalCalls.softmaxBackward(
          shape,
          options,
          rowBegin,
          rowEnd,
          classBegin,
          classEnd,
          output,
          upstream,
          rowOffsets,
          classMask,
          statistics,
          gradient,
          report);
    }
    return XentH.xent_softmax_backward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        output,
        upstream,
        rowOffsets,
        classMask,
        statistics,
        gradient,
        report);
  }

  @Override
  public int logSoftmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report) {
    if (isBrief(rowBegin, rowEnd, classBegin, classEnd)
        || onHeap(output, upstream, gradient)
        || onHeap(rowOffsets, classMask)) {
      return CriticalCalls.logSoftmaxBackward(
          shape,
          options,
          rowBegin,
          rowEnd,
          classBegin,
          classEnd,
          output,
          upstream,
          rowOffsets,
          classMask,
          statistics,
          gradient,
          report);
    }
    return XentH.xent_log_softmax_backward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        output,
        upstream,
        rowOffsets,
        classMask,
        statistics,
        gradient,
        report);
  }

  @Override
  public int checkTargets(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment weights,
      MemorySegment report) {
    long weighted = classWeights.equals(MemorySegment.NULL) ? 0 : xent_shape.classes(shape);
    if (Effort.ofTargets(rowEnd - rowBegin, xent_shape.target_count(shape), weighted) <= BRIEF
        || onHeap(targets, targetWeights, rowOffsets)
        || onHeap(classMask, classWeights, rowWeights)) {
      return CriticalCalls.checkTargets(
          shape,
          options,
          rowBegin,
          rowEnd,
          targets,
          targetWeights,
          rowOffsets,
          classMask,
          classWeights,
          rowWeights,
          weights,
          report);
    }
    return XentH.xent_check_targets(
        shape,
        options,
        rowBegin,
        rowEnd,
        targets,
        targetWeights,
        rowOffsets,
        classMask,
        classWeights,
        rowWeights,
        weights,
        report);
  }

  @Override
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
    if (isBrief(shape, rowBegin, rowEnd)
        || onHeap(logits, targets, losses)
        || onHeap(logSumExp, hits, gradient)) {
      return CriticalCalls.crossEntropyForward(
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
    return XentH.xent_cross_entropy_forward(
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

  @Override
  public int crossEntropyFull(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment sink,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment logProbabilities,
      MemorySegment argmax,
      MemorySegment ranks,
      MemorySegment entropies,
      MemorySegment topClasses,
      MemorySegment topLogProbabilities,
      MemorySegment gradient,
      MemorySegment targetGradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment report) {
    if (isBrief(shape, rowBegin, rowEnd)
        || onHeap(logits, targets, targetWeights)
        || onHeap(rowOffsets, classMask, classWeights)
        || onHeap(rowWeights, sink, losses)
        || onHeap(logSumExp, hits, logProbabilities)
        || onHeap(argmax, ranks, entropies)
        || onHeap(topClasses, topLogProbabilities)
        || onHeap(gradient, targetGradient)) {
      return CriticalCalls.crossEntropyFull(
          shape,
          options,
          rowBegin,
          rowEnd,
          logits,
          targets,
          targetWeights,
          rowOffsets,
          classMask,
          classWeights,
          rowWeights,
          sink,
          losses,
          logSumExp,
          hits,
          logProbabilities,
          argmax,
          ranks,
          entropies,
          topClasses,
          topLogProbabilities,
          gradient,
          targetGradient,
          statistics,
          tally,
          report);
    }
    return XentH.xent_cross_entropy_full(
        shape,
        options,
        rowBegin,
        rowEnd,
        logits,
        targets,
        targetWeights,
        rowOffsets,
        classMask,
        classWeights,
        rowWeights,
        sink,
        losses,
        logSumExp,
        hits,
        logProbabilities,
        argmax,
        ranks,
        entropies,
        topClasses,
        topLogProbabilities,
        gradient,
        targetGradient,
        statistics,
        tally,
        report);
  }

  @Override
  public int crossEntropyBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient,
      MemorySegment report) {
    if (isBrief(rowBegin, rowEnd, classBegin, classEnd)
        || onHeap(logits, targets, targetWeights)
        || onHeap(rowOffsets, classMask, classWeights)
        || onHeap(rowWeights, upstream, gradient)) {
      return CriticalCalls.crossEntropyBackward(
          shape,
          options,
          rowBegin,
          rowEnd,
          classBegin,
          classEnd,
          logits,
          targets,
          targetWeights,
          rowOffsets,
          classMask,
          classWeights,
          rowWeights,
          statistics,
          upstream,
          gradient,
          report);
    }
    return XentH.xent_cross_entropy_backward(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        targets,
        targetWeights,
        rowOffsets,
        classMask,
        classWeights,
        rowWeights,
        statistics,
        upstream,
        gradient,
        report);
  }

  @Override
  public int klDivergence(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment teacher,
      MemorySegment classMask,
      MemorySegment rowWeights,
      MemorySegment losses,
      MemorySegment gradient,
      MemorySegment tally,
      MemorySegment report) {
    if (isBrief(shape, rowBegin, rowEnd)
        || onHeap(logits, teacher, classMask)
        || onHeap(rowWeights, losses, gradient)) {
      return CriticalCalls.klDivergence(
          shape,
          options,
          rowBegin,
          rowEnd,
          logits,
          teacher,
          classMask,
          rowWeights,
          losses,
          gradient,
          tally,
          report);
    }
    return XentH.xent_kl_divergence(
        shape,
        options,
        rowBegin,
        rowEnd,
        logits,
        teacher,
        classMask,
        rowWeights,
        losses,
        gradient,
        tally,
        report);
  }

  @Override
  public int forwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment statistics,
      MemorySegment states,
      MemorySegment report) {
    if (isBrief(rowBegin, rowEnd, classBegin, classEnd)
        || onHeap(logits, targets, targetWeights)
        || onHeap(classMask, classWeights)) {
      return CriticalCalls.forwardStates(
          shape,
          options,
          rowBegin,
          rowEnd,
          classBegin,
          classEnd,
          logits,
          targets,
          targetWeights,
          classMask,
          classWeights,
          statistics,
          states,
          report);
    }
    return XentH.xent_forward_states(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        logits,
        targets,
        targetWeights,
        classMask,
        classWeights,
        statistics,
        states,
        report);
  }

  @Override
  public int backwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment classMask,
      MemorySegment states,
      MemorySegment report) {
    if (isBrief(rowBegin, rowEnd, classBegin, classEnd) || onHeap(output, upstream, classMask)) {
      return CriticalCalls.backwardStates(
          shape,
          options,
          rowBegin,
          rowEnd,
          classBegin,
          classEnd,
          output,
          upstream,
          classMask,
          states,
          report);
    }
    return XentH.xent_backward_states(
        shape,
        options,
        rowBegin,
        rowEnd,
        classBegin,
        classEnd,
        output,
        upstream,
        classMask,
        states,
        report);
  }

  @Override
  public int finish(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment states,
      MemorySegment targets,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment sink,
      int secondRound,
      MemorySegment statistics,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment tally,
      MemorySegment report) {
    if (isBrief(rowEnd - rowBegin, 0)
        || onHeap(targets, classWeights, rowWeights)
        || onHeap(sink, losses, logSumExp)
        || onHeap(hits)) {
      return CriticalCalls.finish(
          shape,
          options,
          rowBegin,
          rowEnd,
          states,
          targets,
          classWeights,
          rowWeights,
          sink,
          secondRound,
          statistics,
          losses,
          logSumExp,
          hits,
          tally,
          report);
    }
    return XentH.xent_finish(
        shape,
        options,
        rowBegin,
        rowEnd,
        states,
        targets,
        classWeights,
        rowWeights,
        sink,
        secondRound,
        statistics,
        losses,
        logSumExp,
        hits,
        tally,
        report);
  }

  @Override
  public int tallyAdd(
      MemorySegment tally, MemorySegment values, int type, long stride, long count) {
    if (count <= BRIEF || onHeap(values)) {
      return CriticalCalls.tallyAdd(tally, values, type, stride, count);
    }
    return XentH.xent_tally_add(tally, values, type, stride, count);
  }

  @Override
  public int tallyMerge(MemorySegment tally, MemorySegment other) {
    return XentH.xent_tally_merge(tally, other);
  }

  @Override
  public double tallySum(MemorySegment tally) {
    return XentH.xent_tally_sum(tally);
  }
}
