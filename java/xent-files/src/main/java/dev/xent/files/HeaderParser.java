// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.text.Messages.message;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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
 * number. The text is at most {@link NpyFile#MAX_HEADER} bytes, and the patterns never go back, so
 * a hostile header costs little.
 */
final class HeaderParser {
  private static final Set<String> KEYS = Set.of("descr", "fortran_order", "shape");

  private static final Pattern BEGIN = Pattern.compile("[ \t\r\n]*+\\{[ \t\r\n]*+");

  /** A key, its value, and the comma after it. A value that begins with a bracket is a dtype. */
  private static final Pattern ENTRY =
      Pattern.compile(
          "(?:'([^']*+)'|\"([^\"]*+)\")[ \t\r\n]*+:[ \t\r\n]*+"
              + "('[^']*+'|\"[^\"]*+\"|\\[|True|False|\\([^()]*+\\))[ \t\r\n]*+(,?+)[ \t\r\n]*+");

  private static final Pattern END = Pattern.compile("\\}[ \t\r\n]*+");

  /** One size; the suffix L is that of long numbers of Python 2. */
  private static final Pattern SIZE = Pattern.compile("[ \t\r\n]*+([0-9]++)L?+[ \t\r\n]*+");

  private HeaderParser() {}

  static NpyHeader parse(String text) {
    Map<String, String> values = values(text);
    String order = values.get("fortran_order");
    if (!order.equals("True") && !order.equals("False")) {
      throw damaged("fortran_order is neither True nor False");
    }
    return new NpyHeader(
        NpyDescr.parse(unquoted(values.get("descr"))),
        order.equals("True"),
        shape(values.get("shape")));
  }

  private static Map<String, String> values(String text) {
    Map<String, String> values = new HashMap<>();
    Matcher matcher = BEGIN.matcher(text);
    int at = matcher.lookingAt() ? matcher.end() : -1;
    boolean more = at >= 0;
    matcher.usePattern(ENTRY);
    while (more && matcher.region(at, text.length()).lookingAt()) {
      String key = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
      if (!KEYS.contains(key)) {
        throw damaged("unknown key '" + Shown.word(key) + "'");
      }
      if (values.put(key, matcher.group(3)) != null) {
        throw damaged("the key '" + key + "' appears twice");
      }
      if (key.equals("descr") && matcher.group(3).equals("[")) {
        throw new FileException(
            "has a structured dtype (named fields); save one field as a plain array: x['name']");
      }
      more = !matcher.group(4).isEmpty();
      at = matcher.end();
    }
    if (at < 0 || !matcher.usePattern(END).region(at, text.length()).matches()) {
      String rest = Shown.word(text.substring(Math.max(at, 0)));
      throw damaged(
          rest.isEmpty()
              ? "it ends too early"
              : "a key and its value were expected at '" + rest + "'");
    }
    for (String key : KEYS) {
      if (!values.containsKey(key)) {
        throw damaged("the key '" + key + "' is missing");
      }
    }
    return values;
  }

  private static String unquoted(String word) {
    if (word.startsWith("'") || word.startsWith("\"")) {
      return word.substring(1, word.length() - 1);
    }
    throw damaged("descr is not a word in quotes");
  }

  private static long[] shape(String tuple) {
    if (!tuple.startsWith("(")) {
      throw damaged("the shape is not a tuple of sizes");
    }
    String inside = tuple.substring(1, tuple.length() - 1);
    if (inside.isBlank()) {
      return new long[0];
    }
    String[] sizes = inside.split(",", -1);
    int rank = sizes[sizes.length - 1].isBlank() ? sizes.length - 1 : sizes.length;
    if (rank > NpyHeader.MAX_RANK) {
      throw damaged(message("the shape has more than %d dimensions", NpyHeader.MAX_RANK));
    }
    long[] shape = Arrays.stream(sizes, 0, rank).mapToLong(HeaderParser::size).toArray();
    if (sizes.length == 1) {
      throw damaged(message("the shape is a number in parentheses, not (%d,)", shape[0]));
    }
    return shape;
  }

  private static long size(String text) {
    Matcher matcher = SIZE.matcher(text);
    if (!matcher.matches()) {
      throw damaged(
          message("a size in the shape is not a whole number: '%s'", Shown.word(text.strip())));
    }
    String digits = matcher.group(1);
    if (digits.startsWith("0") && !digits.matches("0++")) {
      throw damaged("a size in the shape begins with a 0: " + Shown.word(digits));
    }
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException tooLarge) {
      throw damaged("a size in the shape is too large: " + Shown.word(digits));
    }
  }

  private static FileException damaged(String cause) {
    return new FileException(
        "has a damaged .npy header: " + cause + "; save it again with np.save");
  }
}
