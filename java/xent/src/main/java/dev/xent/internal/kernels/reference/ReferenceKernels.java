// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.Workspaces;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.call.CallArrays;
import dev.xent.internal.kernels.reference.results.Tally;
import dev.xent.internal.kernels.reference.rows.PartialRows;
import dev.xent.internal.kernels.reference.rows.SoftmaxBackwardRows;
import dev.xent.internal.kernels.reference.rows.SoftmaxRows;
import java.lang.foreign.MemorySegment;
import java.util.function.ToIntFunction;

/**
 * The C API in plain Java: the same statuses, reports and bits.
 *
 * <p>The fallback where there is no native library, and the second opinion everywhere else. Scalar
 * arithmetic; nothing is allocated per call, as a {@link Call} is used again. A row is worked on in
 * chunks of at most 8192 classes, each read before it is written, so an output may be its input.
 */
public final class ReferenceKernels implements Kernels {
  private final Workspaces<Call> calls =
      new Workspaces<>(() -> new Call(false), () -> new Call(true));

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
    Call call = call(logits, rowOffsets, classMask, sink, statistics, output);
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    return run(
        call,
        status,
        ArgumentRules::softmaxForward,
        c -> SoftmaxRows.forward(c.work(), false),
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
    Call call = call(logits, rowOffsets, classMask, sink, statistics, output);
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    return run(
        call,
        status,
        ArgumentRules::softmaxForward,
        c -> SoftmaxRows.forward(c.work(), true),
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
    Call call = call(logits, rowOffsets, classMask, sink, MemorySegment.NULL, MemorySegment.NULL);
    call.given.logSumExp = logSumExp;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    return run(
        call, status, ArgumentRules::logSumExp, c -> SoftmaxRows.logSumExp(c.work()), report);
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
    Call call = backward(output, upstream, rowOffsets, classMask, statistics, gradient);
    int status = call.beginBackward(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    return run(
        call,
        status,
        c -> ArgumentRules.softmaxBackward(c, false),
        c -> SoftmaxBackwardRows.backward(c.work(), false),
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
    Call call = backward(output, upstream, rowOffsets, classMask, statistics, gradient);
    int status = call.beginBackward(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    return run(
        call,
        status,
        c -> ArgumentRules.softmaxBackward(c, true),
        c -> SoftmaxBackwardRows.backward(c.work(), true),
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
    Call call = call();
    CallArrays given = call.given;
    given.targets = targets;
    given.targetWeights = targetWeights;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.classWeights = classWeights;
    given.rowWeights = rowWeights;
    given.tally = weights;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    if (status == Status.OK) {
      status = ArgumentRules.checkTargets(call, report);
    }
    if (status == Status.OK) {
      status = TargetChecks.check(call);
    }
    return end(call, status, report);
  }

  @Override
  public int plainCrossEntropy(
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
    return crossEntropy(
        shape,
        options,
        rowBegin,
        rowEnd,
        logits,
        targets,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        losses,
        logSumExp,
        hits,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        gradient,
        MemorySegment.NULL,
        statistics,
        tally,
        report);
  }

  @Override
  public int crossEntropy(
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
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.targets = targets;
    given.targetWeights = targetWeights;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.classWeights = classWeights;
    given.rowWeights = rowWeights;
    given.sink = sink;
    given.losses = losses;
    given.logSumExp = logSumExp;
    given.hits = hits;
    given.logProbabilities = logProbabilities;
    given.argmax = argmax;
    given.ranks = ranks;
    given.entropies = entropies;
    given.topClasses = topClasses;
    given.topLogProbabilities = topLogProbabilities;
    given.gradient = gradient;
    given.targetGradient = targetGradient;
    given.statistics = statistics;
    given.tally = tally;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    return run(call, status, ArgumentRules::crossEntropy, c -> c.rows().forward(), report);
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
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.targets = targets;
    given.targetWeights = targetWeights;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.classWeights = classWeights;
    given.rowWeights = rowWeights;
    given.statistics = statistics;
    given.upstream = upstream;
    given.gradient = gradient;
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    return run(call, status, ArgumentRules::crossEntropyBackward, c -> c.rows().backward(), report);
  }

  @Override
  public int selectedLogProbabilities(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment upstream,
      MemorySegment logProbabilities,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.targets = targets;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.sink = sink;
    given.upstream = upstream;
    given.logProbabilities = logProbabilities;
    given.gradient = gradient;
    given.statistics = statistics;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    return run(call, status, ArgumentRules::selected, c -> c.selected().forward(), report);
  }

  @Override
  public int selectedLogProbabilitiesBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.targets = targets;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.statistics = statistics;
    given.upstream = upstream;
    given.gradient = gradient;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    return run(call, status, ArgumentRules::selectedBackward, c -> c.selected().backward(), report);
  }

  @Override
  public int divergence(
      int kind,
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
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.teacher = teacher;
    given.classMask = classMask;
    given.rowWeights = rowWeights;
    given.losses = losses;
    given.gradient = gradient;
    given.tally = tally;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    if (status == Status.OK) {
      status = ArgumentRules.divergence(call);
    }
    if (status == Status.OK) {
      status = call.divergence().forward(kind);
    }
    return end(call, status, report);
  }

  @Override
  public int crossEntropyHvp(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment rowWeights,
      MemorySegment sink,
      MemorySegment output,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.upstream = upstream;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.rowWeights = rowWeights;
    given.sink = sink;
    given.output = output;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    return run(
        call,
        status,
        ArgumentRules::crossEntropyHvp,
        c -> SoftmaxBackwardRows.ofForward(c.work()),
        report);
  }

  @Override
  public int binaryCrossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment elementWeights,
      MemorySegment positiveWeights,
      MemorySegment losses,
      MemorySegment gradient,
      MemorySegment tally,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.targets = targets;
    given.elementWeights = elementWeights;
    given.positiveWeights = positiveWeights;
    given.losses = losses;
    given.gradient = gradient;
    given.tally = tally;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    return run(call, status, ArgumentRules::binaryCrossEntropy, c -> c.binary().forward(), report);
  }

  @Override
  public int sample(
      MemorySegment shape,
      MemorySegment options,
      MemorySegment sampling,
      int perRow,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment classMask,
      MemorySegment bias,
      MemorySegment promptTokens,
      MemorySegment outputTokens,
      MemorySegment tokens,
      MemorySegment processedLogProbabilities,
      MemorySegment kept,
      MemorySegment keptMask,
      MemorySegment logProbabilities,
      MemorySegment ranks,
      MemorySegment entropies,
      MemorySegment topClasses,
      MemorySegment topLogProbabilities,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment gathered,
      long shards,
      MemorySegment states,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.sampling = sampling;
    given.logits = logits;
    given.classMask = classMask;
    given.bias = bias;
    given.promptTokens = promptTokens;
    given.outputTokens = outputTokens;
    given.tokens = tokens;
    given.processedLogProbabilities = processedLogProbabilities;
    given.kept = kept;
    given.keptMask = keptMask;
    given.logProbabilities = logProbabilities;
    given.ranks = ranks;
    given.entropies = entropies;
    given.topClasses = topClasses;
    given.topLogProbabilities = topLogProbabilities;
    given.workspace = workspace;
    given.gathered = gathered;
    given.sampleStates = states;
    call.shards = shards;
    call.anySplit = true;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    if (status == Status.OK) {
      status = SamplingRules.check(call, perRow, workspaceSize, report);
    }
    if (status == Status.OK) {
      status = call.samples().sample();
    }
    return end(call, status, report);
  }

  @Override
  public long sampleWorkspace(long classes, long tokens) {
    return SamplingRules.workspace(classes, tokens);
  }

  @Override
  public int linearCrossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
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
      MemorySegment targetGradient,
      MemorySegment hiddenGradient,
      MemorySegment weightsGradient,
      MemorySegment biasGradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.hidden = hidden;
    given.weights = weights;
    given.bias = bias;
    given.logits = logits;
    given.targets = targets;
    given.targetWeights = targetWeights;
    given.classMask = classMask;
    given.classWeights = classWeights;
    given.rowWeights = rowWeights;
    given.sink = sink;
    given.losses = losses;
    given.logSumExp = logSumExp;
    given.hits = hits;
    given.logProbabilities = logProbabilities;
    given.argmax = argmax;
    given.ranks = ranks;
    given.entropies = entropies;
    given.topClasses = topClasses;
    given.topLogProbabilities = topLogProbabilities;
    given.targetGradient = targetGradient;
    given.hiddenGradient = hiddenGradient;
    given.weightsGradient = weightsGradient;
    given.biasGradient = biasGradient;
    given.statistics = statistics;
    given.tally = tally;
    given.workspace = workspace;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    if (status == Status.OK) {
      status = LinearRules.forward(call, workspaceSize);
    }
    if (status == Status.OK) {
      status = call.linear().forward();
    }
    return end(call, status, report);
  }

  @Override
  public int linearCrossEntropyBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment hiddenGradient,
      MemorySegment weightsGradient,
      MemorySegment biasGradient,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.hidden = hidden;
    given.weights = weights;
    given.bias = bias;
    given.logits = logits;
    given.targets = targets;
    given.targetWeights = targetWeights;
    given.classMask = classMask;
    given.classWeights = classWeights;
    given.rowWeights = rowWeights;
    given.statistics = statistics;
    given.upstream = upstream;
    given.hiddenGradient = hiddenGradient;
    given.weightsGradient = weightsGradient;
    given.biasGradient = biasGradient;
    given.workspace = workspace;
    call.anyClasses = true;
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    if (status == Status.OK) {
      status = LinearRules.backward(call, workspaceSize);
    }
    if (status == Status.OK) {
      status = call.linear().backward();
    }
    return end(call, status, report);
  }

  @Override
  public int linearStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment statistics,
      MemorySegment states,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report) {
    Call call = call();
    CallArrays given = call.given;
    given.hidden = hidden;
    given.weights = weights;
    given.bias = bias;
    given.targets = targets;
    given.targetWeights = targetWeights;
    given.classMask = classMask;
    given.classWeights = classWeights;
    given.statistics = statistics;
    given.states = states;
    given.workspace = workspace;
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    if (status == Status.OK) {
      status = LinearRules.states(call, workspaceSize);
    }
    if (status == Status.OK) {
      status = PartialRows.states(call.work());
    }
    return end(call, status, report);
  }

