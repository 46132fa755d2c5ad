// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Times every candidate on every operation and shape, and prints one table per operation. */
@Command(
    name = "run",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    subcommands = Seldom.class,
    description = "Xent beside its peers and memory: nanoseconds per logit, as Markdown.")
public final class Main implements Callable<Integer> {
  @Option(names = "--ops", split = ",", paramLabel = "OP", description = "Only these operations.")
  private List<String> operations = List.of();

  @Option(
      names = "--shapes",
      split = ",",
      paramLabel = "SHAPE",
      description = "These shapes in place of the table's: 64x1000, 2x64x56x56@1.")
  private List<String> shapes = List.of();

  @Option(
      names = "--candidates",
      split = ",",
      paramLabel = "NAME",
      description = "Only these: ${COMPLETION-CANDIDATES}.",
      completionCandidates = Names.class)
  private List<String> candidates = List.of();

  @Option(
      names = "--quick",
      description = "A first look: fewer shapes, and shorter and fewer turns.")
  private boolean quick;

  @Option(
      names = "--cpus",
      paramLabel = "LIST",
      description =
          "The CPUs to run on, as taskset takes them: the last one by default; the first and the"
              + " last one for two threads. 'any' pins to none.")
  private @Nullable String cpus;

  @Option(
      names = "--two-threads",
      description = "Xent on two threads too, beside all others on one.")
  private boolean twoThreads;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Writes every round of everything there too.")
  private @Nullable Path json;

  /** Runs and exits. */
  public static void main(String[] args) {
    CommandLine line = new CommandLine(new Main());
    line.setExecutionExceptionHandler(
        (exception, command, parsed) -> {
          command.getErr().println("run: " + exception.getMessage());
          return CommandLine.ExitCode.USAGE;
        });
    System.exit(line.execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<Case> cases = Case.chosen(operations, shapes, quick);
    List<Candidate> chosen = candidates.isEmpty() ? Candidates.all() : Candidates.named(candidates);
    Launcher launcher = new Launcher(quick ? Plan.QUICK : Plan.FULL, pinning());
    List<Row> rows = new ArrayList<>();
    for (Case each : cases) {
      System.err.printf(Locale.ROOT, "%s %s%n", each.operation(), each.shape());
      List<String> names =
          chosen.stream()
              .map(Candidate::name)
              .filter(
                  name ->
                      XentCandidate.isWanted(name, each, twoThreads) || candidates.contains(name))
              .toList();
      rows.add(new Row(each, launcher.run(each, names)));
    }
    Goals goals = Goals.read();
    System.out.print(new Table(chosen, goals).of(rows));
    if (json != null) {
      Files.writeString(json, Report.of(rows, launcher));
    }
    return rows.stream().allMatch(Row::passed) ? CommandLine.ExitCode.OK : 1;
  }

  private @Nullable String pinning() throws IOException {
    if (cpus != null) {
      return cpus.equals("any") ? null : cpus;
    }
    return Launcher.cpus(XentCandidate.cpus(candidates, twoThreads));
  }

  /** The candidates of this build, for the help. */
  static final class Names extends ArrayList<String> {
    private static final long serialVersionUID = 1;

    Names() {
      super(Candidates.all().stream().map(Candidate::name).toList());
    }
  }
}
