// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.STATES;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.sum.State;

/** What the states of rows say of a call that finishes them. */
final class StateRules {
  private StateRules() {}

  /** States of a softmax backward have no logits whose type could say which arithmetic it was. */
  static void takeArithmeticOfBackward(Call call) {
    if (areOfBackward(call)) {
      call.wide = (call.scratch.state.kind & Kind.WIDE) != 0;
    }
  }

  /** Those of a softmax backward have no logits that would say in which arithmetic. */
  static boolean areOfBackward(Call call) {
    if (call.choice != 0 || call.rowBegin == call.rowEnd) {
      return false;
    }
    State state = call.scratch.state;
    state.load(call.given.of(STATES), 0);
    return (state.kind & Kind.MASK) == Kind.BACKWARD;
  }
}
