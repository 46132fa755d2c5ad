// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.FunctionDescriptor;
import java.util.List;

/** The function descriptors that NativeKernels makes itself and passes to the linker. */
public final class Descriptors {
  private Descriptors() {}

  /**
   * One of them.
   *
   * @param passesNumbers whether addresses are passed as numbers, not only that of the struct
   */
  public record ByHand(String function, FunctionDescriptor descriptor, boolean passesNumbers) {}

  /** All of them. */
  public static List<ByHand> byHand() {
    return List.of(
        new ByHand("xent_few_at", NativeKernels.descriptor(FunctionCall.FEW_ARRAYS), false),
        new ByHand("xent_many_at", NativeKernels.descriptor(Function.MOST_ARRAYS), false),
        new ByHand("xent_run_at", NativeKernels.runDescriptor(), false),
        new ByHand("xent_run_at", NativeKernels.numbersDescriptor(), true));
  }
}
