// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.FunctionDescriptor;
import java.util.List;

/** What the linker is told of the doors of the core. */
public final class Doors {
  private Doors() {}

  /** Of a call that is prepared, whose memory stays where it is. */
  public static FunctionDescriptor ofFixedMemory() {
    return NativeKernels.descriptor(0);
  }

  public static List<FunctionDescriptor> descriptors() {
    return List.of(
        NativeKernels.descriptor(Work.FEW_ARRAYS), NativeKernels.descriptor(Function.MOST_ARRAYS));
  }
}
