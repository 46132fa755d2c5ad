// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import java.util.Arrays;

/**
 * Reads the dictionary of a .npy header, a small part of Python's literals:
 *
 * <pre>
 * {'descr': '&lt;f4', 'fortran_order': False, 'shape': (3, 4), }
 * </pre>
 *
 * Each of the three keys appears once, in any order, and no other key appears. The parser rejects
 * every header that NumPy rejects. It also rejects headers that NumPy reads but never writes: a key
 * that appears twice, of which NumPy uses the last, and other Python spellings of a string or a
 * number. The text is at most {@link NpyFile#MAX_HEADER} bytes and no method recurses, so a hostile
 * header costs little.
 */
final class HeaderParser {
  private final String text;
  private int at;

  private HeaderParser(String text) {
    this.text = text;
  }

  static NpyHeader parse(String text) {
    return new HeaderParser(text).dictionary();
  }

  private NpyHeader dictionary() {
    DType type = null;
    Boolean fortranOrder = null;
    long[] shape = null;
    expect('{');
    while (!accept('}')) {
      String key = string();
      expect(':');
      switch (key) {
        case "descr" -> type = once(key, type, descr());
        case "fortran_order" -> fortranOrder = once(key, fortranOrder, bool());
        case "shape" -> shape = once(key, shape, tuple());
        default -> throw garbage("the key '" + Shown.word(key) + "' is not one of a .npy header");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (skipSpace() < text.length()) {
      throw garbage("text after the closing brace: '" + Shown.word(text.substring(at)) + "'");
    }
    return new NpyHeader(
        required("descr", type), required("fortran_order", fortranOrder), required("shape", shape));
  }

  private DType descr() {
    if (peek() == '[') {
      throw new FileException(
          "has a structured dtype (named fields); save one field as a plain array: x['name']");
    }
    return NpyDescr.parse(string());
  }

  private boolean bool() {
    skipSpace();
    for (String word : new String[] {"True", "False"}) {
      if (text.startsWith(word, at)) {
        at += word.length();
        return word.equals("True");
      }
    }
    throw garbage("fortran_order is neither True nor False");
  }

  private long[] tuple() {
    long[] numbers = new long[NpyHeader.MAX_RANK];
    int count = 0;
    expect('(');
    while (!accept(')')) {
      if (count == NpyHeader.MAX_RANK) {
        throw garbage(message("the shape has more than %d dimensions", NpyHeader.MAX_RANK));
      }
      numbers[count++] = number();
      if (!accept(',')) {
        expect(')');
        if (count == 1) {
          throw garbage(message("the shape is a number in parentheses, not (%d,)", numbers[0]));
        }
        break;
      }
    }
    return Arrays.copyOf(numbers, count);
  }

  private long number() {
    int start = skipSpace();
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    String digits = text.substring(start, at);
    if (digits.isEmpty()) {
      throw garbage(message("a size in the shape is not a whole number: '%s'", rest()));
    }
    if (digits.startsWith("0") && !digits.matches("0+")) {
      throw garbage("a size in the shape begins with a 0: " + Shown.word(digits));
    }
    if (at < text.length() && text.charAt(at) == 'L') {
      at++; // the suffix L of long numbers of Python 2
    }
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException tooLarge) {
      throw garbage("a size in the shape is too large: " + Shown.word(digits));
    }
  }

  private String string() {
    int quote = peek();
    if (quote != '\'' && quote != '"') {
      throw garbage(message("a quoted word was expected at '%s'", rest()));
    }
    int end = text.indexOf(quote, at + 1);
    if (end < 0) {
      throw garbage(message("a quote is not closed at '%s'", rest()));
    }
    String word = text.substring(at + 1, end);
    at = end + 1;
    return word;
  }

  private void expect(char wanted) {
    if (!accept(wanted)) {
      throw garbage(message("'%c' was expected at '%s'", wanted, rest()));
    }
  }

  private boolean accept(char wanted) {
    if (peek() != wanted) {
      return false;
    }
    at++;
    return true;
  }

  private int peek() {
    return skipSpace() < text.length() ? text.charAt(at) : -1;
  }

  private int skipSpace() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    return at;
  }

  private String rest() {
    return at < text.length() ? Shown.word(text.substring(at)) : "the end";
  }

  private static <T> T once(String key, T before, T value) {
    if (before != null) {
      throw garbage("the key '" + key + "' appears twice");
    }
    return value;
  }

  private static <T> T required(String key, T value) {
    if (value == null) {
      throw garbage("the key '" + key + "' is missing");
    }
    return value;
  }

  private static FileException garbage(String cause) {
    return new FileException(
        "has a damaged .npy header: " + cause + "; save it again with np.save");
  }
}
