// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import java.util.Arrays;
import java.util.SplittableRandom;

/** What the logits of a row are like; simpler ones come first. */
enum LogitKind {
  ORDINARY,
  EQUAL,
  FEW_VALUES,
  ZEROS_OF_BOTH_SIGNS,
  STEEP,
  SPIKE,
  SOME_MASKED,
  FIRST_MASKED,
  ALL_MASKED,
  BEYOND_THE_LIMIT,
  AT_THE_LIMIT,
  SUBNORMAL,
  HUGE,
  EXTREME,
  WITH_NAN,
  WITH_INFINITY,
  /** Each row has a random kind. */
  MIXED;

  private static final double LIMIT = 16384;
  private static final LogitKind[] KINDS = values();

  /** Whether all of them are moderate: no term is faint, and nothing overflows. */
  boolean isTame() {
    return compareTo(STEEP) < 0;
  }

  double[] row(SplittableRandom random, DType type, int classes) {
    if (this == MIXED) {
      return KINDS[random.nextInt(KINDS.length - 1)].row(random, type, classes);
    }
    double[] row = new double[classes];
    double base = random.nextGaussian() * 3;
    for (int k = 0; k < classes; k++) {
      row[k] = Numbers.round(type, value(random, type, base));
    }
    if (classes > 0) {
      finish(row, random);
    }
    return row;
  }

  private double value(SplittableRandom random, DType type, double base) {
    double normal = random.nextGaussian();
    boolean sign = random.nextBoolean();
    return switch (this) {
      case EQUAL -> base;
      case FEW_VALUES -> random.nextInt(4) - 2;
      case ZEROS_OF_BOTH_SIGNS -> sign ? 0.0 : -0.0;
      case STEEP -> normal * 40;
      case BEYOND_THE_LIMIT -> normal * 8 + (base < 0 ? -1.5 : 1.5) * LIMIT;
      case AT_THE_LIMIT -> LIMIT * (base < 0 ? -1 : 1) + Math.round(normal);
      case SUBNORMAL -> normal * Numbers.minNormal(type) / 8;
      case HUGE ->
          Math.clamp(normal * Numbers.max(type) / 1024, -Numbers.max(type), Numbers.max(type));
      case EXTREME -> sign ? Numbers.max(type) : -Numbers.max(type);
      default -> normal * 3;
    };
  }

  private void finish(double[] row, SplittableRandom random) {
    int at = random.nextInt(row.length);
    switch (this) {
      case SPIKE -> row[at] += 64;
      case SOME_MASKED -> {
        for (int k = 0; k < row.length; k++) {
          row[k] = k != at && random.nextInt(3) == 0 ? Double.NEGATIVE_INFINITY : row[k];
        }
      }
      case FIRST_MASKED -> Arrays.fill(row, 0, at, Double.NEGATIVE_INFINITY);
      case ALL_MASKED -> Arrays.fill(row, Double.NEGATIVE_INFINITY);
      case WITH_NAN -> row[at] = Double.NaN;
      case WITH_INFINITY -> row[at] = Double.POSITIVE_INFINITY;
      default -> {}
    }
  }
}
