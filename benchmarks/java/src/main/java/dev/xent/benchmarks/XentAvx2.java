// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.options.Isa;
import org.openjdk.jmh.annotations.Benchmark;

/** Xent, held down to AVX2. */
public final class XentAvx2 extends XentCandidate {
  static final String NAME = "xent-avx2";

  /** For the service loader. */
  public XentAvx2() {
    super(NAME, Isa.AVX2, 1, Timed.class);
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
