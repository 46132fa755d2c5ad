// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.XentException;
import dev.xent.files.FileException;
import dev.xent.files.Shown;
import java.io.PrintWriter;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Prints every error as one line on standard error, {@code xent: cause; fix}; the exit code is 2.
 */
final class ErrorLine {
  /** If this environment variable is set, an internal error prints its stack trace. */
  private static final String TRACE = "XENT_TRACE";

  private ErrorLine() {}

  /** Handles invalid arguments; with help or version among them, prints that instead. */
  static int wrongArguments(ParameterException e, String[] args) {
    CommandLine line = e.getCommandLine();
    List<String> words = List.of(args);
    if (words.contains("--help") || words.contains("-h")) {
      line.usage(line.getOut());
      return ExitCode.OK;
    }
    if (words.contains("--version") || words.contains("-V")) {
      line.printVersionHelp(line.getOut());
      return ExitCode.OK;
    }
    String cause = e.getMessage();
    if (e instanceof UnmatchedArgumentException unmatched) {
      cause = unmatched(unmatched);
    }
    return print(
        line.getErr(),
        message(
            "%s; see '%s --help'", lowerFirst(cause), line.getCommandSpec().qualifiedName(" ")));
  }

  /** Handles an exception of a command. */
  static int failure(Exception e, CommandLine line, ParseResult arguments) {
    if (e instanceof FileException || e instanceof CommandException) {
      return print(line.getErr(), e.getMessage());
    }
    if (e instanceof XentException || e instanceof NativeLibraryException) {
      return print(line.getErr(), TypedNames.in(e.getMessage(), arguments));
    }
    if (System.getenv(TRACE) != null) {
      e.printStackTrace(line.getErr());
    }
    return print(line.getErr(), internal(e));
  }

  private static String internal(Throwable e) {
    return message("internal error: %s; please report it, with %s=1 set", e, TRACE);
  }

  /**
   * The line for an error of the JVM: memory is short, a mapped file becomes shorter, or a class
   * cannot be loaded, for example if jars are replaced during the run.
   */
  static String of(Error e) {
    if (e instanceof OutOfMemoryError) {
      return message(
          "not enough memory: %s; close other programs or split the input", e.getMessage());
    }
    if (e instanceof InternalError) {
      return message(
          "a mapped file became shorter while it was read (%s); copy it and try again",
          e.getMessage());
    }
    return internal(e);
  }

  static int print(PrintWriter err, String message) {
    err.println("xent: " + Shown.line(message.strip()));
    err.flush();
    return ExitCode.ERROR;
  }

  private static String unmatched(UnmatchedArgumentException e) {
    String first = e.getUnmatched().getFirst();
    String what =
        e.isUnknownOption()
            ? "unknown option '%s'"
            : e.getCommandLine().getSubcommands().isEmpty()
                ? "unexpected argument '%s'"
                : "unknown command '%s'";
    CommandLine line = e.getCommandLine();
    Collection<String> known =
        e.isUnknownOption()
            ? line.getCommandSpec().optionsMap().keySet()
            : line.getSubcommands().keySet();
    String near =
        Nearest.to(first, known).map(name -> message(" (did you mean '%s'?)", name)).orElse("");
    return message(what, first) + near;
  }

  private static String lowerFirst(String text) {
    return text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
  }
}
