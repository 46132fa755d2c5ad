// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import java.util.Arrays;

/**
 * Candidate classes of a row, in ascending order of class until the order by value is needed. That
 * order is by descending value; among equal values the lower class is first. Every filter keeps a
 * contiguous range of it.
 */
final class Candidates {
  private static final int MOST = Integer.MAX_VALUE - 8;
  private static final int MAGNITUDE = Integer.MAX_VALUE;

  int count;

  /**
   * For each class, a number that rises as the value falls in the upper half, and the class in the
   * lower half.
   */
  private long[] keys = new long[0];

  /** The largest value while the candidates are ordered by class. */
  private float largest;

  private boolean sorted;

  /** Removes all candidates, for a row of {@code classes} classes. */
  void begin(long classes) {
    count = 0;
    largest = Float.NEGATIVE_INFINITY;
    sorted = false;
    if (keys.length < classes) {
      keys = new long[(int) Math.min(classes, MOST)];
    }
  }

  /** Adds a class; -0 counts as +0. */
  void add(int clazz, float value) {
    int falling = ~ordered(Float.floatToRawIntBits(value + 0f));
    keys[count++] = ((long) falling << Integer.SIZE) | Integer.toUnsignedLong(clazz);
  }

  /** Updates the largest value. */
  void raise(float value) {
    largest = Math.max(largest, value + 0f);
  }

  /** The largest value. */
  float largest() {
    return sorted ? value(0) : largest;
  }

  boolean isSorted() {
    return sorted;
  }

  /** Sorts by value. */
  void sort() {
    if (!sorted) {
      Arrays.sort(keys, 0, count);
      sorted = true;
    }
  }

  /** Sorts by class. */
  void sortByClass() {
    if (sorted) {
      largest = value(0);
      turn();
      Arrays.sort(keys, 0, count);
      turn();
      sorted = false;
    }
  }

  private void turn() {
    for (int i = 0; i < count; i++) {
      keys[i] = Long.rotateLeft(keys[i], Integer.SIZE);
    }
  }

  /** Moves a candidate to another index. */
  void move(int from, int to) {
    keys[to] = keys[from];
  }

  int clazz(int i) {
    return (int) keys[i];
  }

  float value(int i) {
    return Float.intBitsToFloat(ordered(~(int) (keys[i] >> Integer.SIZE)));
  }

  /** Keeps the candidates in a range of indices. */
  void keep(int begin, int end) {
    count = end - begin;
    System.arraycopy(keys, begin, keys, 0, count);
  }

  /** Maps the bits of a float to an integer with the same order, and back. */
  private static int ordered(int bits) {
    return bits ^ ((bits >> (Integer.SIZE - 1)) & MAGNITUDE);
  }
}
