// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.results;

import java.util.Arrays;

/**
 * A large integer in two's complement, wide enough for every exact sum: a sum of v 2^k, k &lt;=
 * 2080.
 */
public final class ExactSum {
  private static final int BITS = 32;
  private static final long LOW = 0xffffffffL;

  /**
   * Words of 32 bits, the lowest first; between additions a word may contain carries above its 32
   * bits.
   */
  private final long[] word = new long[70];

  public void clear() {
    Arrays.fill(word, 0);
  }

  /**
   * Adds value * 2^shift, 0 &lt;= shift &lt;= 2080. At most 2^30 additions are allowed between two
   * clears.
   */
  public void add(long value, int shift) {
    int at = shift / BITS;
    long low = (value & LOW) << shift % BITS;
    long high = (value >> BITS) << shift % BITS;
    word[at] += low & LOW;
    word[at + 1] += (low >>> BITS) + (high & LOW);
    word[at + 2] += high >> BITS;
  }

  /**
   * The sum times 2^-unit, rounded to the nearest double, ties to even; zero is +0. Normalizes the
   * words.
   *
   * @param unit at most 1074, so that a subnormal result is a whole number of units
   */
  public double toDouble(int unit) {
    carry();
    boolean negative = word[word.length - 1] < 0;
    if (negative) {
      negate();
    }
    int top = word.length - 1;
    while (top > 0 && word[top] == 0) {
      top--;
    }
    double size =
        top == 0
            ? Math.scalb((double) word[0], -unit)
            : Math.scalb(leading(top), BITS * (top - 1) - unit);
    return negative ? -size : size;
  }

  /**
   * The words from `top` down, in units of the second one, as a double.
   *
   * <p>Two words and the next lower one contain between 65 and 96 bits. The conversion of a long
   * rounds correctly if the long has more than 54 bits and its lowest bit is set whenever any lower
   * word is not 0.
   */
  private double leading(int top) {
    long head = word[top] << BITS | word[top - 1];
    int room = Long.numberOfLeadingZeros(head) - 1;
    long third = top >= 2 ? word[top - 2] : 0;
    boolean below = false;
    for (int i = 0; i < top - 2; i++) {
      below |= word[i] != 0;
    }
    if (room < 0) {
      below |= third != 0 || (head & 1) != 0;
      return 2.0 * (double) (head >>> 1 | (below ? 1 : 0));
    }
    below |= (third & (LOW >>> room)) != 0;
    long wide = head << room | third >>> (BITS - room);
    return Math.scalb((double) (wide | (below ? 1 : 0)), -room);
  }

  private void carry() {
    for (int i = 0; i < word.length - 1; i++) {
      word[i + 1] += word[i] >> BITS;
      word[i] &= LOW;
    }
  }

  private void negate() {
    for (int i = 0; i < word.length; i++) {
      word[i] = -word[i];
    }
    carry();
  }
}
