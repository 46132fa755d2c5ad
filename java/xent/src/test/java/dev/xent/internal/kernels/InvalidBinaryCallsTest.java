// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.reference.ReferenceKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * If a label of binary cross-entropy is invalid, the reference and the native library return the
 * same status and the same report.
 */
class InvalidBinaryCallsTest {
  private static final int ROUNDS = 20_000;
  private static final int OUTER = 3;
  private static final int CLASSES = 4;

  private final SplittableRandom random = new SplittableRandom(3);
  private final MemorySegment[] arrays = new MemorySegment[6];
  private CallShape shape = new CallShape();
  private MemorySegment options = NULL;
  private MemorySegment exactSum = NULL;
  private long rowEnd;

  private MemorySegment layout(int which) {
    return switch (which) {
      case 0 -> shape.layout(Array.LOGITS);
      case 1 -> shape.layout(Array.TARGETS);
      case 2 -> shape.layout(Array.ELEMENT_WEIGHTS);
      case 3 -> shape.layout(Array.POSITIVE_WEIGHTS);
      case 4 -> shape.layout(Array.LOSSES);
      default -> shape.layout(Array.GRADIENT);
    };
  }

  private void makeLawful(Arena arena) {
    shape = new CallShape();
    options = arena.allocate(xent_options.layout());
    exactSum = arena.allocate(xent_exact_sum.layout());
    xent_options.size(options, xent_options.sizeof());
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
    shape.outer = OUTER;
    shape.classes = CLASSES;
    shape.inner = 1;
    int floats = random.nextBoolean() ? XentH.XENT_F32() : XentH.XENT_F64();
    for (int i = 0; i < arrays.length; i++) {
      MemorySegment layout = layout(i);
      xent_layout.outer(layout, CLASSES);
      xent_layout.classes(layout, 1);
      xent_layout.inner(layout, 1);
      xent_layout.type(layout, i == 1 ? XentH.XENT_U8() : floats);
      arrays[i] = arena.allocate(128, 64);
    }
    rowEnd = OUTER;
  }

  private void spoil() {
    if (random.nextBoolean()) {
      xent_options.has_ignore_index(options, 1);
      xent_options.ignore_index(options, random.nextInt(4));
    }
    arrays[1].set(ValueLayout.JAVA_BYTE, random.nextInt(12), (byte) random.nextInt(4));
  }

  private int call(Kernels kernels, MemorySegment report) {
    return kernels.run(
        KernelRun.onRows(Function.BINARY_CROSS_ENTROPY, shape, options, 0, rowEnd, report)
            .set(Array.LOGITS, arrays[0])
            .set(Array.TARGETS, arrays[1])
            .set(Array.LOSSES, arrays[4])
            .set(Array.GRADIENT, arrays[5])
            .set(Array.ELEMENT_WEIGHTS, arrays[2])
            .set(Array.POSITIVE_WEIGHTS, arrays[3])
            .set(Array.EXACT_SUM, exactSum));
  }

  @Test
  void bothRefuseTheSameLabels() {
    Kernels reference = new ReferenceKernels();
    Kernels library = new NativeKernels();
    Map<Integer, Integer> statuses = new TreeMap<>();
    for (int round = 0; round < ROUNDS; round++) {
      try (Arena arena = Arena.ofConfined()) {
        makeLawful(arena);
        spoil();
        MemorySegment expected = KernelCall.report(arena);
        MemorySegment got = KernelCall.report(arena);
        int status = call(reference, expected);
        int libraryStatus = call(library, got);
        xent_report.path(got, 0);
        assertThat(libraryStatus).as("round %d", round).isEqualTo(status);
        assertThat(got.mismatch(expected))
            .as("report of round %d, %d", round, status)
            .isEqualTo(-1);
        statuses.merge(status, 1, Integer::sum);
      }
    }
    assertThat(statuses.keySet()).containsExactlyInAnyOrder(Status.OK, Status.INVALID_LABEL);
  }
}
