// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code xent completion}: a script that completes commands and options in a shell. */
@Command(
    name = "completion",
    header = "Print a script for the completion of a shell.",
    customSynopsis = "xent completion bash|zsh|fish",
    description = "The script completes commands, options and file names of 'xent' on the PATH.",
    footer = {
      "Examples:",
      "  eval \"$(xent completion bash)\"                         # or zsh: this session",
      "  xent completion fish > ~/.config/fish/completions/xent.fish"
    })
final class CompletionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "SHELL", description = "bash, zsh or fish.")
  private Shell shell;

  /** Shells with a script. */
  enum Shell {
    BASH,
    ZSH,
    FISH
  }

  @Override
  public Integer call() {
    CommandLine root = spec.root().commandLine();
    String script =
        shell == Shell.FISH
            ? fish(root)
            : AutoComplete.bash(root.getCommandName(), root); // also for zsh
    spec.commandLine().getOut().print(script);
    return ExitCode.OK;
  }

  private static String fish(CommandLine root) {
    List<String> lines = new ArrayList<>();
    String name = root.getCommandName();
    root.getSubcommands()
        .forEach(
            (command, line) -> {
              CommandSpec each = line.getCommandSpec();
              lines.add(
                  message(
                      "complete -c %s -n __fish_use_subcommand -f -a %s -d %s",
                      name, command, quoted(each.usageMessage().header()[0])));
              each.options().stream()
                  .filter(option -> !option.hidden())
                  .forEach(option -> lines.add(fish(name, command, option)));
            });
    return String.join(System.lineSeparator(), lines) + System.lineSeparator();
  }

  private static String fish(String name, String command, OptionSpec option) {
    StringBuilder line =
        new StringBuilder(
            message("complete -c %s -n '__fish_seen_subcommand_from %s'", name, command));
    for (String each : option.names()) {
      line.append(each.startsWith("--") ? " -l " + each.substring(2) : " -s " + each.substring(1));
    }
    String[] description = option.description();
    return line.append(option.arity().max() > 0 ? " -r" : "")
        .append(description.length == 0 ? "" : " -d " + quoted(description[0]))
        .toString();
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
