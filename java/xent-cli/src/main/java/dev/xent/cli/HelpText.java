// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;
import java.util.stream.Collectors;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Text;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

/**
 * The layout of {@code --help}: commands in groups, and options as people usually type them, {@code
 * --axis A}.
 */
final class HelpText extends Help {
  private static final List<String> INSPECT = List.of("verify", "info", "completion");
  private static final List<String> MEASURE = List.of("bench", "demo");

  HelpText(CommandSpec command, ColorScheme colors) {
    super(command, colors);
  }

  /** Only the groups have headings. */
  @Override
  public String commandListHeading(Object... arguments) {
    return "";
  }

  @Override
  public String commandList() {
    return subcommands().entrySet().stream()
        .collect(
            Collectors.groupingBy(
                command -> group(command.getKey()), LinkedHashMap::new, Collectors.toList()))
        .entrySet()
        .stream()
        .map(group -> message("%n%s:%n%s", group.getKey(), list(group.getValue())))
        .collect(Collectors.joining());
  }

  private static String group(String command) {
    return INSPECT.contains(command)
        ? "Inspect"
        : MEASURE.contains(command) ? "Measure" : "Compute";
  }

  private String list(List<Entry<String, Help>> commands) {
    Map<String, Help> group = new LinkedHashMap<>();
    commands.forEach(command -> group.put(command.getKey(), command.getValue()));
    return commandList(group);
  }

  @Override
  public IParamLabelRenderer parameterLabelRenderer() {
    return new SpacedLabels(super.parameterLabelRenderer());
  }

  private record SpacedLabels(IParamLabelRenderer plain) implements IParamLabelRenderer {
    @Override
    public Text renderParameterLabel(ArgSpec argument, Ansi ansi, List<Ansi.IStyle> styles) {
      Text label = plain.renderParameterLabel(argument, ansi, styles);
      return label.plainString().startsWith("=")
          ? ansi.new Text(" ").concat(label.substring(1))
          : label;
    }

    @Override
    public String separator() {
      return plain.separator();
    }
  }
}
