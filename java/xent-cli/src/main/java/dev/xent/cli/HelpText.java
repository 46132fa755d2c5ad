// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Text;
import picocli.CommandLine.Help.ColorScheme;
import picocli.CommandLine.Help.IParamLabelRenderer;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

/** The layout of {@code --help}: options as people usually type them, {@code --axis A}. */
final class HelpText extends Help {
  private HelpText(CommandSpec command, ColorScheme colors) {
    super(command, colors);
  }

  static void addTo(CommandLine line) {
    line.setHelpFactory(HelpText::new);
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
