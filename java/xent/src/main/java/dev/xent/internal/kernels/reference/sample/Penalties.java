// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static dev.xent.internal.kernels.Array.OUTPUT_TOKENS;
import static dev.xent.internal.kernels.Array.PROMPT_TOKENS;
import static dev.xent.internal.kernels.reference.call.CallArrays.has;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Sampling;
import java.lang.foreign.MemorySegment;

/** What the tokens before take off the logits of their classes. */
final class Penalties {
  private static final long PADDING = -1;

  private final Request call;

  /** Whether the row has tokens. */
  boolean any;

  private float repetition;
  private float frequency;
  private float presence;

  /** Whether a class is among the row's tokens. */
  private boolean[] named = new boolean[0];

  /** How often it is among the output tokens. */
  private int[] outputs = new int[0];

  Penalties(Request call) {
    this.call = call;
  }

  /** Takes the tokens of a row. */
  void begin(long row, Sampling options) {
    repetition = (float) options.repetitionPenalty;
    frequency = (float) options.frequencyPenalty;
    presence = (float) options.presencePenalty;
    if (named.length < call.shape.classes) {
      named = new boolean[(int) call.shape.classes];
      outputs = new int[named.length];
    }
    any =
        (call.shape.promptCount > 0 && has(call.given.of(PROMPT_TOKENS)))
            || (call.shape.outputCount > 0 && has(call.given.of(OUTPUT_TOKENS)));
    count(row, true);
  }

  /** Forgets the tokens of a row. */
  void end(long row) {
    count(row, false);
  }

  private void count(long row, boolean are) {
    count(
        call.given.of(PROMPT_TOKENS),
        call.shape.of(PROMPT_TOKENS),
        call.shape.promptCount,
        row,
        are,
        0);
    count(
        call.given.of(OUTPUT_TOKENS),
        call.shape.of(OUTPUT_TOKENS),
        call.shape.outputCount,
        row,
        are,
        1);
  }

  private void count(
      MemorySegment tokens, Layout layout, long count, long row, boolean are, int each) {
    for (long j = 0; j < count && has(tokens); j++) {
      long at = call.shape.offset(layout, row) + j * layout.classes;
      long token = ElementType.of(layout.type).getInteger(tokens, at);
      long clazz = token - call.shape.firstClass;
      // Another thread may have written there since it was checked, and other shards have classes.
      if (token != PADDING && clazz >= 0 && clazz < call.shape.classes) {
        named[(int) clazz] = are;
        outputs[(int) clazz] = are ? outputs[(int) clazz] + each : 0;
      }
    }
  }

  /** The logit of a class with what its tokens take off it. */
  float of(int clazz, float x) {
    float v = x;
    if (repetition != 0 && named[clazz]) {
      v = v > 0 ? v / repetition : v * repetition;
    }
    int count = outputs[clazz];
    return count == 0 ? v : v - count * frequency - presence;
  }
}
