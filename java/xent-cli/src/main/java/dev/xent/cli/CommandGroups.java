// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The list of commands in {@code xent --help}, in groups. */
final class CommandGroups {
  private static final List<String> INSPECT = List.of("verify", "info", "completion");
  private static final List<String> MEASURE = List.of("bench", "demo");

  private CommandGroups() {}

  static void addTo(CommandLine line) {
    line.getHelpSectionMap().remove(UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING);
    line.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, CommandGroups::list);
  }

  private static String list(Help help) {
    return help.subcommands().keySet().stream()
        .collect(Collectors.groupingBy(CommandGroups::of, LinkedHashMap::new, Collectors.toList()))
        .entrySet()
        .stream()
        .map(group -> message("%n%s:%n%s", group.getKey(), list(help, group.getValue())))
        .collect(Collectors.joining());
  }

  private static String of(String command) {
    return INSPECT.contains(command)
        ? "Inspect"
        : MEASURE.contains(command) ? "Measure" : "Compute";
  }

  private static String list(Help help, List<String> commands) {
    Map<String, Help> group = new LinkedHashMap<>();
    commands.forEach(command -> group.put(command, help.subcommands().get(command)));
    return help.commandList(group);
  }
}
