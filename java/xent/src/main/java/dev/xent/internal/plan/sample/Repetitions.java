// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.plan.options.RepetitionOptions;
import java.util.Arrays;

/**
 * A text, and the biases that its repetitions add to the logits of the next token.
 *
 * <p>A token continues a repetition if it already follows an earlier occurrence of the last tokens:
 * after "a b c a b", the token c repeats 2 tokens. The Z algorithm, run from the end of the text,
 * finds these lengths for all positions at once.
 */
final class Repetitions {
  private static final int FIRST_CAPACITY = 64;

  private final RepetitionOptions options;

  private int[] text = new int[FIRST_CAPACITY];
  private int count;

  /**
   * Element k: the number of tokens directly before the last k tokens that equal the last tokens of
   * the text.
   */
  private int[] repeated = new int[FIRST_CAPACITY];

  private final TokenBiases biases = new TokenBiases();

  Repetitions(RepetitionOptions options) {
    this.options = options;
  }

  /** Makes room for another token, or changes nothing. */
  void reserve() {
    if (count == text.length) {
      text = Arrays.copyOf(text, Math.multiplyExact(2, count));
    }
  }

  /** Appends a token, for which there is room. */
  void add(int token) {
    text[count++] = token;
  }

  void copyFrom(Repetitions other) {
    text = other.text.clone();
    count = other.count;
  }

  /** Removes the last tokens. */
  void drop(long last) {
    count -= (int) last;
  }

  /** Replaces the first tokens. */
  void replaceFirst(int oldCount, int[] tokens) {
    int others = count - oldCount;
    int[] made = new int[Math.max(FIRST_CAPACITY, tokens.length + others)];
    System.arraycopy(tokens, 0, made, 0, tokens.length);
    System.arraycopy(text, oldCount, made, tokens.length, others);
    text = made;
    count = tokens.length + others;
  }

  /** Returns the biases of the next token. */
  TokenBiases biases() {
    biases.clear();
    if (options.lookForRepetitions() && count > 0) {
      findRepeated();
      addDry();
      addNgrams();
    }
    for (int i = 0; i < options.bannedSequences().size(); i++) {
      int[] sequence = options.bannedSequences().get(i);
      if (endsWith(sequence, sequence.length - 1)) {
        biases.ban(sequence[sequence.length - 1]);
      }
    }
    return biases;
  }

  /** Whether the text ends with the first {@code length} tokens of a sequence. */
  private boolean endsWith(int[] sequence, int length) {
    return length <= count && Arrays.equals(sequence, 0, length, text, count - length, count);
  }

  /** Runs the Z algorithm on the reversed text. */
  private void findRepeated() {
    if (repeated.length < count) {
      repeated = new int[text.length];
    }
    int last = count - 1;
    int from = 0;
    int to = 0;
    for (int k = 1; k < count; k++) {
      int same = k < to ? Math.min(to - k, repeated[k - from]) : 0;
      while (k + same < count && text[last - same] == text[last - k - same]) {
        same++;
      }
      if (k + same > to) {
        from = k;
        to = k + same;
      }
      repeated[k] = same;
    }
  }

  private void addNgrams() {
    if (options.noRepeatNgram() == 0) {
      return;
    }
    for (int k = 1; k <= count; k++) {
      int before = k == count ? 0 : repeated[k];
      if (before >= options.noRepeatNgram() - 1) {
        biases.ban(text[count - k]);
      }
    }
  }

  private void addDry() {
    if (options.dryMultiplier() == 0) {
      return;
    }
    int range = (int) Math.min(count, options.dryRange());
    int most = 0;
    for (int k = 1; k < range; k++) {
      most = Math.max(most, Math.min(repeated[k], range - k));
    }
    int longest = 0; // without a breaker; beyond the longest repetition nothing is read
    while (longest < most && !options.hasBreaker(text, count - range, count - longest)) {
      longest++;
    }
    for (int k = 1; k < range; k++) {
      int length = Math.min(longest, Math.min(repeated[k], range - k));
      int next = text[count - k];
      if (length >= options.dryAllowedLength() && !options.isBreaker(next)) {
        biases.repeat(next, length);
      }
    }
    biases.setPenalties(options);
  }
}
