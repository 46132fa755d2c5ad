// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.options.Isa;
import org.openjdk.jmh.annotations.Benchmark;

/** Xent, with the best instruction set of this machine, on one thread. */
public final class XentBest extends XentCandidate {
  /** For the service loader. */
  public XentBest() {
    super("xent", Isa.BEST, 1, Timed.class);
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
