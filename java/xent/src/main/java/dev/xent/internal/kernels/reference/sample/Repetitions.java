// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import dev.xent.internal.ffi.xent_text_biases_call;
import dev.xent.internal.kernels.TextBiases;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The biases against repetition in a text, from all of its tokens in each call.
 *
 * <p>A token continues a repetition if it already follows an earlier occurrence of the last tokens:
 * after "a b c a b", the token c repeats 2 tokens. The Z algorithm, run from the end of the text,
 * finds these lengths for all positions at once.
 */
public final class Repetitions {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  // The call.
  private MemorySegment struct = MemorySegment.NULL;
  private MemorySegment biasTokens = MemorySegment.NULL;
  private MemorySegment biasValues = MemorySegment.NULL;
  private MemorySegment breakers = MemorySegment.NULL;
  private int count;

  private int[] text = new int[0];

  /**
   * Element k: the number of tokens directly before the last k tokens that equal the last tokens of
   * the text.
   */
  private int[] repeated = new int[0];

  /** The index of the bias of each class, plus 1; all 0 between calls. */
  private int[] places = new int[0];

  /** The largest number of tokens that the class of a bias repeats. */
  private int[] lengths = new int[0];

  private int biases;

  /** Writes the biases of a call. */
  public void write(TextBiases call) {
    begin(call);
    boolean dry = xent_text_biases_call.dry_multiplier(struct) != 0;
    boolean ngrams = xent_text_biases_call.no_repeat_ngram(struct) != 0;
    if (dry || ngrams) {
      findRepeated();
    }
    if (dry) {
      addDry();
    }
    if (ngrams) {
      addNgrams();
    }
    addBanned(call.banned());
    call.count().set(ValueLayout.JAVA_LONG, 0, biases);
    for (int i = 0; i < biases; i++) {
      places[biasTokens.getAtIndex(INT, i)] = 0;
    }
    struct = MemorySegment.NULL;
    biasTokens = MemorySegment.NULL;
    biasValues = MemorySegment.NULL;
    breakers = MemorySegment.NULL;
  }

  private void begin(TextBiases call) {
    struct = call.struct();
    biasTokens = call.biasTokens();
    biasValues = call.biasValues();
    breakers = call.breakers();
    count = (int) xent_text_biases_call.token_count(struct);
    biases = 0;
    if (text.length < count) {
      text = new int[2 * count];
      repeated = new int[2 * count];
    }
    int classes = (int) xent_text_biases_call.classes(struct);
    if (places.length < classes) {
      places = new int[classes];
      lengths = new int[classes];
    }
    MemorySegment.copy(call.tokens(), INT, 0, text, 0, count);
  }

  private void findRepeated() {
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

  /** The index of the bias of a class, which is added if it is new. */
  private int place(int token) {
    if (places[token] == 0) {
      biasTokens.setAtIndex(INT, biases, token);
      lengths[biases] = 0;
      places[token] = ++biases;
    }
    return places[token] - 1;
  }

  private void ban(int token) {
    biasValues.setAtIndex(FLOAT, place(token), Float.NEGATIVE_INFINITY);
  }

  private void addNgrams() {
    long least = xent_text_biases_call.no_repeat_ngram(struct) - 1;
    for (int k = 1; k <= count; k++) {
      int before = k == count ? 0 : repeated[k];
      if (before >= least) {
        ban(text[count - k]);
      }
    }
  }

  private void addBanned(MemorySegment sequences) {
    int length;
    for (long i = 0; i < numbers(sequences); i += 1 + length) {
      length = sequences.getAtIndex(INT, i);
      if (length - 1 <= count && isAt(sequences, i, length - 1, count)) {
        ban(sequences.getAtIndex(INT, i + length));
      }
    }
  }

  private static long numbers(MemorySegment sequences) {
    return sequences.byteSize() / Integer.BYTES;
  }

  /** Whether the first tokens of the sequence at i are those before {@code end}. */
  private boolean isAt(MemorySegment sequences, long i, int tokens, int end) {
    for (int k = 0; k < tokens; k++) {
      if (sequences.getAtIndex(INT, i + 1 + k) != text[end - tokens + k]) {
        return false;
      }
    }
    return true;
  }

  /** Whether a breaker ends directly before {@code end}, and begins at {@code begin} or later. */
  private boolean hasBreaker(int begin, int end) {
    int length;
    for (long i = 0; i < numbers(breakers); i += 1 + length) {
      length = breakers.getAtIndex(INT, i);
      if (length <= end - begin && isAt(breakers, i, length, end)) {
        return true;
      }
    }
    return false;
  }

  private void addDry() {
    long ofCall = xent_text_biases_call.dry_range(struct);
    int range = ofCall == 0 ? count : (int) Math.min(count, ofCall);
    int most = 0;
    for (int k = 1; k < range; k++) {
      most = Math.max(most, Math.min(repeated[k], range - k));
    }
    int longest = 0; // without a breaker; beyond the longest repetition nothing is read
    while (longest < most && !hasBreaker(count - range, count - longest)) {
      longest++;
    }
    long set = xent_text_biases_call.dry_allowed_length(struct);
    long allowed = set == 0 ? 2 : set;
    for (int k = 1; k < range; k++) {
      int length = Math.min(longest, Math.min(repeated[k], range - k));
      int next = count - k;
      if (length >= allowed && !hasBreaker(next, next + 1)) {
        int place = place(text[next]);
        lengths[place] = Math.max(lengths[place], length);
      }
    }
    for (int i = 0; i < biases; i++) {
      biasValues.setAtIndex(FLOAT, i, penalty(lengths[i] - allowed));
    }
  }

  /** The multiplier times a power of the base, in double. */
  private float penalty(long power) {
    double set = xent_text_biases_call.dry_base(struct);
    double base = set == 0 ? 1.75 : set;
    double penalty = xent_text_biases_call.dry_multiplier(struct);
    for (long k = power; k > 0; k--) {
      penalty *= base;
      if (penalty > Float.MAX_VALUE || base == 1) {
        break;
      }
    }
    return (float) -penalty;
  }
}
