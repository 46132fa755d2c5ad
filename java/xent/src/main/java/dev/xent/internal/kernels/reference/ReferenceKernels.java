// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Recycler;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.TextBiases;
import dev.xent.internal.kernels.reference.results.ExactSums;
import dev.xent.internal.kernels.reference.rows.PartialRows;
import dev.xent.internal.kernels.reference.rows.SoftmaxBackwardRows;
import dev.xent.internal.kernels.reference.rows.SoftmaxRows;
import java.lang.foreign.MemorySegment;

/**
 * The C API in plain Java. It produces the same bits, and the same statuses and reports for the
 * contents of arrays. All other arguments are valid, because the plans reject invalid ones.
 *
 * <p>This is the fallback if the native library cannot be loaded, and the reference that tests
 * compare the library with. It uses scalar arithmetic and allocates nothing per call, since each
 * {@link ReferenceCall} is reused. A row is processed in chunks of at most 8192 classes. Each chunk
 * is read before it is written, so an output may be its input.
 */
public final class ReferenceKernels implements Kernels {
  private final Recycler<ReferenceCall> calls =
      new Recycler<>(() -> new ReferenceCall(false), () -> new ReferenceCall(true));

  /** Creates the kernels, which need no native library. */
  public ReferenceKernels() {}

  @Override
  public int run(FunctionCall functionCall) {
    ReferenceCall call = call();
    call.begin(functionCall);
    int status = DataChecks.check(call);
    if (status == Status.OK) {
      status = compute(call);
    }
    call.end();
    giveBack(call);
    return status;
  }

  private static int compute(ReferenceCall call) {
    return switch (call.function) {
      case SOFTMAX -> SoftmaxRows.forward(call.rowScratch(), false);
      case LOG_SOFTMAX -> SoftmaxRows.forward(call.rowScratch(), true);
      case LOG_SUM_EXP -> SoftmaxRows.logSumExp(call.rowScratch());
      case SOFTMAX_BACKWARD -> SoftmaxBackwardRows.backward(call.rowScratch(), false);
      case LOG_SOFTMAX_BACKWARD -> SoftmaxBackwardRows.backward(call.rowScratch(), true);
      case CHECK_TARGETS -> TargetChecks.check(call);
      case CROSS_ENTROPY -> call.rows().forward();
      case CROSS_ENTROPY_BACKWARD -> call.rows().backward();
      case SELECTED_LOG_PROBABILITIES -> call.selected().forward();
      case SELECTED_LOG_PROBABILITIES_BACKWARD -> call.selected().backward();
      case KL_DIVERGENCE, JENSEN_SHANNON_DIVERGENCE, TOTAL_VARIATION ->
          call.divergence().forward(call.function);
      case CROSS_ENTROPY_HVP -> SoftmaxBackwardRows.ofForward(call.rowScratch());
      case SAMPLE -> call.samples().sample();
      case SIGMOID -> call.sigmoid(false, false);
      case LOG_SIGMOID -> call.sigmoid(true, false);
      case SIGMOID_BACKWARD -> call.sigmoid(false, true);
      case LOG_SIGMOID_BACKWARD -> call.sigmoid(true, true);
      case BINARY_CROSS_ENTROPY -> call.binary().forward();
      case LINEAR_CROSS_ENTROPY -> call.linear().forward();
      case LINEAR_CROSS_ENTROPY_BACKWARD -> call.linear().backward();
      case LINEAR_STATES, FORWARD_STATES -> PartialRows.states(call.rowScratch());
      case BACKWARD_STATES -> SoftmaxBackwardRows.states(call.rowScratch());
      case FINISH -> PartialRows.finish(call.rowScratch(), call.choice != 0);
    };
  }

  /** Takes the instance for a call. */
  private ReferenceCall call() {
    ReferenceCall call = Thread.currentThread().isVirtual() ? calls.take() : calls.own();
    call.given.clear(); // a call whose memory was closed midway left its arrays
    return call;
  }

  private void giveBack(ReferenceCall call) {
    if (call.spare) {
      calls.give(call);
    }
  }

  @Override
  public long sampleWorkspace(long classes, long tokens) {
    if (classes < 1 || classes > Integer.MAX_VALUE || tokens < 1) {
      return 0;
    }
    // A head, and two tables: a bit per class, a count per word, an entry per token. The size that
    // the library needs; nothing is written there.
    long words = (classes - 1) / Long.SIZE + 1;
    long table = words * Long.BYTES + (words + words % 2) * Integer.BYTES;
    return 56 + 2 * table + Math.min(tokens, 2 * classes) * Long.BYTES;
  }

  @Override
  public long linearWorkspace(long rows, long features, long classes, int contents) {
    return LinearWorkspace.bytes(rows, features, classes, contents);
  }

  @Override
  public long textBiasesWorkspace(long tokens, long listed) {
    long most = Integer.MAX_VALUE - 1L;
    if (tokens < 0 || tokens > most || listed < 0 || listed > 2 * most) {
      return 0;
    }
    // The size that the library needs; nothing is written there.
    long numbers = 9 * (tokens + 1) + 3 * listed;
    return 88 + (numbers + 1) / 2 * Long.BYTES;
  }

  @Override
  public int textBiases(TextBiases textBiases) {
    ReferenceCall call = call();
    call.repetitions().write(textBiases);
    giveBack(call);
    return Status.OK;
  }

  @Override
  public int exactSumAdd(
      MemorySegment exactSum, MemorySegment values, ElementType type, long stride, long count) {
    for (long i = 0; i < count; i++) {
      double value = type.get(values, i * stride);
      if (type.isWide()) {
        ExactSums.add(exactSum, value);
      } else {
        ExactSums.add(exactSum, (float) value);
      }
    }
    return Status.OK;
  }

  @Override
  public int exactSumMerge(MemorySegment exactSum, MemorySegment other) {
    ExactSums.merge(exactSum, other);
    return Status.OK;
  }

  @Override
  public double exactSumValue(MemorySegment exactSum) {
    ReferenceCall call = call();
    double sum = ExactSums.sum(exactSum, call.exactSum);
    giveBack(call);
    return sum;
  }
}
