// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The descriptors that NativeKernels writes itself are those of the header. */
class DescriptorsTest {
  @BeforeAll
  static void load() {
    Backends.get().kernels(Backend.NATIVE);
  }

  @Test
  void callsWithFewArrays() {
    assertSame(NativeKernels.descriptor(Work.FEW_ARRAYS), XentH.xent_few_at$descriptor());
  }

  @Test
  void callsWithManyArrays() {
    assertSame(NativeKernels.descriptor(Function.MOST_ARRAYS), XentH.xent_many_at$descriptor());
  }

  @Test
  void preparedCalls() {
    assertSame(NativeKernels.descriptor(Work.FEW_ARRAYS), XentH.xent_run_at$descriptor());
    assertSame(NativeKernels.descriptor(0), XentH.xent_run$descriptor());
  }

  /** The struct is the first argument: its address, as a number. */
  private static void assertSame(FunctionDescriptor own, FunctionDescriptor header) {
    assertThat(own.returnLayout()).isEqualTo(header.returnLayout());
    assertThat(arrays(own)).isEqualTo(arrays(header));
    assertThat(own.argumentLayouts().get(0).byteSize())
        .isEqualTo(header.argumentLayouts().get(0).byteSize());
  }

  private static List<MemoryLayout> arrays(FunctionDescriptor descriptor) {
    List<MemoryLayout> arguments = descriptor.argumentLayouts();
    return arguments.subList(1, arguments.size());
  }
}
