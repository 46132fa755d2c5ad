// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Copies the input to the output, without computing. */
public final class Memcpy implements Candidate {
  @Override
  public String name() {
    return "memcpy";
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
    MemorySegment from = problem.input;
    MemorySegment to = problem.output;
    return Map.of(
        "MemorySegment.copy",
        () -> {
          MemorySegment.copy(from, 0, to, 0, from.byteSize());
          return 0;
        });
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One copy. */
    @Benchmark
    public double memcpy() throws Exception {
      return task.run();
    }
  }
}
