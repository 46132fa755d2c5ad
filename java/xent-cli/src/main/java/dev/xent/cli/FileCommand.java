// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.Execution;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The common part of commands that compute files from files. */
abstract class FileCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--json", order = HelpOrder.PRINT, description = "Print one JSON object.")
  private boolean json;

  @Mixin private ComputeOptions compute;

  /** The flags of the numbers of its builder. */
  abstract NumberOptions numbers();

  /** Rejects invalid values of options, before any file is read. */
  abstract void require();

  /** Reads the inputs and computes the outputs. */
  abstract void compute(CommandFiles files);

  /** Adds the members of the JSON object that are not those of every command. */
  void addTo(Map<String, Object> object, CommandFiles files) {
    files.addTo(object);
  }

  /** The lines of facts after the results. */
  List<String> facts() {
    return List.of();
  }

  /** A line for standard error after the results, with a probable mistake and its fix; or null. */
  @Nullable String hint() {
    return null;
  }

  @Override
  public final Integer call() {
    require();
    try (CommandFiles files = new CommandFiles()) {
      compute(files);
      files.commit();
      // Standard output is only the file if it is one.
      CommandLine line = spec.commandLine();
      print(files, files.arePiped() ? line.getErr() : line.getOut());
      if (hint() != null) {
        line.getOut().flush();
        ErrorLine.print(line.getErr(), hint());
      }
    }
    return ExitCode.OK;
  }

  private void print(CommandFiles files, PrintWriter out) {
    if (json) {
      Map<String, Object> object = new LinkedHashMap<>();
      addTo(object, files);
      ResolvedExecution.of(compute).addTo(object);
      out.println(Json.line(object));
      return;
    }
    files.show(out);
    List<String> facts = facts();
    facts.forEach(out::println);
    if (!facts.isEmpty()) {
      out.println(message("%-13s%s", "computed by", ResolvedExecution.of(compute).text()));
    }
  }

  /** The backend, instruction set and threads, for the builder of an operation. */
  final Execution execution() {
    return compute.execution();
  }

  /** Runs a call with a progress bar. */
  final void run(Runnable call) {
    Progress.during(spec.name(), call);
  }

  /** Starts a progress bar for work with a known number of steps. */
  final Progress progress(long steps) {
    return Progress.of(spec.name(), steps);
  }
}
