// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.sum.State;

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
}
