// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.options.SamplingRules;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** Puts what the user typed in the place of arguments of the library in its messages. */
final class TypedNames {
  private static final Set<Class<?>> NUMBERS =
      Set.of(double.class, Double.class, long.class, Long.class);
  private static final String WITHOUT = "build the operation with no ";
  private static final String OTHER_AXIS = "build the operation with axis(";

  private TypedNames() {}

  /** A message with the files and flags of a command line. */
  static String in(String message, ParseResult arguments) {
    Map<String, String> typed = new HashMap<>(Map.of("Infinity", "inf", "NaN", "nan"));
    for (SamplingRules each : SamplingRules.values()) {
      typed.put(each.name(), Converters.name(each));
    }
    ParseResult command = arguments.hasSubcommand() ? arguments.subcommand() : arguments;
    for (ArgSpec each : command.matchedArgs()) {
      boolean isNumber = NUMBERS.contains(each.type());
      if (isNumber || each.type() == InputFile.class) {
        String flag = each instanceof OptionSpec option ? option.longestName() : "";
        String file = isNumber ? "" : each.getValue().toString();
        String name = flag.isEmpty() ? each.paramLabel().replace(".npy", "") : flag.substring(2);
        typed.put(argument(name), (flag + " " + file).strip());
      }
    }
    return withAxis(replaced(message, typed).replace(WITHOUT, "leave out "));
  }

  /** The argument with a name of the command line: {@code class-weights} is classWeights. */
  private static String argument(String name) {
    StringBuilder argument = new StringBuilder();
    boolean upper = false;
    for (char letter : name.toCharArray()) {
      char lower = Character.toLowerCase(letter);
      if (letter != '-') {
        argument.append(upper ? Character.toUpperCase(lower) : lower);
      }
      upper = letter == '-';
    }
    return argument.toString();
  }

  /** A message with other words in the place of some. */
  static String replaced(String message, Map<String, String> words) {
    StringBuilder text = new StringBuilder();
    int end;
    for (int begin = 0; begin < message.length(); begin = end) {
      end = begin + 1;
      while (Character.isLetterOrDigit(message.charAt(begin))
          && end < message.length()
          && Character.isLetterOrDigit(message.charAt(end))) {
        end++;
      }
      String word = message.substring(begin, end);
      text.append(words.getOrDefault(word, word));
    }
    return text.toString();
  }

  private static String withAxis(String message) {
    int at = message.indexOf(OTHER_AXIS);
    if (at < 0) {
      return message;
    }
    int begin = at + OTHER_AXIS.length();
    int end = message.indexOf(')', begin);
    return message.substring(0, at)
        + "use --axis "
        + message.substring(begin, end)
        + message.substring(end + 1);
  }
}
