// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Text from outside in a message: of a file, or its name. */
public final class Shown {
  private static final int WORD = 40;

  /** That of a name that is to be typed. */
  private static final int NAME = 120;

  /** What moves the cursor, colours, turns or hides text: controls, formats, halves, line ends. */
  private static final Pattern UNSEEN = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]");

  private Shown() {}

  /**
   * The whole text, fit for a terminal and a log: one line, with escapes for what shows nothing.
   */
  public static String line(String text) {
    Objects.requireNonNull(text, "text");
    return UNSEEN.matcher(text).replaceAll(Shown::escaped);
  }

  private static String escaped(MatchResult unseen) {
    return "\\\\u{" + Integer.toHexString(unseen.group().codePointAt(0)) + "}";
  }

  /** The same of a name, of which nothing is lost unless it is very long. */
  static String start(String name) {
    return line(name.length() > NAME ? name.substring(0, NAME) + "..." : name);
  }

  /** The start of a text, fit for a terminal. */
  static String word(String text) {
    String start = text.length() > WORD ? text.substring(0, WORD) + "..." : text;
    return start.strip().replaceAll("[^ -~]", "?");
  }
}
