// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.options.Isa;
import java.util.Map;

/** Xent through its Java API. */
abstract class XentCandidate implements Candidate {
  private final String name;
  private final Isa isa;
  private final int threads;
  private final Class<? extends Cell> cell;

  XentCandidate(String name, Isa isa, int threads, Class<? extends Cell> cell) {
    this.name = name;
    this.isa = isa;
    this.threads = threads;
    this.cell = cell;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final Kind kind() {
    return Kind.XENT;
  }

  @Override
  public final Class<? extends Cell> cell() {
    return cell;
  }

  @Override
  public final Map<String, Task> tasks(Problem problem) {
    return Map.of("Java API", new XentTasks(isa, threads).of(problem));
  }
}
