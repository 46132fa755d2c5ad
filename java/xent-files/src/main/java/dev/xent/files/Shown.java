// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Makes text from outside, such as a file's content or its name, safe to show in a message. */
public final class Shown {
  private static final int WORD = 40;

  /** The limit for a name that the reader has to type. */
  private static final int NAME = 120;

  /**
   * Characters that move the cursor, colour, reorder or hide text: controls, formats, surrogates,
   * line ends.
   */
  private static final Pattern UNSEEN = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]");

  private Shown() {}

  /**
   * The whole text, safe for a terminal and a log: one line, with escapes for invisible characters.
   */
  public static String line(String text) {
    Objects.requireNonNull(text, "text");
    return UNSEEN.matcher(text).replaceAll(Shown::escaped);
  }

  private static String escaped(MatchResult unseen) {
    return "\\\\u{" + Integer.toHexString(unseen.group().codePointAt(0)) + "}";
  }

  /** As {@link #line}, for a name, which is truncated only if it is very long. */
  static String start(String name) {
    return line(name.length() > NAME ? name.substring(0, NAME) + "..." : name);
  }

  /** The start of a text, safe for a terminal. */
  static String word(String text) {
    String start = text.length() > WORD ? text.substring(0, WORD) + "..." : text;
    return start.strip().replaceAll("[^ -~]", "?");
  }
}
