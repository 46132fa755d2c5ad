// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The numbers that options take; null is an option that was not given. */
final class Ranges {
  private Ranges() {}

  /** Refuses what is not in [0, 1]. */
  static void from0To1(String option, @Nullable Double value) {
    if (value != null && !(value >= 0 && value <= 1)) {
      throw outOfRange(option, value, "a number from 0 to 1");
    }
  }

  /** Refuses what is not in (0, 1]. */
  static void above0To1(String option, @Nullable Double value) {
    if (value != null && !(value > 0 && value <= 1)) {
      throw outOfRange(option, value, "a number above 0, at most 1");
    }
  }

  /** Refuses what is not in [0, 2^32]. */
  static void from0To2To32(String option, @Nullable Double value) {
    if (value != null && !(value >= 0 && value <= 0x1p32)) {
      throw outOfRange(option, value, "a number from 0 to 2^32");
    }
  }

  /** Refuses what no float holds. */
  static void asFloat(String option, double value) {
    if (!(Math.abs(value) <= Float.MAX_VALUE)) {
      throw outOfRange(option, value, "a number of at most 3.4e38");
    }
  }

  /** Refuses what is not in (0, 0.5]. */
  static void above0To05(String option, @Nullable Double value) {
    if (value != null && !(value > 0 && value <= 0.5)) {
      throw outOfRange(option, value, "a number above 0, at most 0.5");
    }
  }

  /** Refuses infinities and NaN. */
  static void finite(String option, double value) {
    if (!Double.isFinite(value)) {
      throw outOfRange(option, value, "a finite number");
    }
  }

  /** Refuses negative numbers, infinities and NaN. */
  static void atLeast0(String option, @Nullable Double value) {
    if (value != null && !(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw outOfRange(option, value, "a finite number of at least 0");
    }
  }

  /** Refuses numbers whose reciprocal has not all its bits. */
  static void factor(String option, @Nullable Double value) {
    if (value != null && !(value >= 0x1p-32 && value <= 0x1p32)) {
      throw outOfRange(option, value, "a number from 2^-32 to 2^32");
    }
  }

  /** Refuses the same but for 0. */
  static void factorOr0(String option, double value) {
    if (value != 0 && !(value >= 0x1p-32 && value <= 0x1p32)) {
      throw outOfRange(option, value, "0 for the largest logit, or a number from 2^-32 to 2^32");
    }
  }

  /** Refuses what 32 bits do not count. */
  static void counter(String option, long value) {
    if (value < 0 || value > 0xFFFFFFFFL) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "%s must be a whole number from 0 to %d (was %d)",
              option,
              0xFFFFFFFFL,
              value));
    }
  }

  private static CommandException outOfRange(String option, double value, String range) {
    return new CommandException(
        String.format(Locale.ROOT, "%s must be %s (was %s)", option, range, Numbers.text(value)));
  }
}
