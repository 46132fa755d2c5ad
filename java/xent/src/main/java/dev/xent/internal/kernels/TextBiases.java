// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.xent_text_biases_call;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A call of xent_text_biases: its struct, and the memory of its arrays, which stays reachable with
 * it, except for the workspace. All arrays are off-heap.
 */
public final class TextBiases {
  private static final MemorySegment NONE = MemorySegment.NULL;

  private final MemorySegment struct = Arena.ofAuto().allocate(xent_text_biases_call.layout());
  private final MemorySegment count = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG);

  private MemorySegment tokens = NONE;
  private MemorySegment breakers = NONE;
  private MemorySegment banned = NONE;
  private MemorySegment biasTokens = NONE;
  private MemorySegment biasValues = NONE;

  // What the struct has; a field takes microseconds to write until the JVM has compiled that.
  private boolean continued;
  private long ofClasses;

  /** Creates a call without options. */
  public TextBiases() {
    xent_text_biases_call.size(struct, struct.byteSize());
    xent_text_biases_call.bias_count(struct, count);
  }

  /** Sets the length of n-grams, 0 for none. */
  public TextBiases ngram(long n) {
    xent_text_biases_call.no_repeat_ngram(struct, n);
    return this;
  }

  /** Sets the numbers of DRY; a multiplier of 0 switches it off. */
  public TextBiases dry(double multiplier, double base, long allowedLength, long range) {
    xent_text_biases_call.dry_multiplier(struct, multiplier);
    xent_text_biases_call.dry_base(struct, base);
    xent_text_biases_call.dry_allowed_length(struct, allowedLength);
    xent_text_biases_call.dry_range(struct, range);
    return this;
  }

  /** Sets sequences of tokens, each after its length. */
  public TextBiases sequences(MemorySegment breakerNumbers, MemorySegment bannedNumbers) {
    breakers = breakerNumbers;
    xent_text_biases_call.dry_breakers(struct, breakers);
    xent_text_biases_call.breaker_count(struct, breakers.byteSize() / Integer.BYTES);
    banned = bannedNumbers;
    xent_text_biases_call.banned_sequences(struct, banned);
    xent_text_biases_call.banned_count(struct, banned.byteSize() / Integer.BYTES);
    return this;
  }

  /** Sets the memory of the results, and the workspace, which the caller keeps reachable. */
  public void results(MemorySegment classes, MemorySegment values, MemorySegment scratch) {
    biasTokens = classes;
    xent_text_biases_call.bias_tokens(struct, classes);
    biasValues = values;
    xent_text_biases_call.bias_values(struct, values);
    xent_text_biases_call.workspace(struct, scratch);
    xent_text_biases_call.workspace_size(struct, scratch.byteSize());
  }

  /**
   * Sets the text.
   *
   * @param memory begins with {@code tokenCount} tokens
   * @param continues whether the workspace may have the first of them
   */
  public void text(MemorySegment memory, long tokenCount, boolean continues, long classes) {
    if (memory != tokens || continues != continued || classes != ofClasses) {
      tokens = memory;
      continued = continues;
      ofClasses = classes;
      xent_text_biases_call.tokens(struct, memory);
      xent_text_biases_call.continues(struct, continues ? 1 : 0);
      xent_text_biases_call.classes(struct, classes);
    }
    xent_text_biases_call.token_count(struct, tokenCount);
  }

  /** The number of biases that the call found. */
  public int biases() {
    return (int) count.get(ValueLayout.JAVA_LONG, 0);
  }

  public MemorySegment struct() {
    return struct;
  }

  // ---- for the kernels in plain Java ------------------------------------------------------------

  public MemorySegment tokens() {
    return tokens;
  }

  public MemorySegment breakers() {
    return breakers;
  }

  public MemorySegment banned() {
    return banned;
  }

  public MemorySegment biasTokens() {
    return biasTokens;
  }

  public MemorySegment biasValues() {
    return biasValues;
  }

  public MemorySegment count() {
    return count;
  }
}
