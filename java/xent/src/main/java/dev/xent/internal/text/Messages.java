// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.text;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Messages of exceptions and texts of {@code toString}, the same in every locale. */
public final class Messages {
  /** What messages describe without its data, unlike its {@code toString}: a tensor. */
  public interface Subject {
    String described();
  }

  private Messages() {}

  /**
   * {@link String#format(Locale, String, Object...)} in {@link Locale#ROOT}, which describes {@link
   * Subject}s.
   */
  public static String message(String format, @Nullable Object... arguments) {
    @Nullable Object[] words = arguments.clone();
    for (int i = 0; i < words.length; i++) {
      words[i] = words[i] instanceof Subject subject ? subject.described() : words[i];
    }
    return String.format(Locale.ROOT, format, words);
  }

  /** "1 row", "2 rows", "1 class", "2 classes". */
  public static String plural(long count, String noun) {
    return count == 1 ? "1 " + noun : count + " " + noun + (noun.endsWith("s") ? "es" : "s");
  }
}
