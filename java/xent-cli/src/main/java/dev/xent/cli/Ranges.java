// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.errors.OptionException;
import java.util.function.DoubleFunction;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Checks the ranges of numeric options; null is an option that is not set. */
final class Ranges {
  /** Matches a message, to extract the expected value without the explanation at its end. */
  private static final Pattern EXPECTED = Pattern.compile("^.*; expected (.+?)(, which .*)?$");

  private Ranges() {}

  /** Sets a number in a builder, or rejects it with the message of the builder. */
  static void set(String option, @Nullable Double value, DoubleFunction<?> builder) {
    set(option, value, builder, "$1");
  }

  /** Sets a number in a builder, or rejects it with another message. */
  static void set(String option, @Nullable Double value, DoubleFunction<?> builder, String words) {
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

  /** Rejects values outside the range of float. */
  static void asFloat(String option, double value) {
    if (!(Math.abs(value) <= Float.MAX_VALUE)) {
      throw outOfRange(option, value, "a number of at most 3.4e38");
    }
  }

  /** Rejects values outside the range of a 32-bit counter. */
  static void counter(String option, long value) {
    if (value < 0 || value > 0xFFFFFFFFL) {
      throw new CommandException(
          message("%s must be a whole number from 0 to %d (was %d)", option, 0xFFFFFFFFL, value));
    }
  }

  private static CommandException outOfRange(String option, double value, String range) {
    return new CommandException(
        message("%s must be %s (was %s)", option, range, Numbers.text(value)));
  }
}
