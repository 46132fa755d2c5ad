// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the load, and prints the results. */
@Command(
    name = "load",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description =
        "64 virtual and 16 platform threads that share operations, and what becomes of it.")
public final class Main implements Callable<Integer> {
  private static final long LEAST = 12;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description =
          "How long the load lasts with G1; a twentieth of it, at least 12, with each other collector"
              + " (default: ${DEFAULT-VALUE}).")
  private long seconds = 3600;

  @Option(
      names = "--pauses",
      paramLabel = "N",
      description =
          "So many seconds of load with Xent, and as many without, in turns, in two processes, and"
              + " on large Java arrays (default: ${DEFAULT-VALUE}); 0: no such comparisons.")
  private long pauses = 120;

  @Option(
      names = "--growth",
      paramLabel = "MIB",
      description =
          "Resident memory may grow by this much under load, in half an hour or more (default:"
              + " ${DEFAULT-VALUE}).")
  private double growth = 64;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIRECTORY",
      description = "Where samples and logs are written.")
  private Path output = Path.of("");

  /** Runs and exits: with 0 if it finds no fault. */
  public static void main(String[] args) {
    CommandLine line = new CommandLine(new Main());
    line.setExecutionExceptionHandler(
        (exception, command, parsed) -> {
          command.getErr().println("load: " + exception.getMessage());
          return CommandLine.ExitCode.USAGE;
        });
    System.exit(line.execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Launcher launcher = new Launcher(output.toAbsolutePath());
    Report report = new Report(System.out);
    Results load = launcher.run(Mode.LOAD, seconds);
    report.correctness(Mode.LOAD, load);
    report.memory(load, seconds, growth);
    report.pauses(load);
    for (Launcher.Collector collector : Launcher.Collector.others()) {
      report.correctness(
          collector, launcher.run(Mode.LOAD, collector, Math.max(LEAST, seconds / 20)));
    }
    if (pauses > 0) {
      Results turns = launcher.run(Mode.TURNS, 2 * pauses);
      report.correctness(Mode.TURNS, turns);
      report.comparison(turns);
      Results with = launcher.run(Mode.XENT, pauses);
      report.correctness(Mode.XENT, with);
      report.comparison(with, launcher.run(Mode.JAVA, pauses));
      Results arrays = launcher.run(Mode.ARRAYS, 2 * pauses);
      report.correctness(Mode.ARRAYS, arrays);
      report.arrays(arrays);
    }
    return report.faults() == 0 ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }
}
