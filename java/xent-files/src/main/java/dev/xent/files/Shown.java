// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

/** Text from a file in a message. */
final class Shown {
  private static final int WORD = 40;
  private static final int SENTENCE = 120;

  private Shown() {}

  /** The start of a text, fit for a terminal. */
  static String word(String text) {
    return start(text, WORD);
  }

  /** The same, for what a parser says. */
  static String sentence(String text) {
    return start(text, SENTENCE);
  }

  private static String start(String text, int length) {
    String start = text.length() > length ? text.substring(0, length) + "..." : text;
    return start.strip().replaceAll("[^ -~]", "?");
  }
}
