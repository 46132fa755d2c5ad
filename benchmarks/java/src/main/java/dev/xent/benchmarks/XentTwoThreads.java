// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.options.Isa;
import org.openjdk.jmh.annotations.Benchmark;

/** Xent on two threads, which need two CPUs. */
public final class XentTwoThreads extends XentCandidate {
  static final String NAME = "xent-2-threads";

  /** For the service loader. */
  public XentTwoThreads() {
    super(NAME, Isa.BEST, 2, Timed.class);
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
