// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.errors.OptionException;
import java.util.Locale;
import java.util.function.DoubleFunction;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The numbers that options take; null is an option that was not given. */
final class Ranges {
  /** A message: what it expects, without what the end of the range does. */
  private static final Pattern EXPECTED = Pattern.compile("^.*; expected (.+?)(, which .*)?$");

  private Ranges() {}

  /** Refuses what the option of a builder refuses, in its words. */
  static void require(String option, @Nullable Double value, DoubleFunction<?> builder) {
    require(option, value, builder, "$1");
  }

  /** Refuses what the option of a builder refuses, in other words. */
  static void require(
      String option, @Nullable Double value, DoubleFunction<?> builder, String words) {
    if (value == null) {
      return;
    }
    try {
      builder.apply(value);
    } catch (OptionException e) {
      throw outOfRange(
          option, value, EXPECTED.matcher(String.valueOf(e.getMessage())).replaceFirst(words));
    }
  }

  /** Refuses what no float holds. */
  static void asFloat(String option, double value) {
    if (!(Math.abs(value) <= Float.MAX_VALUE)) {
      throw outOfRange(option, value, "a number of at most 3.4e38");
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
