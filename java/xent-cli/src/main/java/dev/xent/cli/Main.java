// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.XentRuntime;
import dev.xent.cli.bench.BenchCommand;
import dev.xent.cli.demo.DemoCommand;
import dev.xent.cli.verify.VerifyCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code xent} command. */
@Command(
    name = "xent",
    header = "Softmax, log-softmax and cross-entropy of .npy files.",
    customSynopsis = "xent COMMAND [OPTIONS]",
    description =
        "Results have the same bits on every machine. Files are NumPy's .npy, of any size.",
    scope = ScopeType.INHERIT,
    usageHelpAutoWidth = true,
    sortOptions = false,
    synopsisHeading = "%nUsage: ",
    descriptionHeading = "%n",
    parameterListHeading = "%nFiles:%n",
    optionListHeading = "%nOptions:%n",
    footerHeading = "%n")
public final class Main implements Runnable {
  /** The format of log messages on standard error: one line each. */
  private static final String LOG_FORMAT = "java.util.logging.SimpleFormatter.format";

  /** What a mode of a file has for its type, and the types whose writes fail without a reader. */
  private static final int FILE_TYPE = 0170000;

  private static final int PIPE = 0010000;
  private static final int SOCKET = 0140000;

  /** In the order of the help. */
  private static final List<Class<?>> COMMANDS =
      List.of(
          SoftmaxCommand.class,
          SoftmaxBackwardCommand.class,
          SigmoidCommand.class,
          CalibrateCommand.class,
          CrossEntropyCommand.class,
          LinearCommand.class,
          PerplexityCommand.class,
          NllCommand.class,
          DivergenceCommand.class,
          BinaryCrossEntropyCommand.class,
          SelectedCommand.class,
          SampleCommand.class,
          VerifyCommand.class,
          InfoCommand.class,
          CompletionCommand.class,
          BenchCommand.class,
          DemoCommand.class);

  private static final String[] START = {
    "xent computes softmax, log-softmax and cross-entropy of .npy files.",
    "",
    "  xent softmax logits.npy                   print probabilities",
    "  xent softmax logits.npy -o p.npy          write them to a file",
    "  xent cross-entropy logits.npy labels.npy  print loss and accuracy",
    "  xent info                                 show what computes here",
    "",
    "'xent --help' lists all commands, 'xent COMMAND --help' explains one."
  };

  private static final String[] FOOTER = {
    "'xent COMMAND --help' explains a command and shows examples.",
    "Exit code: 0 done, 1 verify or demo found a difference, 2 an error."
  };

  @Spec private CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      order = HelpOrder.HELP,
      description = "Show this help.")
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      scope = ScopeType.INHERIT,
      order = HelpOrder.HELP,
      description = "Show the version.")
  private boolean version;

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] args) {
    if (System.getProperty(LOG_FORMAT) == null) {
      System.setProperty(LOG_FORMAT, "xent: %5$s%n");
    }
    Ansi colors = colors(System.getenv(), System.console() != null);
    PrintWriter out = new PrintWriter(System.out);
    System.exit(run(out, new PrintWriter(System.err), Main::isPipe, colors, args));
  }

  /** Whether standard output is a pipe, whose reader may have enough before its end. */
  private static boolean isPipe() {
    try {
      int mode = (int) Files.getAttribute(Path.of("/dev/stdout"), "unix:mode") & FILE_TYPE;
      return mode == PIPE || mode == SOCKET;
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      return false; // It is closed, or this is not POSIX.
    }
  }

  /** Runs the command in this process, without colours, and returns its exit code. */
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    return run(out, err, () -> false, Ansi.OFF, args);
  }

  private static int run(
      PrintWriter out, PrintWriter err, BooleanSupplier isPipe, Ansi colors, String... args) {
    CommandLine line = commandLine(args).setOut(out).setErr(err);
    line.setColorScheme(Help.defaultColorScheme(colors));
    int code;
    try {
      code = line.execute(withHelp(line, args));
    } catch (OutOfMemoryError | InternalError | LinkageError e) {
      // Uncaught, it would end the process with the exit code that means a difference.
      code = ErrorLine.print(err, ErrorLine.of(e));
    }
    out.flush();
    if (out.checkError()) {
      code =
          isPipe.getAsBoolean()
              ? ExitCode.CLOSED_PIPE
              : ErrorLine.print(err, "standard output cannot be written; check where it goes");
    }
    err.flush();
    return code;
  }

  /** Reads {@code help COMMAND} as {@code COMMAND --help}. */
  private static String[] withHelp(CommandLine line, String... args) {
    if (args.length == 0 || !args[0].equals("help")) {
      return args;
    }
    if (args.length == 1) {
      return new String[] {"--help"};
    }
    return line.getSubcommands().containsKey(args[1])
        ? new String[] {args[1], "--help"}
        : new String[] {args[1]};
  }

  /**
   * The command line for these arguments. It has only the command that they name, because to read
   * the options of all commands takes a third of a start; without a name, it has all.
   */
  static CommandLine commandLine(String... args) {
    CommandLine line = new CommandLine(new Main());
    List<Class<?>> named =
        COMMANDS.stream()
            .filter(each -> args.length > 0 && nameOf(each).equals(args[0]))
            .filter(each -> each != CompletionCommand.class)
            .toList();
    // Only the constructor applies the model transformers of a command.
    (named.isEmpty() ? COMMANDS : named).forEach(each -> line.addSubcommand(new CommandLine(each)));
    line.getCommandSpec().usageMessage().footer(FOOTER);
    // Not as an inherited attribute: picocli would then compute the version on every start.
    line.getCommandSpec().versionProvider(Main::version);
    line.getSubcommands()
        .values()
        .forEach(
            command -> {
              command.getCommandSpec().versionProvider(Main::version);
              if (command.getCommand() instanceof FileCommand each) {
                each.numbers().addTo(command.getCommandSpec());
              }
            });
    Converters.addTo(line);
    return line.setHelpFactory(HelpText::new)
        .setExpandAtFiles(false)
        .setParameterExceptionHandler(ErrorLine::wrongArguments)
        .setExecutionExceptionHandler(ErrorLine::failure);
  }

  private static String nameOf(Class<?> command) {
    return command.getAnnotation(Command.class).name();
  }

  private static String[] version() {
    XentRuntime runtime = XentRuntime.get();
    return new String[] {
      message(
          "xent %s (ABI %d, numerics %d)",
          runtime.version(), runtime.abiVersion(), runtime.numericsVersion())
    };
  }

  /** Colors on a terminal that supports them. picocli alone also colors the pipes of Git Bash. */
  static Ansi colors(Map<String, String> environment, boolean isTerminal) {
    return isTerminal && !"dumb".equals(environment.get("TERM")) ? Ansi.AUTO : Ansi.OFF;
  }

  /** Without a command, prints how to start. */
  @Override
  public void run() {
    spec.commandLine().getOut().println(String.join(System.lineSeparator(), START));
  }
}
