// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import dev.xent.benchmarks.Candidate;
import dev.xent.benchmarks.Cell;
import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Careful code with jdk.incubator.vector. */
public final class VectorApi implements Candidate {
  @Override
  public String name() {
    return "vector";
  }

  @Override
  public Kind kind() {
    return Kind.PEER;
  }

  @Override
  public Class<? extends Cell> cell() {
    return Timed.class;
  }

  @Override
  public Map<String, Task> tasks(Problem problem) {
    if (!problem.operation.isPlain() || problem.operation.isSampling()) {
      return Map.of();
    }
    if (problem.operation.isBinary()) {
      return Map.of("elements", new VectorElementTask(problem));
    }
    if (problem.shape.inner() > 1) {
      return Map.of("columns", VectorColumnTasks.of(problem));
    }
    return problem.shape.classes() <= Lanes.LENGTH
        ? Map.of("short rows", VectorShortRows.of(problem))
        : Map.of("rows", VectorRowTasks.of(problem));
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One call. */
    @Benchmark
    public double vector() throws Exception {
      return task.run();
    }
  }
}
