// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Execution;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The common part of commands that compute files from files. */
abstract class FileCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ComputeOptions compute;

  /** Rejects invalid values of options, before any file is read. */
  abstract void require();

  /** Reads the inputs and computes the outputs. */
  abstract void compute(CommandFiles files);

  /** Prints the results without a file. */
  void print(CommandFiles files, PrintWriter out) {
    files.show(out);
  }

  @Override
  public final Integer call() {
    require();
    try (CommandFiles files = new CommandFiles()) {
      compute(files);
      files.commit();
      print(files, spec.commandLine().getOut());
    }
    return ExitCode.OK;
  }

  /** The backend, instruction set and threads, for the builder of an operation. */
  final Execution execution() {
    return compute.execution();
  }

  /** The same with their names, for reports. */
  final Used used() {
    return Used.of(compute);
  }

  /** Runs a call with a progress bar. */
  final void run(Runnable call) {
    Progress.during(spec.name(), call);
  }
}
