// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** What the states of rows say of a call that finishes them. */
final class StateRules {
  private StateRules() {}

  /** States of a softmax backward have no logits whose type could say which arithmetic it was. */
  static void takeArithmeticOfBackward(Call call) {
    if (call.rowBegin == call.rowEnd) {
      return;
    }
    State state = call.scratch.state;
    state.load(call.given.states, 0);
    if ((state.kind & Kind.MASK) == Kind.BACKWARD) {
      call.wide = (state.kind & Kind.WIDE) != 0;
    }
  }

  /**
   * Whether there are rows to finish of which some classes are masked: smoothing counts the others.
   */
  static boolean haveMaskedClasses(Call call, boolean secondRound) {
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      if (secondRound) {
        call.scratch.statistics.load(call.given.statistics, row);
      }
      boolean toFinish = !secondRound || call.scratch.statistics.is(Kind.UNFINISHED);
      if (toFinish && hasMaskedClasses(call, (row - call.rowBegin) * call.shape.chunks())) {
        return true;
      }
    }
    return false;
  }

  private static boolean hasMaskedClasses(Call call, long firstState) {
    State state = call.scratch.state;
    for (long i = 0; i < call.shape.chunks(); i++) {
      state.load(call.given.states, firstState + i);
      int classes = FirstPass.chunkSize(i * Constants.CHUNK, call.shape.classes);
      if ((state.kind & Kind.MASK) != Kind.BACKWARD && state.counted != classes) {
        return true;
      }
    }
    return false;
  }
}
