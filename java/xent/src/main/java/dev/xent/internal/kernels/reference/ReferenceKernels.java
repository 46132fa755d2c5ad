// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The C API in plain Java: the same statuses, reports and bits.
 *
 * <p>The fallback where there is no native library, and the second opinion everywhere else. Scalar
 * arithmetic with {@link Math#fma}; nothing is allocated per call, as every thread keeps its {@link
 * Call}. A row is worked on in chunks of at most {@link Constants#CHUNK} classes, each read before
 * it is written, so an output may be its input.
 */
public final class ReferenceKernels implements Kernels {
  private final ThreadLocal<Call> calls = ThreadLocal.withInitial(Call::new);

  /** Makes the kernels; they need no library. */
  public ReferenceKernels() {}

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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    status = ArgumentRules.withoutArray(call, status, sink, XentH.XENT_FIELD_SINK());
    if (status == Status.OK) {
      status = ArgumentRules.softmaxForward(call, logits, statistics, output);
    }
    if (status == Status.OK) {
      status = SoftmaxRows.forward(call, logits, statistics, output, false);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    status = ArgumentRules.withoutArray(call, status, sink, XentH.XENT_FIELD_SINK());
    if (status == Status.OK) {
      status = ArgumentRules.softmaxForward(call, logits, statistics, output);
    }
    if (status == Status.OK) {
      status = SoftmaxRows.forward(call, logits, statistics, output, true);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    status = ArgumentRules.withoutArray(call, status, sink, XentH.XENT_FIELD_SINK());
    if (status == Status.OK) {
      status = ArgumentRules.logSumExp(call, logits, logSumExp);
    }
    if (status == Status.OK) {
      status = SoftmaxRows.logSumExp(call, logits, logSumExp);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    if (status == Status.OK) {
      status = ArgumentRules.softmaxBackward(call, output, upstream, statistics, gradient);
    }
    if (status == Status.OK) {
      status = SoftmaxBackwardRows.backward(call, output, upstream, statistics, gradient, false);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    if (status == Status.OK) {
      status = ArgumentRules.softmaxBackward(call, output, upstream, statistics, gradient);
    }
    if (status == Status.OK) {
      status = SoftmaxBackwardRows.backward(call, output, upstream, statistics, gradient, true);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    status =
        ArgumentRules.withoutArray(call, status, targetWeights, XentH.XENT_FIELD_TARGET_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    status =
        ArgumentRules.withoutArray(call, status, classWeights, XentH.XENT_FIELD_CLASS_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, rowWeights, XentH.XENT_FIELD_ROW_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, weights, XentH.XENT_FIELD_TALLY());
    if (status == Status.OK) {
      status = ArgumentRules.checkTargets(call, targets, report);
    }
    if (status == Status.OK) {
      status = CrossEntropyRows.check(call, targets);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    RowResults results = call.scratch.results;
    results.set(losses, logSumExp, hits, statistics, tally);
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    if (status == Status.OK) {
      status = ArgumentRules.crossEntropyForward(call, logits, targets, results, gradient);
    }
    if (status == Status.OK) {
      status = CrossEntropyRows.forward(call, logits, targets, results, gradient);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    RowResults results = call.scratch.results;
    results.set(losses, logSumExp, hits, statistics, tally);
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    status =
        ArgumentRules.withoutArray(call, status, targetWeights, XentH.XENT_FIELD_TARGET_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    status =
        ArgumentRules.withoutArray(call, status, classWeights, XentH.XENT_FIELD_CLASS_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, rowWeights, XentH.XENT_FIELD_ROW_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, sink, XentH.XENT_FIELD_SINK());
    status =
        ArgumentRules.withoutArray(
            call, status, logProbabilities, XentH.XENT_FIELD_LOG_PROBABILITIES());
    status = ArgumentRules.withoutArray(call, status, argmax, XentH.XENT_FIELD_ARGMAX());
    status = ArgumentRules.withoutArray(call, status, ranks, XentH.XENT_FIELD_RANKS());
    status = ArgumentRules.withoutArray(call, status, entropies, XentH.XENT_FIELD_ENTROPIES());
    status = ArgumentRules.withoutArray(call, status, topClasses, XentH.XENT_FIELD_TOP_CLASSES());
    status =
        ArgumentRules.withoutArray(
            call, status, topLogProbabilities, XentH.XENT_FIELD_TOP_LOG_PROBABILITIES());
    status =
        ArgumentRules.withoutArray(
            call, status, targetGradient, XentH.XENT_FIELD_TARGET_GRADIENT());
    if (status == Status.OK) {
      status = ArgumentRules.crossEntropyForward(call, logits, targets, results, gradient);
    }
    if (status == Status.OK) {
      status = CrossEntropyRows.forward(call, logits, targets, results, gradient);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    status =
        ArgumentRules.withoutArray(call, status, targetWeights, XentH.XENT_FIELD_TARGET_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, rowOffsets, XentH.XENT_FIELD_ROW_OFFSETS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    status =
        ArgumentRules.withoutArray(call, status, classWeights, XentH.XENT_FIELD_CLASS_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, rowWeights, XentH.XENT_FIELD_ROW_WEIGHTS());
    if (status == Status.OK) {
      status =
          ArgumentRules.crossEntropyBackward(call, logits, targets, statistics, upstream, gradient);
    }
    if (status == Status.OK) {
      status = CrossEntropyRows.backward(call, logits, targets, statistics, upstream, gradient);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    if (status == Status.OK) {
      status = call.report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_TEACHER(), 0);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    status =
        ArgumentRules.withoutArray(call, status, targetWeights, XentH.XENT_FIELD_TARGET_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, classMask, XentH.XENT_FIELD_CLASS_MASK());
    status =
        ArgumentRules.withoutArray(call, status, classWeights, XentH.XENT_FIELD_CLASS_WEIGHTS());
    if (status == Status.OK) {
      status = ArgumentRules.forwardStates(call, logits, targets, statistics, states);
    }
    if (status == Status.OK) {
      status = PartialRows.states(call, logits, targets, statistics, states);
    }
    return call.end(status, report);
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
      MemorySegment states,
      MemorySegment report) {
    Call call = calls.get();
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    if (status == Status.OK) {
      status = ArgumentRules.backwardStates(call, output, upstream, states);
    }
    if (status == Status.OK) {
      status = SoftmaxBackwardRows.states(call, output, upstream, states);
    }
    return call.end(status, report);
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
    Call call = calls.get();
    RowResults results = call.scratch.results;
    results.set(losses, logSumExp, hits, statistics, tally);
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    status =
        ArgumentRules.withoutArray(call, status, classWeights, XentH.XENT_FIELD_CLASS_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, rowWeights, XentH.XENT_FIELD_ROW_WEIGHTS());
    status = ArgumentRules.withoutArray(call, status, sink, XentH.XENT_FIELD_SINK());
    if (status == Status.OK) {
      status = ArgumentRules.finish(call, states, targets, results, report);
    }
    if (status == Status.OK) {
      status = PartialRows.finish(call, states, targets, secondRound != 0, statistics, results);
    }
    return call.end(status, report);
  }

  @Override
  public int tallyAdd(
      MemorySegment tally, MemorySegment values, int type, long stride, long count) {
    if (!Tally.isUsable(tally)) {
      return Status.INVALID_ARGUMENT;
    }
    boolean floats = type == XentH.XENT_F32();
    if (!floats && type != XentH.XENT_F64()) {
      return Status.UNSUPPORTED;
    }
    int size = ElementType.byteSize(type);
    if (count < 0
        || stride < 0
        || (count > 0 && (Addresses.isNull(values) || !Addresses.isAligned(values, size)))) {
      return Status.INVALID_ARGUMENT;
    }
    for (long i = 0; i < count; i++) {
      if (floats) {
        Tally.add(tally, Floats.get(values, i * stride));
      } else {
        Tally.add(tally, values.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, i * stride * Double.BYTES));
      }
    }
    return Status.OK;
  }

  @Override
  public int tallyMerge(MemorySegment tally, MemorySegment other) {
    if (!Tally.isUsable(tally) || !Tally.isUsable(other)) {
      return Status.INVALID_ARGUMENT;
    }
    Tally.merge(tally, other);
    return Status.OK;
  }

  @Override
  public double tallySum(MemorySegment tally) {
    return Tally.isUsable(tally) ? Tally.sum(tally, calls.get().scratch.exactSum) : Double.NaN;
  }
}
