// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Segments;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both implementations check the labels even if the range of classes is empty. */
class InvalidLinearCallsTest {
  private static final int ROWS = 3;
  private static final int CLASSES = 7;
  private static final int FEATURES = 5;

  private final Arena arena = Arena.ofConfined();
  private final CallShape shape = new CallShape();
  private final MemorySegment options = arena.allocate(xent_options.layout());
  private final MemorySegment report = KernelCall.report(arena);
  private final MemorySegment hidden = floats(ROWS * FEATURES);
  private final MemorySegment weights = floats(CLASSES * FEATURES);
  private final MemorySegment weightsGradient = floats(CLASSES * FEATURES);
  private final MemorySegment labels = Segments.of(arena, 0, 1, 2);
  private final MemorySegment statistics = arena.allocate(ROWS * Records.STATISTICS, 8);
  private final MemorySegment states = arena.allocate(ROWS * Records.STATE, 8);

  private MemorySegment floats(long count) {
    return arena.allocate(count * Float.BYTES, Float.BYTES);
  }

  @BeforeEach
  void describe() {
    xent_options.size(options, xent_options.sizeof());
    shape.outer = ROWS;
    shape.classes = CLASSES;
    shape.inner = 1;
    shape.features = FEATURES;
    layout(shape.layout(Array.HIDDEN), FEATURES, XentH.XENT_F32());
    layout(shape.layout(Array.WEIGHTS), FEATURES, XentH.XENT_F32());
    layout(shape.layout(Array.WEIGHTS_GRADIENT), FEATURES, XentH.XENT_F32());
    layout(shape.layout(Array.TARGETS), 1, XentH.XENT_I32());
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private static void layout(MemorySegment layout, long outer, int type) {
    xent_layout.outer(layout, outer);
    xent_layout.classes(layout, 1);
    xent_layout.inner(layout, 1);
    xent_layout.type(layout, type);
  }

  private int forward(Kernels k) {
    long bytes = k.linearWorkspace(ROWS, FEATURES, CLASSES, 0);
    MemorySegment workspace = arena.allocate(bytes, 64);
    return k.run(
        KernelRun.onRows(Function.LINEAR_CROSS_ENTROPY, shape, options, 0, ROWS, report)
            .set(Array.HIDDEN, hidden)
            .set(Array.WEIGHTS, weights)
            .set(Array.TARGETS, labels)
            .set(Array.STATISTICS, statistics)
            .set(Array.WORKSPACE, workspace)
            .workspace(workspace, bytes));
  }

  private int backwardOfNone(Kernels k) {
    return k.run(
        KernelRun.onClasses(
                Function.LINEAR_CROSS_ENTROPY_BACKWARD, shape, options, 0, ROWS, 3, 3, report)
            .set(Array.HIDDEN, hidden)
            .set(Array.WEIGHTS, weights)
            .set(Array.TARGETS, labels)
            .set(Array.WEIGHTS_GRADIENT, weightsGradient)
            .set(Array.STATISTICS, statistics));
  }

  private int statesOfNone(Kernels k) {
    return k.run(
        KernelRun.onClasses(Function.LINEAR_STATES, shape, options, 0, ROWS, 0, 0, report)
            .set(Array.HIDDEN, hidden)
            .set(Array.WEIGHTS, weights)
            .set(Array.TARGETS, labels)
            .set(Array.STATES, states));
  }

  @ParameterizedTest
  @EnumSource
  void aRangeOfNoClassesHasLabels(Backend backend) {
    Kernels k = Backends.get().kernels(backend);
    assertThat(forward(k)).isEqualTo(Status.OK);
    assertThat(backwardOfNone(k)).isEqualTo(Status.OK);
    assertThat(statesOfNone(k)).isEqualTo(Status.OK);
    labels.setAtIndex(ValueLayout.JAVA_INT, 1, CLASSES);
    assertThat(backwardOfNone(k)).isEqualTo(Status.INVALID_LABEL);
    assertThat(xent_report.row(report)).isEqualTo(1);
    xent_report.row(report, -1);
    assertThat(statesOfNone(k)).isEqualTo(Status.INVALID_LABEL);
    assertThat(xent_report.row(report)).isEqualTo(1);
    assertThat(xent_report.label(report)).isEqualTo(CLASSES);
  }
}
