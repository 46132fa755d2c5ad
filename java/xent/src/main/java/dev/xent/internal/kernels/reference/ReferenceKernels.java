// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.kernels.Workspaces;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.results.ExactSums;
import dev.xent.internal.kernels.reference.rows.PartialRows;
import dev.xent.internal.kernels.reference.rows.SoftmaxBackwardRows;
import dev.xent.internal.kernels.reference.rows.SoftmaxRows;
import java.lang.foreign.MemorySegment;

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
  public int run(Work work) {
    Call call = call();
    int status = call.begin(work);
    if (status == Status.OK) {
      status = check(call);
    }
    if (status == Status.OK) {
      status = compute(call);
    }
    call.end();
    giveBack(call);
    return status;
  }

  /** What the function asks of its arguments, before anything is stored. */
  private static int check(Call call) {
    return switch (call.function) {
      case SOFTMAX, LOG_SOFTMAX -> ArgumentRules.softmaxForward(call);
      case LOG_SUM_EXP -> ArgumentRules.logSumExp(call);
      case SOFTMAX_BACKWARD -> ArgumentRules.softmaxBackward(call, false);
      case LOG_SOFTMAX_BACKWARD -> ArgumentRules.softmaxBackward(call, true);
      case CHECK_TARGETS -> ArgumentRules.checkTargets(call);
      case CROSS_ENTROPY -> ArgumentRules.crossEntropy(call);
      case CROSS_ENTROPY_BACKWARD -> ArgumentRules.crossEntropyBackward(call);
      case SELECTED_LOG_PROBABILITIES -> ArgumentRules.selected(call);
      case SELECTED_LOG_PROBABILITIES_BACKWARD -> ArgumentRules.selectedBackward(call);
      case KL_DIVERGENCE, JENSEN_SHANNON_DIVERGENCE, TOTAL_VARIATION ->
          ArgumentRules.divergence(call);
      case CROSS_ENTROPY_HVP -> ArgumentRules.crossEntropyHvp(call);
      case SAMPLE -> SamplingRules.check(call);
      case BINARY_CROSS_ENTROPY -> ArgumentRules.binaryCrossEntropy(call);
      case LINEAR_CROSS_ENTROPY -> LinearRules.forward(call);
      case LINEAR_CROSS_ENTROPY_BACKWARD -> LinearRules.backward(call);
      case LINEAR_STATES -> LinearRules.states(call);
      case FORWARD_STATES -> ArgumentRules.forwardStates(call);
      case BACKWARD_STATES -> ArgumentRules.backwardStates(call);
      case FINISH -> ArgumentRules.finish(call);
    };
  }

  private static int compute(Call call) {
    return switch (call.function) {
      case SOFTMAX -> SoftmaxRows.forward(call.work(), false);
      case LOG_SOFTMAX -> SoftmaxRows.forward(call.work(), true);
      case LOG_SUM_EXP -> SoftmaxRows.logSumExp(call.work());
      case SOFTMAX_BACKWARD -> SoftmaxBackwardRows.backward(call.work(), false);
      case LOG_SOFTMAX_BACKWARD -> SoftmaxBackwardRows.backward(call.work(), true);
      case CHECK_TARGETS -> TargetChecks.check(call);
      case CROSS_ENTROPY -> call.rows().forward();
      case CROSS_ENTROPY_BACKWARD -> call.rows().backward();
      case SELECTED_LOG_PROBABILITIES -> call.selected().forward();
      case SELECTED_LOG_PROBABILITIES_BACKWARD -> call.selected().backward();
      case KL_DIVERGENCE, JENSEN_SHANNON_DIVERGENCE, TOTAL_VARIATION ->
          call.divergence().forward(call.function);
      case CROSS_ENTROPY_HVP -> SoftmaxBackwardRows.ofForward(call.work());
      case SAMPLE -> call.samples().sample();
      case BINARY_CROSS_ENTROPY -> call.binary().forward();
      case LINEAR_CROSS_ENTROPY -> call.linear().forward();
      case LINEAR_CROSS_ENTROPY_BACKWARD -> call.linear().backward();
      case LINEAR_STATES, FORWARD_STATES -> PartialRows.states(call.work());
      case BACKWARD_STATES -> SoftmaxBackwardRows.states(call.work());
      case FINISH -> PartialRows.finish(call.work(), call.choice != 0);
    };
  }

  /** A call until its end. */
  private Call call() {
    Call call = Thread.currentThread().isVirtual() ? calls.take() : calls.own();
    call.given.clear(); // one whose memory was closed in the middle has left its arrays
    return call;
  }

  private void giveBack(Call call) {
    if (call.spare) {
      calls.give(call);
    }
  }

  @Override
  public long sampleWorkspace(long classes, long tokens) {
    return SamplingRules.workspace(classes, tokens);
  }

  @Override
  public long linearWorkspace(long rows, long features, long classes, int contents) {
    return LinearWorkspace.bytes(rows, features, classes, contents);
  }

  @Override
  public int exactSumAdd(
      MemorySegment exactSum, MemorySegment values, int type, long stride, long count) {
    int status = ExactSums.check(exactSum);
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
        ExactSums.add(exactSum, value);
      } else {
        ExactSums.add(exactSum, (float) value);
      }
    }
    return Status.OK;
  }

  @Override
  public int exactSumMerge(MemorySegment exactSum, MemorySegment other) {
    int status = ExactSums.check(exactSum);
    if (status == Status.OK) {
      status = ExactSums.check(other);
    }
    if (status != Status.OK) {
      return status;
    }
    ExactSums.merge(exactSum, other);
    return Status.OK;
  }

  @Override
  public double exactSumValue(MemorySegment exactSum) {
    if (!ExactSums.isUsable(exactSum)) {
      return Double.NaN;
    }
    Call call = call();
    double sum = ExactSums.sum(exactSum, call.scratch.exactSum);
    giveBack(call);
    return sum;
  }
}
