// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/**
 * Options whose names are settled and whose work is not done yet: refused by name, never ignored.
 */
final class LaterOptions {
  private static final List<String> LOSSES =
      List.of("--weight", "--z-loss", "--softcap", "--temperature", "--argmax");

  private static final Map<String, List<String>> BY_COMMAND =
      Map.of("softmax", List.of("--temperature"), "cross-entropy", LOSSES, "nll", LOSSES);

  private LaterOptions() {}

  static void addTo(CommandLine xent) {
    BY_COMMAND.forEach(
        (command, options) -> {
          CommandLine line = xent.getSubcommands().get(command);
          options.forEach(option -> line.getCommandSpec().addOption(refused(line, option)));
        });
  }

  private static OptionSpec refused(CommandLine line, String name) {
    return OptionSpec.builder(name)
        .type(String.class)
        .arity("0..1")
        .fallbackValue("")
        .hidden(true)
        .setter(new Refusal(line, name))
        .build();
  }

  private record Refusal(CommandLine line, String name) implements ISetter {
    @Override
    public <T> @Nullable T set(@Nullable T value) {
      if (value != null) {
        throw notYet(line, name);
      }
      return null;
    }
  }

  /** The refusal of an option, or of an option with one of its values. */
  static ParameterException notYet(CommandLine line, String option) {
    return new ParameterException(line, option + " is not in this version");
  }
}
