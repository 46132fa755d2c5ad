// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.Partition.ChunkTask;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;

/** An operation on a shard: rows that have a range of the classes of longer rows. */
public abstract class ShardPlan {
  final Engine engine;
  final Kernels kernels;
  final Options options;
  final int axis;
  final long firstClass;
  final long allClasses;

  /** Computes the results of a class range of a row from its statistics. */
  final ChunkTask range = this::range;

  private final Function function;

  /**
   * Creates a plan.
   *
   * @param function the kernel that computes results from statistics
   */
  ShardPlan(
      Engine engine,
      Options options,
      int axis,
      Function function,
      long firstClass,
      long allClasses) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.options = options;
    this.axis = axis;
    this.function = function;
    this.firstClass = firstClass;
    this.allClasses = allClasses;
  }

  public final int axis() {
    return axis;
  }

  /** The beginning of a text that describes the plan. */
  final Described described(String name) {
    return new Described(name).with("firstClass", firstClass).with("allClasses", allClasses);
  }

  private void range(Call call, long row, long from, long to) {
    FunctionCall kernel =
        call.kernel(function, row, row + 1)
            .classes(from, to)
            .set(Array.STATISTICS, call.records.statistics);
    Failures.check(kernels.run(kernel), call);
  }
}
