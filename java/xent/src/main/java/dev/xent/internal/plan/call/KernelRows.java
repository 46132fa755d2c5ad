// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Work;

/** The rows of a piece, by one kernel, which gets as many at once as it may. */
public final class KernelRows implements RowWork {
  /** What the kernel of some rows is called with. */
  @FunctionalInterface
  public interface Kernel {
    /** Rows of the piece that the call has entered. */
    Work of(Call call, long row, long rowEnd);
  }

  private final Kernels kernels;
  private final Kernel kernel;

  /** Rows by this kernel. */
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
