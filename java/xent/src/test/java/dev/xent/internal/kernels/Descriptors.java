// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.FunctionDescriptor;
import java.util.Map;

/** What NativeKernels tells the linker of functions, with its own descriptors. */
public final class Descriptors {
  private Descriptors() {}

  /** By the names of the functions. */
  public static Map<String, FunctionDescriptor> byHand() {
    return Map.of(
        "xent_few_at", NativeKernels.descriptor(Work.FEW_ARRAYS),
        "xent_many_at", NativeKernels.descriptor(Function.MOST_ARRAYS),
        "xent_run_at", NativeKernels.descriptor(Work.FEW_ARRAYS),
        "xent_run", NativeKernels.descriptor(0));
  }
}
