// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class PreparedKernelTest {
  private static final int CLASSES = 4;

  private final Arena arena = Arena.ofAuto();

  @Test
  void theCallThatWasPreparedComputesIfItIsRun() {
    Kernels kernels = Backends.get().kernels(Backend.NATIVE);
    MemorySegment options = arena.allocate(xent_options.layout());
    xent_options.size(options, xent_options.sizeof());
    CallShape shape = new CallShape();
    shape.outer = 1;
    shape.classes = CLASSES;
    shape.inner = 1;
    for (Array array : new Array[] {Array.LOGITS, Array.OUTPUT}) {
      MemorySegment layout = shape.layout(array);
      xent_layout.outer(layout, CLASSES);
      xent_layout.classes(layout, 1);
      xent_layout.type(layout, ElementType.F32.number());
    }
    MemorySegment logits = arena.allocate(CLASSES * 4, 4);
    MemorySegment output = arena.allocate(CLASSES * 4, 4);

    PreparedKernel kernel = new PreparedKernel();
    FunctionCall call = kernel.functionCall();
    for (boolean prepares : new boolean[] {true, false}) {
      call.begin(Function.SOFTMAX, shape, options, NULL).rows(0, 1).classes(0, CLASSES);
      call.set(Array.LOGITS, logits).set(Array.OUTPUT, output);
      if (prepares) {
        assertThat(kernel.prepare(kernels)).isTrue();
        assertThat(output.get(ValueLayout.JAVA_FLOAT, 0)).isZero();
      } else {
        assertThat(kernels.run(call)).isEqualTo(Status.OK);
        assertThat(output.toArray(ValueLayout.JAVA_FLOAT)).containsOnly(0.25f);
      }
    }
  }
}
