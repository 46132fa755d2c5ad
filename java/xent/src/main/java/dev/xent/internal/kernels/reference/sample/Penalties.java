// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static dev.xent.internal.kernels.Array.BIAS_TOKENS;
import static dev.xent.internal.kernels.Array.BIAS_VALUES;
import static dev.xent.internal.kernels.Array.OUTPUT_TOKENS;
import static dev.xent.internal.kernels.Array.PROMPT_TOKENS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Sampling;
import dev.xent.internal.kernels.reference.call.Shape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Applies the penalties of previous tokens, and the biases of tokens, to the logits. */
final class Penalties {
  private static final float NONE = -0f;

  private final Request call;

  /** Whether the row has tokens. */
  boolean any;

  private float repetition;
  private float frequency;
  private float presence;

  /** Whether a class is among the row's tokens. */
  private boolean[] named = new boolean[0];

  /** The number of times that a class is among the output tokens. */
  private int[] outputs = new int[0];

  /** The bias of a class; -0 changes nothing. */
  private float[] biases = new float[0];

  /** The classes with an entry in any of these arrays; may contain duplicates. */
  private int[] taken = new int[0];

  private int takenCount;

  Penalties(Request call) {
    this.call = call;
  }

  /** Reads the tokens of a row. */
  void begin(long row, Sampling options) {
    repetition = (float) options.repetitionPenalty;
    frequency = (float) options.frequencyPenalty;
    presence = (float) options.presencePenalty;
    forget();
    if (named.length < call.shape.classes) {
      named = new boolean[(int) call.shape.classes];
      outputs = new int[named.length];
      biases = new float[named.length];
      Arrays.fill(biases, NONE);
    }
    Shape shape = call.shape;
    take(call.given.of(PROMPT_TOKENS), shape.of(PROMPT_TOKENS), shape.promptCount, row, 0);
    take(call.given.of(OUTPUT_TOKENS), shape.of(OUTPUT_TOKENS), shape.outputCount, row, 1);
    takeBiases(row);
    any = takenCount > 0;
  }

  /** Clears the entries of the previous row, without reading its tokens again. */
  private void forget() {
    for (int i = 0; i < takenCount; i++) {
      int clazz = taken[i];
      named[clazz] = false;
      outputs[clazz] = 0;
      biases[clazz] = NONE;
    }
    takenCount = 0;
  }

  private void take(MemorySegment tokens, Layout layout, long count, long row, int each) {
    for (long j = 0; has(tokens) && j < count; j++) {
      int clazz = clazz(tokens, layout, row, j);
      if (clazz >= 0) {
        remember(clazz);
        named[clazz] = true;
        outputs[clazz] += each;
      }
    }
  }

  private void takeBiases(long row) {
    MemorySegment tokens = call.given.of(BIAS_TOKENS);
    MemorySegment values = call.given.of(BIAS_VALUES);
    Layout layout = call.shape.of(BIAS_VALUES);
    for (long j = 0; has(tokens) && j < call.shape.targetCount; j++) {
      int clazz = clazz(tokens, call.shape.of(BIAS_TOKENS), row, j);
      if (clazz >= 0) {
        remember(clazz);
        long at = call.shape.offset(layout, row) + j * layout.classes;
        biases[clazz] = (float) ElementType.of(layout.type).get(values, at);
      }
    }
  }

  private void remember(int clazz) {
    if (takenCount == taken.length) {
      taken = Arrays.copyOf(taken, 2 * takenCount + 1);
    }
    taken[takenCount++] = clazz;
  }

  /** The class of an entry of a row; -1 for padding. */
  private int clazz(MemorySegment tokens, Layout layout, long row, long j) {
    long at = call.shape.offset(layout, row) + j * layout.classes;
    long clazz = ElementType.of(layout.type).getInteger(tokens, at);
    // Another thread may have changed the token after the check.
    return clazz >= 0 && clazz < call.shape.classes ? (int) clazz : -1;
  }

  /** The logit of a class with its bias and the penalties of its tokens. */
  float of(int clazz, float x) {
    float v = x + biases[clazz];
    if (repetition != 0 && named[clazz]) {
      v = v > 0 ? v / repetition : v * repetition;
    }
    int count = outputs[clazz];
    return count == 0 ? v : v - count * frequency - presence;
  }
}
