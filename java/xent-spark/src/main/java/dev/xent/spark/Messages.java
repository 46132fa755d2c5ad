// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.util.Locale;

/** Texts for people, the same in every locale. */
final class Messages {
  private Messages() {}

  /** {@link String#format(Locale, String, Object...)} in {@link Locale#ROOT}. */
  static String message(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
