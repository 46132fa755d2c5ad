// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.cli.Progress;
import dev.xent.cli.bench.Result.MemoryTimes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Measures every operation on every shape of logits, with every kernel.
 *
 * @param memory how to copy and read memory, and the maximum number of threads
 * @param effort the duration
 */
record Measurement(
    List<Operation> operations,
    List<Shape> shapes,
    List<Tier> tiers,
    Memory memory,
    Effort effort) {
  private static final List<Shape> SMALL = List.of(Shape.of("3x20"), Shape.of("2x5x6@1"));
  private static final long FEW = 1 << 12;

  /** Measures; the results are grouped by operation, then by shape. */
  List<Result> run() {
    List<List<Result>> byOperation = new ArrayList<>();
    operations.forEach(operation -> byOperation.add(new ArrayList<>()));
    try (Progress progress = Progress.of("measuring", (long) operations.size() * shapes.size())) {
      warmUp();
      for (Shape shape : shapes) {
        for (int i = 0; i < operations.size(); i++) {
          byOperation.get(i).addAll(one(operations.get(i), shape));
          progress.step();
        }
      }
    }
    return byOperation.stream().flatMap(List::stream).toList();
  }

  /**
   * Compiles the code around calls on small problems: with rows, with columns, and the small ones
   * of the measurement.
   */
  private void warmUp() {
    List<Shape> small =
        Stream.concat(SMALL.stream(), shapes.stream().filter(s -> s.elements() <= FEW)).toList();
    List<Problem> problems = new ArrayList<>();
    List<Work> works = new ArrayList<>();
    for (Shape shape : small) {
      for (Operation operation : operations) {
        Problem problem = new Problem(operation, shape);
        problems.add(problem);
        works.addAll(verified(operation, problem));
        works.addAll(problem.copies(memory));
        works.addAll(problem.reads(memory));
      }
    }
    Jit.warmUp(works, effort.patience());
    problems.forEach(Problem::close);
  }

  private List<Result> one(Operation operation, Shape shape) {
    try (Problem problem = new Problem(operation, shape)) {
      List<Work> works = new ArrayList<>(verified(operation, problem));
      works.addAll(problem.copies(memory));
      int own = tiers.size();
      int copied = works.size();
      works.addAll(problem.reads(memory));
      List<Times> times =
          new Stopwatch(effort).time(works).stream().map(t -> t.per(shape.elements())).toList();
      MemoryTimes moved =
          new MemoryTimes(
              Stopwatch.lowest(times.subList(own, copied)),
              Stopwatch.lowest(times.subList(copied, times.size())));
      List<Result> results = new ArrayList<>();
      for (int i = 0; i < own; i++) {
        results.add(
            new Result(operation, shape, tiers.get(i), memory.threads(), times.get(i), moved));
      }
      return results;
    }
  }

  /** The work of each kernel, after a check of its bits. */
  private List<Work> verified(Operation operation, Problem problem) {
    try (Check check = new Check(operation, problem)) {
      return tiers.stream()
          .map(
              tier -> {
                Work work = operation.on(problem, tier, memory.threads());
                if (!tier.equals(Tier.REFERENCE)) {
                  check.verify(work, tier);
                }
                return work;
              })
          .toList();
    }
  }
}
