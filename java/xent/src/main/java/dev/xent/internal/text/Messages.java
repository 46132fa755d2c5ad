// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.text;

import java.util.Locale;

/** Messages of exceptions and texts of {@code toString}, the same in every locale. */
public final class Messages {
  private Messages() {}

  /** {@link String#format(Locale, String, Object...)} in {@link Locale#ROOT}. */
  public static String message(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }

  /** "1 row", "2 rows", "1 class", "2 classes". */
  public static String plural(long count, String noun) {
    return count == 1 ? "1 " + noun : count + " " + noun + (noun.endsWith("s") ? "es" : "s");
  }
}
