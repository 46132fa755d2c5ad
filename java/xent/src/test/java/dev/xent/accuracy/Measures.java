// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import java.util.ArrayList;
import java.util.List;

/** A table of measures. */
final class Measures {
  /**
   * Exponentials of less than about 2^-156 of the largest are lost. What is below 2^-132, for each
   * class that is summed, is therefore <i>faint</i>: good to an absolute error only.
   */
  static final double FAINT = 0x1p-132;

  /** What is added to the size of a faint result, for each class that is summed. */
  static final double LOST = 0x1p-134;

  private final List<Measure> all = new ArrayList<>();

  /**
   * A new line of the table.
   *
   * @param unit what an error of 1 is
   * @param promise the largest error allowed
   */
  Measure add(String result, String unit, double promise) {
    Measure measure = new Measure(result, unit, promise);
    all.add(measure);
    return measure;
  }

  List<Measure> all() {
    return all;
  }

  /** Whether a number is a normal float. */
  static boolean isNormal(double value) {
    return Math.abs(value) >= Float.MIN_NORMAL && Math.abs(value) <= Float.MAX_VALUE;
  }

  static double ulp(double value) {
    return Math.ulp((float) value);
  }

  /** The error as a part of {@code size}, which may be 0 if both numbers are equal. */
  static double error(float actual, double expected, double size) {
    return actual == expected ? 0 : Math.abs(actual - expected) / size;
  }
}
