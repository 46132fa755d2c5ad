// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.order;

import java.util.Arrays;

/**
 * The largest classes of a row in descending order; among equal values the lower class is first.
 */
public final class TopClasses {
  public int found;

  private long[] classes = new long[0];
  private double[] values = new double[0];
  private int wanted;

  public void begin(int count) {
    wanted = count;
    found = 0;
    if (classes.length < count) {
      classes = Arrays.copyOf(classes, count);
      values = Arrays.copyOf(values, count);
    }
  }

  /** Adds a class; classes must be added in ascending order. */
  public void add(long clazz, double x) {
    int at = found;
    while (at > 0 && x > values[at - 1]) {
      at--;
    }
    if (at == wanted) {
      return;
    }
    int moved = Math.min(found, wanted - 1) - at;
    System.arraycopy(classes, at, classes, at + 1, moved);
    System.arraycopy(values, at, values, at + 1, moved);
    classes[at] = clazz;
    values[at] = x;
    found = Math.min(found + 1, wanted);
  }

  public long clazz(int i) {
    return classes[i];
  }

  public double value(int i) {
    return values[i];
  }
}