  @Override
  public long linearWorkspace(long rows, long features, long classes, int contents) {
    return LinearWorkspace.bytes(rows, features, classes, contents);
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
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.targets = targets;
    given.targetWeights = targetWeights;
    given.classMask = classMask;
    given.classWeights = classWeights;
    given.statistics = statistics;
    given.states = states;
    int status = call.begin(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    return run(
        call, status, ArgumentRules::forwardStates, c -> PartialRows.states(c.work()), report);
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
    Call call = call();
    CallArrays given = call.given;
    given.output = output;
    given.upstream = upstream;
    given.classMask = classMask;
    given.states = states;
    int status = call.beginBackward(shape, options, report, rowBegin, rowEnd, classBegin, classEnd);
    return run(
        call,
        status,
        ArgumentRules::backwardStates,
        c -> SoftmaxBackwardRows.states(c.work()),
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
    Call call = call();
    CallArrays given = call.given;
    given.states = states;
    given.targets = targets;
    given.classWeights = classWeights;
    given.rowWeights = rowWeights;
    given.sink = sink;
    given.statistics = statistics;
    given.losses = losses;
    given.logSumExp = logSumExp;
    given.hits = hits;
    given.tally = tally;
    boolean again = secondRound != 0;
    int status = call.begin(shape, options, report, rowBegin, rowEnd);
    if (status == Status.OK) {
      status = ArgumentRules.finish(call, report, again);
    }
    if (status == Status.OK) {
      status = PartialRows.finish(call.work(), again);
    }
    return end(call, status, report);
  }

  /** A call until its {@link #end}. */
  private Call call() {
    Call call = Thread.currentThread().isVirtual() ? calls.take() : calls.own();
    call.given.clear(); // one whose memory was closed in the middle has left its arrays
    call.anyClasses = false;
    call.anySplit = false;
    return call;
  }

  private int end(Call call, int status, MemorySegment report) {
    call.end(report);
    giveBack(call);
    return status;
  }

  private void giveBack(Call call) {
    if (call.spare) {
      calls.give(call);
    }
  }

  /** A call of softmax, with its arrays. */
  private Call call(
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment statistics,
      MemorySegment output) {
    Call call = call();
    CallArrays given = call.given;
    given.logits = logits;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.sink = sink;
    given.statistics = statistics;
    given.output = output;
    return call;
  }

  /** A call of a softmax's backward, with its arrays. */
  private Call backward(
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment gradient) {
    Call call = call();
    CallArrays given = call.given;
    given.output = output;
    given.upstream = upstream;
    given.rowOffsets = rowOffsets;
    given.classMask = classMask;
    given.statistics = statistics;
    given.gradient = gradient;
    return call;
  }

  /** Checks the arguments of a call that has begun, and computes its rows where all are right. */
  private int run(
      Call call,
      int begun,
      ToIntFunction<Call> rules,
      ToIntFunction<Call> rows,
      MemorySegment report) {
    int status = begun;
    if (status == Status.OK) {
      status = rules.applyAsInt(call);
    }
    if (status == Status.OK) {
      status = rows.applyAsInt(call);
    }
    return end(call, status, report);
  }

  @Override
  public int tallyAdd(
      MemorySegment tally, MemorySegment values, int type, long stride, long count) {
    int status = Tally.check(tally);
    if (status != Status.OK) {
      return status;
    }
    if (!ElementType.holds(type, ElementType.SUMMANDS)) {
      return Status.UNSUPPORTED;
    }
    int size = ElementType.of(type).byteSize();
    if (count < 0 || stride < 0 || !Extent.isAddressable(count, stride, size)) {
      return Status.INVALID_SHAPE;
    }
    if (count > 0 && (Addresses.isNull(values) || !Addresses.isAligned(values, size))) {
      return Status.INVALID_ARGUMENT;
    }
    for (long i = 0; i < count; i++) {
      double value = ElementType.of(type).get(values, i * stride);
      if (ElementType.isWide(type)) {
        Tally.add(tally, value);
      } else {
        Tally.add(tally, (float) value);
      }
    }
    return Status.OK;
  }

  @Override
  public int tallyMerge(MemorySegment tally, MemorySegment other) {
    int status = Tally.check(tally);
    if (status == Status.OK) {
      status = Tally.check(other);
    }
    if (status != Status.OK) {
      return status;
    }
    Tally.merge(tally, other);
    return Status.OK;
  }

  @Override
  public double tallySum(MemorySegment tally) {
    if (!Tally.isUsable(tally)) {
      return Double.NaN;
    }
    Call call = call();
    double sum = Tally.sum(tally, call.scratch.exactSum);
    giveBack(call);
    return sum;
  }
}
