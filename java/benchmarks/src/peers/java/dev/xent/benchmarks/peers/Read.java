// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import dev.xent.benchmarks.Candidate;
import dev.xent.benchmarks.Cell;
import dev.xent.benchmarks.Problem;
import dev.xent.benchmarks.Task;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Reads the input and adds it, which is the least possible work on it. */
public final class Read implements Candidate {
  @Override
  public String name() {
    return "read";
  }

  @Override
  public Kind kind() {
    return Kind.BOUND;
  }

  @Override
  public Class<? extends Cell> cell() {
    return Timed.class;
  }

  @Override
  public Map<String, Task> tasks(Problem problem) {
    MemorySegment x = problem.input;
    long floats = x.byteSize() / Float.BYTES;
    return Map.of("vector sum", () -> VectorRows.total(x, 0, floats));
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One sum. */
    @Benchmark
    public double read() throws Exception {
      return task.run();
    }
  }
}
