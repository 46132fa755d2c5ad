// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.util.Locale;

/** Texts for people, the same in every locale. */
public final class Messages {
  private Messages() {}

  /** {@link String#format(Locale, String, Object...)} in {@link Locale#ROOT}. */
  public static String message(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
