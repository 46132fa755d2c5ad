// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.Isa;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Xent, with the best instruction set of this machine, on one thread. */
public final class XentBest implements Candidate {
  @Override
  public String name() {
    return "xent";
  }

  @Override
  public Kind kind() {
    return Kind.XENT;
  }

  @Override
  public Class<? extends Cell> cell() {
    return Timed.class;
  }

  @Override
  public Map<String, Task> tasks(Problem problem) {
    return Map.of("Java API", new XentTasks(Isa.BEST, 1).of(problem));
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One call. */
    @Benchmark
    public double xent() throws Exception {
      return task.run();
    }
  }
}
