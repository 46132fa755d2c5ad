// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** The rows of a forward call, one after the other: where their logits and targets lie. */
final class RowInput {
  /** {@link Kind#SOFTMAX}, {@link Kind#LABEL} or {@link Kind#PROBABILITIES}. */
  int kind;

  /** The row's label; {@link Labels#NONE} where there are none. */
  long label;

  /** Whether the row's label is the ignore index. */
  boolean ignored;

  private Call call;
  private MemorySegment logits;
  private MemorySegment targets;
  private long logitsAt;
  private long targetsAt;

  RowInput() {
    clear();
  }

  /** Forgets the arrays. */
  void clear() {
    logits = MemorySegment.NULL;
    targets = MemorySegment.NULL;
  }

  /** Begins a call; targets NULL: softmax. */
  void begin(Call ofCall, MemorySegment ofLogits, MemorySegment ofTargets) {
    call = ofCall;
    logits = ofLogits;
    targets = ofTargets;
    kind = kindOf(call, targets);
    call.scratch.smoothing.set(call.options.labelSmoothing, call.shape.classes);
  }

  /** What the targets make of a call; NULL: softmax. */
  static int kindOf(Call call, MemorySegment targets) {
    if (Addresses.isNull(targets)) {
      return Kind.SOFTMAX;
    }
    return call.shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
  }

  /** Goes to a row and reads its label: memory may change, so every label is checked before use. */
  int row(long row) {
    logitsAt = call.shape.offset(call.shape.logits, row);
    targetsAt = kind == Kind.SOFTMAX ? 0 : call.shape.offset(call.shape.targets, row);
    label = Labels.NONE;
    ignored = false;
    if (kind != Kind.LABEL) {
      return Status.OK;
    }
    long read = Labels.get(targets, call.shape.targets.type, targetsAt);
    if (call.options.ignores(read)) {
      ignored = true;
    } else if (read < 0 || read >= call.shape.classes) {
      return call.report.refuseLabel(row, read);
    } else {
      label = read;
    }
    return Status.OK;
  }

  /** Loads the logits of a chunk less the shift. */
  void loadLogits(long begin, int count, float shift, float[] x) {
    long stride = call.shape.logits.classes;
    Floats.load(logits, logitsAt + begin * stride, stride, x, count);
    if (shift != 0) {
      for (int i = 0; i < count; i++) {
        x[i] -= shift;
      }
    }
  }

  /** Loads the probabilities of a chunk. */
  void loadProbabilities(long begin, int count, float[] q) {
    long stride = call.shape.targets.classes;
    Floats.load(targets, targetsAt + begin * stride, stride, q, count);
  }
}
