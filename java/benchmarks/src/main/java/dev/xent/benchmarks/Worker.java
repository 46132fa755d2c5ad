// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.cli.bench.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs all candidates on one operation and one shape in a separate JVM. First it checks each of
 * them. Then they take turns in rounds, so that other work on the machine affects all of them.
 */
final class Worker {
  /** The limit of time after which a slow candidate, once it has had three rounds, gets no more. */
  private static final long BUDGET_NANOS = 2_000_000_000;

  private static final int LEAST_ROUNDS = 3;

  /** Turns that end the warm-up: not faster than the best one before, and not much slower. */
  private static final int STEADY_TURNS = 2;

  private static final double FASTER = 0.97;
  private static final double SLOWER = 1.15;
  private static final int MOST_WARM_UPS = 20;
  private static final double LONG_CALL_NANOS = 200e6;

  private final Problem problem;
  private final Plan plan;
  private final Rows rows;

  private Worker(Problem problem, Plan plan) {
    this.problem = problem;
    this.plan = plan;
    rows = Rows.of(problem);
  }

  /**
   * Arguments: operation, shape, {@link Plan#text}, names of candidates. Prints one line for each.
   */
  public static void main(String[] args) throws Exception {
    Problem problem = new Problem(Operation.of(args[0]), Shape.of(args[1]));
    Worker worker = new Worker(problem, Plan.of(args[2]));
    List<String> names = List.of(args).subList(3, args.length);
    List<Timing> timings = new ArrayList<>();
    for (Candidate candidate : Candidates.named(names)) {
      worker.enter(candidate, timings);
    }
    for (Timing timing : timings) {
      // Not counted: classes that the warm-up of others loads can invalidate compiled code.
      timing.turn(worker.plan);
    }
    for (int round = 0; round < worker.plan.rounds(); round++) {
      for (Timing timing : timings) {
        timing.round(worker.plan);
      }
    }
    for (Timing timing : timings) {
      System.out.println(timing.result());
    }
  }

  /** Checks every way of a candidate, and enters the fastest of the correct ones. */
  private void enter(Candidate candidate, List<Timing> timings) throws Exception {
    List<Timing> ways = new ArrayList<>();
    for (Map.Entry<String, Task> way : candidate.tasks(problem).entrySet()) {
      double error = candidate.kind() == Candidate.Kind.BOUND ? 0 : error(way.getValue());
      if (error <= (problem.operation.isDouble() ? Rows.TOLERANCE_FLOAT64 : Rows.TOLERANCE)) {
        ways.add(new Timing(candidate, way.getKey(), way.getValue(), error));
      } else {
        System.out.println(Result.failed(candidate.name(), way.getKey(), error));
      }
    }
    Timing best = null;
    for (Timing way : ways) {
      way.warmUp(plan);
      best = best == null || way.warm < best.warm ? way : best;
    }
    if (best != null) {
      timings.add(best);
    }
  }

  private double error(Task task) throws Exception {
    problem.clearOutputs();
    return rows.error(task.check(problem.output), problem.output);
  }

  /** One way of one candidate, and its times. */
  private static final class Timing {
    private final Candidate candidate;
    private final String way;
    private final Task task;
    private final double error;
    private final List<Double> nanos = new ArrayList<>();
    private double warm;
    private long spent;

    Timing(Candidate candidate, String way, Task task, double error) {
      this.candidate = candidate;
      this.way = way;
      this.task = task;
      this.error = error;
    }

    /**
     * Repeats turns until they get no faster, because then compilation has ended. A much slower
     * turn was disturbed, by the compiler or other work, and does not count. One long call compiles
     * all methods.
     */
    void warmUp(Plan plan) throws RunnerException {
      warm = trial(plan.warmUpMillis(), plan.roundMillis());
      int steady = warm > LONG_CALL_NANOS ? STEADY_TURNS : 0;
      for (int i = 0; i < MOST_WARM_UPS && steady < STEADY_TURNS; i++) {
        double again = turn(plan);
        steady = again < FASTER * warm ? 0 : again < SLOWER * warm ? steady + 1 : steady;
        warm = Math.min(warm, again);
      }
    }

    /**
     * One turn, whose first part does not count unless one call takes longer than the whole turn.
     */
    private double turn(Plan plan) throws RunnerException {
      boolean isLong = warm > TimeUnit.MILLISECONDS.toNanos(plan.roundMillis());
      return trial(isLong ? 0 : plan.settleMillis(), plan.roundMillis());
    }

    void round(Plan plan) throws RunnerException {
      if (nanos.size() < LEAST_ROUNDS || spent < BUDGET_NANOS) {
        long start = System.nanoTime();
        nanos.add(turn(plan));
        spent += System.nanoTime() - start;
      }
    }

    /** Nanoseconds per call, as JMH measures them in this JVM. */
    private double trial(long warmUpMillis, long millis) throws RunnerException {
      Cell.next(task);
      return new Runner(
              new OptionsBuilder()
                  .include("^" + candidate.cell().getCanonicalName().replace(".", "\\.") + "\\.")
                  .forks(0)
                  .warmupIterations(warmUpMillis == 0 ? 0 : 1)
                  .warmupTime(new TimeValue(warmUpMillis, TimeUnit.MILLISECONDS))
                  .measurementIterations(1)
                  .measurementTime(new TimeValue(millis, TimeUnit.MILLISECONDS))
                  .verbosity(VerboseMode.SILENT)
                  .shouldFailOnError(true)
                  .build())
          .runSingle()
          .getPrimaryResult()
          .getScore();
    }

    String result() {
      return Result.timed(candidate.name(), way, error, nanos);
    }
  }
}
