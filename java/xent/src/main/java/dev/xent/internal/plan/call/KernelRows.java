// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.plan.call.Partition.RowTask;

/** Runs one kernel over the rows of a piece, in batches of the maximum size. */
public final class KernelRows implements RowTask {
  /** Creates the arguments of a kernel call. */
  @FunctionalInterface
  public interface Kernel {
    /** The arguments for some rows of the current piece. */
    FunctionCall of(Call call, long row, long rowEnd);
  }

  private final Kernels kernels;
  private final Kernel kernel;

  /** Creates the task of a kernel. */
  public KernelRows(Kernels kernels, Kernel kernel) {
    this.kernels = kernels;
    this.kernel = kernel;
  }

  @Override
  public void run(Call call, long begin, long end) {
    long step = call.partition.rowsPerKernel();
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      Failures.check(kernels.run(kernel.of(call, row, Math.min(row + step, end))), call);
    }
  }
}
