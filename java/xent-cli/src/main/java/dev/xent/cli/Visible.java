// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Names of files and other words from outside, as a terminal may have them. */
public final class Visible {
  /** What moves the cursor, colours, turns or hides text: controls, formats, halves, line ends. */
  private static final Pattern UNSEEN = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]");

  private Visible() {}

  /** The text on one line, with escapes for characters that show nothing. */
  public static String line(String text) {
    return UNSEEN.matcher(text).replaceAll(Visible::escaped);
  }

  private static String escaped(MatchResult unseen) {
    return "\\\\u{" + Integer.toHexString(unseen.group().codePointAt(0)) + "}";
  }
}
