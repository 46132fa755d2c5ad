// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import java.util.Arrays;

/**
 * Classes of a row: as they come, by rising class, until somebody needs their order: by falling
 * value, the lower class first among equals. Whatever a filter keeps is a run of that.
 */
final class Candidates {
  private static final int MOST = Integer.MAX_VALUE - 8;
  private static final int MAGNITUDE = Integer.MAX_VALUE;

  int count;

  /** Of each class a number that rises where the value falls, and the class below it. */
  private long[] keys = new long[0];

  /** Of those by rising class. */
  private float largest;

  private boolean sorted;

  /** None yet, of a row of so many classes. */
  void begin(long classes) {
    count = 0;
    largest = Float.NEGATIVE_INFINITY;
    sorted = false;
    if (keys.length < classes) {
      keys = new long[(int) Math.min(classes, MOST)];
    }
  }

  /** One more; -0 counts as +0. */
  void add(int clazz, float value) {
    keys[count++] = placeOf(value, clazz);
  }

  /** Whether one is in front of a place, or at it. */
  boolean isUpTo(int i, long place) {
    return keys[i] <= place;
  }

  /** Takes up the largest value. */
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

  /** Puts them in order. */
  void sort() {
    if (!sorted) {
      Arrays.sort(keys, 0, count);
      sorted = true;
    }
  }

  /** Puts them in the order of their classes. */
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

  /** Puts one at another place. */
  void move(int from, int to) {
    keys[to] = keys[from];
  }

  int clazz(int i) {
    return (int) keys[i];
  }

  float value(int i) {
    return Float.intBitsToFloat(ordered(~(int) (keys[i] >> Integer.SIZE)));
  }

  /** The key of the place where a class with this value is, or would be. */
  static long placeOf(float value, int clazz) {
    int falling = ~ordered(Float.floatToRawIntBits(value + 0f));
    return ((long) falling << Integer.SIZE) | Integer.toUnsignedLong(clazz);
  }

  /** Keeps those from one place up to another. */
  void keep(int begin, int end) {
    count = end - begin;
    System.arraycopy(keys, begin, keys, 0, count);
  }

  /** Bits of a float as an integer in the order of the floats, and back. */
  private static int ordered(int bits) {
    return bits ^ ((bits >> (Integer.SIZE - 1)) & MAGNITUDE);
  }
}
