// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The JMH benchmark: one task. Every candidate has a subclass with its own method, so that the call
 * in it is compiled for this candidate alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public abstract class Cell {
  private static volatile @Nullable Task next;

  /** The task of this trial. */
  protected @Nullable Task task;

  /** Sets the task of the next trial. */
  static void next(Task task) {
    next = task;
  }

  /** Takes the task that the {@link Worker} has set. */
  @Setup
  public void take() {
    task = Objects.requireNonNull(next, "no task: cells are run by Worker");
  }
}
