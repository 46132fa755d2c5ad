// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.Isa;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Xent, held down to AVX2. */
public final class XentAvx2 implements Candidate {
  static final String NAME = "xent-avx2";

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
    return Map.of("Java API", new XentTasks(Isa.AVX2, 1).of(problem));
  }

  /** For JMH. */
  public static class Timed extends Cell {
    /** One call. */
    @Benchmark
    public double xentAvx2() throws Exception {
      return task.run();
    }
  }
}
