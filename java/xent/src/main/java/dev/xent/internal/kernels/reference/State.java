// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.xent_state;
import java.lang.foreign.MemorySegment;

/** The contribution of one chunk of one row: {@code xent_state}. */
final class State {
  static final long SIZE = xent_state.layout().byteSize();

  float max;
  float reference;
  double sum;
  double dot;
  double mass;
  float labelLogit;
  int kind;

  /** The max of double arithmetic. */
  double wideMax;

  /** The label logit of double arithmetic. */
  double wideLabelLogit;

  /** The low part of the sum in double arithmetic. */
  double sumLow;

  /** Classes that are not masked. */
  long counted;

  private final MemorySegment struct = MemorySegment.ofArray(new long[(int) (SIZE / Long.BYTES)]);

  /**
   * Everything 0 but the kind and the numerics version: a state of an ignored row, or the beginning
   * of another.
   */
  void clear(int ofKind) {
    max = 0;
    reference = 0;
    sum = 0;
    dot = 0;
    mass = 0;
    labelLogit = 0;
    wideMax = 0;
    wideLabelLogit = 0;
    sumLow = 0;
    counted = 0;
    kind = ofKind | Kind.VERSION;
  }

  void setSum(ChunkSum chunk, boolean wide) {
    if (wide) {
      kind |= Kind.WIDE;
      wideMax = chunk.max;
    } else {
      max = (float) chunk.max;
    }
    reference = (float) chunk.reference;
    sum = chunk.sum.high;
    sumLow = chunk.sum.low;
  }

  void setLabelLogit(double logit, boolean wide) {
    if (wide) {
      wideLabelLogit = logit;
    } else {
      labelLogit = (float) logit;
    }
  }

  void load(MemorySegment states, long index) {
    MemorySegment.copy(states, index * SIZE, struct, 0, SIZE);
    max = xent_state.max(struct);
    reference = xent_state.reference(struct);
    sum = xent_state.sum(struct);
    dot = xent_state.dot(struct);
    mass = xent_state.mass(struct);
    labelLogit = xent_state.label_logit(struct);
    kind = xent_state.kind(struct);
    wideMax = xent_state.wide_max(struct);
    wideLabelLogit = xent_state.wide_label_logit(struct);
    sumLow = xent_state.sum_low(struct);
    counted = xent_state.counted(struct);
  }

  void store(MemorySegment states, long index) {
    xent_state.max(struct, max);
    xent_state.reference(struct, reference);
    xent_state.sum(struct, Canonical.of(sum));
    xent_state.dot(struct, Canonical.of(dot));
    xent_state.mass(struct, Canonical.of(mass));
    xent_state.label_logit(struct, Canonical.of(labelLogit));
    xent_state.kind(struct, kind);
    xent_state.wide_max(struct, Canonical.of(wideMax));
    xent_state.wide_label_logit(struct, Canonical.of(wideLabelLogit));
    xent_state.sum_low(struct, Canonical.of(sumLow));
    xent_state.counted(struct, counted);
    MemorySegment.copy(struct, 0, states, index * SIZE, SIZE);
  }
}
