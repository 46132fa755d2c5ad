// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.util.Arrays;

/** The largest classes of a row in falling order, the lower class first among equals. */
final class TopClasses {
  int found;

  private long[] classes = new long[0];
  private double[] values = new double[0];
  private int wanted;

  void begin(int count) {
    wanted = count;
    found = 0;
    if (classes.length < count) {
      classes = Arrays.copyOf(classes, count);
      values = Arrays.copyOf(values, count);
    }
  }

  /** Classes come in rising order. */
  void add(long clazz, double x) {
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

  long clazz(int i) {
    return classes[i];
  }

  double value(int i) {
    return values[i];
  }
}
