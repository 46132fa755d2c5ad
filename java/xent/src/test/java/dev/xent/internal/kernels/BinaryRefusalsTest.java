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
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Calls of binary cross-entropy with some things wrong: the reference says what the library says.
 */
class BinaryRefusalsTest {
  private static final int ROUNDS = 20_000;
  private static final int OUTER = 3;
  private static final int CLASSES = 4;
  private static final double[] ODD = {-1, 0.5, 2, 1e300, Double.NaN, Double.POSITIVE_INFINITY};

  private final SplittableRandom random = new SplittableRandom(3);
  private final MemorySegment[] arrays = new MemorySegment[6];
  private MemorySegment shape = NULL;
  private MemorySegment options = NULL;
  private MemorySegment exactSum = NULL;
  private long rowEnd;

  private MemorySegment layout(int which) {
    return switch (which) {
      case 0 -> ShapeStruct.layout(shape, Array.LOGITS);
      case 1 -> ShapeStruct.layout(shape, Array.TARGETS);
      case 2 -> ShapeStruct.layout(shape, Array.ELEMENT_WEIGHTS);
      case 3 -> ShapeStruct.layout(shape, Array.POSITIVE_WEIGHTS);
      case 4 -> ShapeStruct.layout(shape, Array.LOSSES);
      default -> ShapeStruct.layout(shape, Array.GRADIENT);
    };
  }

  private void makeLawful(Arena arena) {
    shape = ShapeStruct.allocate(arena);
    options = arena.allocate(xent_options.layout());
    exactSum = arena.allocate(xent_exact_sum.layout());
    xent_options.size(options, xent_options.sizeof());
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
    ShapeStruct.outer(shape, OUTER);
    ShapeStruct.classes(shape, CLASSES);
    ShapeStruct.inner(shape, 1);
    boolean labels = random.nextBoolean();
    int floats = random.nextBoolean() ? XentH.XENT_F32() : XentH.XENT_F64();
    for (int i = 0; i < arrays.length; i++) {
      MemorySegment layout = layout(i);
      xent_layout.outer(layout, CLASSES);
      xent_layout.classes(layout, 1);
      xent_layout.inner(layout, 1);
      xent_layout.type(layout, i == 1 && labels ? XentH.XENT_U8() : floats);
      arrays[i] = arena.allocate(128, 64);
    }
    rowEnd = OUTER;
  }

  private void spoil() {
    double odd = ODD[random.nextInt(ODD.length)];
    MemorySegment o = options;
    int which = random.nextInt(6);
    switch (random.nextInt(24)) {
      case 0 -> xent_options.label_smoothing(o, odd);
      case 1 -> xent_options.temperature(o, odd);
      case 2 -> xent_options.softcap(o, odd);
      case 3 -> xent_options.z_loss(o, odd);
      case 4 -> xent_options.probability_clamp(o, odd);
      case 5 -> xent_options.focal_gamma(o, odd);
      case 6 -> xent_options.focal_alpha(o, odd);
      case 7 -> xent_options.fully_masked(o, random.nextInt(3));
      case 8 -> xent_options.smoothing(o, random.nextInt(3));
      case 9 -> {
        xent_options.has_ignore_index(o, 1);
        xent_options.ignore_index(o, random.nextInt(4));
      }
      case 10 -> xent_options.gradient_scale(o, odd);
      case 11 -> xent_options.has_gradient_scale(o, random.nextInt(3));
      case 12 -> xent_layout.type(layout(which), random.nextInt(11));
      case 13 -> xent_layout.outer(layout(which), random.nextInt(5) - 1);
      case 14 -> xent_layout.classes(layout(which), random.nextInt(3) - 1);
      case 15 -> xent_layout.reserved(layout(which), 1);
      case 16 -> arrays[which] = NULL;
      case 17 -> arrays[which] = arrays[random.nextInt(6)];
      case 18 -> arrays[which] = arrays[which] == NULL ? NULL : arrays[which].asSlice(1);
      case 19 -> rowEnd = random.nextInt(6) - 1;
      case 20 -> xent_exact_sum.size(exactSum, 8);
      case 21 -> ShapeStruct.allClasses(shape, random.nextInt(2) * 8192);
      case 22 -> ShapeStruct.inner(shape, random.nextInt(3) - 1);
      default -> {
        if (xent_layout.type(ShapeStruct.layout(shape, Array.TARGETS)) == XentH.XENT_U8()
            && arrays[1] != NULL) {
          arrays[1].set(java.lang.foreign.ValueLayout.JAVA_BYTE, random.nextInt(12), (byte) 3);
        }
      }
    }
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
  void theReferenceSaysWhatTheLibrarySays() {
    Kernels reference = new ReferenceKernels();
    Kernels library = new NativeKernels();
    Map<Integer, Integer> statuses = new TreeMap<>();
    for (int round = 0; round < ROUNDS; round++) {
      try (Arena arena = Arena.ofConfined()) {
        makeLawful(arena);
        for (int wrong = random.nextInt(4); wrong > 0; wrong--) {
          spoil();
        }
        MemorySegment expected = KernelCall.report(arena);
        MemorySegment got = KernelCall.report(arena);
        int status = call(reference, expected);
        int libraryStatus = call(library, got);
        xent_report.schedule(got, 0);
        assertThat(libraryStatus).as("round %d", round).isEqualTo(status);
        assertThat(got.mismatch(expected))
            .as("report of round %d, %d", round, status)
            .isEqualTo(-1);
        statuses.merge(status, 1, Integer::sum);
      }
    }
    assertThat(statuses.keySet())
        .contains(
            Status.OK,
            Status.INVALID_ARGUMENT,
            Status.INVALID_SHAPE,
            Status.INVALID_OPTION,
            Status.INVALID_LABEL,
            Status.OVERLAP,
            Status.UNSUPPORTED);
  }
}
