// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.Isa;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Xent on two threads, which need two CPUs. */
public final class XentTwoThreads implements Candidate {
  static final String NAME = "xent-2-threads";

  @Override
  public String name() {
    return NAME;
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
    return Map.of("Java API", new XentTasks(Isa.BEST, 2).of(problem));
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One call. */
    @Benchmark
    public double xentTwoThreads() throws Exception {
      return task.run();
    }
  }
}
