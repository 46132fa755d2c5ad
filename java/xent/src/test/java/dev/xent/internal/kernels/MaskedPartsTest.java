// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Segments;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rows that are finished from states alone. The states record whether classes were masked, which
 * smoothing needs, and which arithmetic a backward used. There are three rows of two chunks; one
 * class of one row is masked, in each row and each chunk in turn.
 */
class MaskedPartsTest {
  private static final int ROWS = 3;
  private static final int CLASSES = XentH.XENT_CHUNK() + 3;
  private static final long ROW_OF_STATES = 2 * Records.STATE;

  private final Kernels reference = Backends.get().kernels(Backend.REFERENCE);
  private final Kernels nativeKernels = Backends.get().kernels(Backend.NATIVE);
  private final Arena arena = Arena.ofConfined();
  private final CallShape shape = new CallShape();
  private final MemorySegment options = arena.allocate(xent_options.layout());
  private final MemorySegment logits =
      arena.allocate(MemoryLayout.sequenceLayout(ROWS * CLASSES, ValueLayout.JAVA_FLOAT));
  private final MemorySegment labels = Segments.of(arena, 5L, CLASSES - 1, 0);
  private final MemorySegment mask = arena.allocate(ROWS * CLASSES).fill((byte) 1);

  @BeforeEach
  void fill() {
    shape.outer = ROWS;
    shape.classes = CLASSES;
    shape.inner = 1;
    layout(shape.layout(Array.LOGITS), CLASSES, XentH.XENT_F32());
    layout(shape.layout(Array.UPSTREAM), CLASSES, XentH.XENT_F64());
    layout(shape.layout(Array.OUTPUT), CLASSES, XentH.XENT_F64());
    layout(shape.layout(Array.CLASS_MASK), CLASSES, XentH.XENT_U8());
    layout(shape.layout(Array.TARGETS), 1, XentH.XENT_I64());
    layout(shape.layout(Array.LOSSES), 1, XentH.XENT_F32());
    xent_options.size(options, xent_options.sizeof());
    xent_options.label_smoothing(options, .1);
    for (int i = 0; i < ROWS * CLASSES; i++) {
      logits.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 7);
    }
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

  /** States, statistics and losses of one implementation. */
  private final class Run {
    final Kernels kernels;
    final MemorySegment states = arena.allocate(ROWS * ROW_OF_STATES, 8);
    final MemorySegment statistics = arena.allocate(ROWS * Records.STATISTICS, Records.ALIGNMENT);
    final MemorySegment losses =
        arena.allocate(MemoryLayout.sequenceLayout(ROWS, ValueLayout.JAVA_FLOAT));
    final MemorySegment report = arena.allocate(xent_report.layout());

    Run(Kernels kernels) {
      this.kernels = kernels;
      xent_report.size(report, xent_report.sizeof());
    }

    void states(MemorySegment known) {
      int status =
          kernels.run(
              KernelRun.onClasses(
                      Function.FORWARD_STATES, shape, options, 0, ROWS, 0, CLASSES, report)
                  .set(Array.LOGITS, logits)
                  .set(Array.TARGETS, labels)
                  .set(Array.CLASS_MASK, mask)
                  .set(Array.STATISTICS, known)
                  .set(Array.STATES, states));
      assertThat(status).isEqualTo(Status.OK);
    }

    void backwardStates(MemorySegment upstream) {
      int status =
          kernels.run(
              KernelRun.onClasses(
                      Function.BACKWARD_STATES, shape, options, 0, ROWS, 0, CLASSES, report)
                  .set(Array.OUTPUT, upstream)
                  .set(Array.UPSTREAM, upstream)
                  .set(Array.STATES, states));
      assertThat(status).isEqualTo(Status.OK);
    }

    void finish(long begin, long end, MemorySegment targets, int secondRound) {
      int status =
          kernels.run(
              KernelRun.onRows(Function.FINISH, shape, options, begin, end, report)
                  .set(Array.TARGETS, targets)
                  .set(Array.LOSSES, targets.equals(NULL) ? NULL : losses)
                  .set(Array.STATES, states.asSlice(begin * ROW_OF_STATES))
                  .set(Array.STATISTICS, statistics)
                  .choice(secondRound));
      assertThat(status).isEqualTo(Status.OK);
    }

    String results() {
      xent_report.path(report, 0); // the reference has no names for its ways
      return hex(statistics) + " losses " + hex(losses) + " report " + hex(report);
    }

    private static String hex(MemorySegment array) {
      return HexFormat.of().formatHex(array.toArray(ValueLayout.JAVA_BYTE));
    }
  }

  private String afterOneRound(Kernels kernels, long begin, long end) {
    Run run = new Run(kernels);
    run.states(NULL);
    run.finish(begin, end, labels, 0);
    return run.results();
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "0, 8193", "1, 1", "1, 8193", "2, 8191", "2, 8192"})
  void aMaskedClassIsSeenWhereverItIs(int row, int classIndex) {
    String[] without = new String[ROWS];
    for (int begin = 0; begin < ROWS; begin++) {
      without[begin] = afterOneRound(reference, begin, ROWS);
    }
    mask.set(ValueLayout.JAVA_BYTE, (long) row * CLASSES + classIndex, (byte) 0);
    for (int begin = 0; begin < ROWS; begin++) {
      String masked = afterOneRound(reference, begin, ROWS);
      assertThat(masked).isEqualTo(afterOneRound(nativeKernels, begin, ROWS));
      assertThat(masked.equals(without[begin])).as("from row %d", begin).isEqualTo(begin > row);
    }
  }

  private String afterTwoRounds(Kernels kernels) {
    Run run = new Run(kernels);
    run.states(NULL);
    run.finish(0, ROWS, labels, 0);
    assertThat(xent_report.unfinished(run.report)).isEqualTo(1);
    run.states(run.statistics);
    run.finish(0, ROWS, labels, 1);
    return run.results();
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 1, 2})
  void aMaskedClassIsSeenInTheSecondRound(int row) {
    logits.setAtIndex(ValueLayout.JAVA_FLOAT, CLASSES + 1, 30000);
    if (row >= 0) {
      mask.set(ValueLayout.JAVA_BYTE, (long) row * CLASSES + 2, (byte) 0);
    }
    assertThat(afterTwoRounds(reference)).isEqualTo(afterTwoRounds(nativeKernels));
  }

  private String afterBackward(Kernels kernels, int type, MemorySegment upstream) {
    layout(shape.layout(Array.OUTPUT), CLASSES, type);
    layout(shape.layout(Array.UPSTREAM), CLASSES, type);
    Run run = new Run(kernels);
    run.backwardStates(upstream);
    run.finish(0, 0, NULL, 0);
    run.finish(0, ROWS, NULL, 0);
    return run.results();
  }

  @Test
  void statesOfABackwardSayWhichArithmeticItWas() {
    MemorySegment wide =
        arena.allocate(MemoryLayout.sequenceLayout(ROWS * CLASSES, ValueLayout.JAVA_DOUBLE));
    for (int i = 0; i < ROWS * CLASSES; i++) {
      wide.setAtIndex(ValueLayout.JAVA_DOUBLE, i, i % 7 + 1e-9);
    }
    for (int logitsType : new int[] {XentH.XENT_F32(), XentH.XENT_F64()}) {
      layout(shape.layout(Array.LOGITS), CLASSES, logitsType);
      assertThat(afterBackward(reference, XentH.XENT_F64(), wide))
          .isEqualTo(afterBackward(nativeKernels, XentH.XENT_F64(), wide));
      assertThat(afterBackward(reference, XentH.XENT_F32(), logits))
          .isEqualTo(afterBackward(nativeKernels, XentH.XENT_F32(), logits));
    }
  }

  @Test
  void noRowsHaveNoStates() {
    for (Kernels kernels : new Kernels[] {reference, nativeKernels}) {
      Run run = new Run(kernels);
      MemorySegment none = arena.allocate(8, 8).asSlice(0, 0);
      int status =
          kernels.run(
              KernelRun.onRows(Function.FINISH, shape, options, 1, 1, run.report)
                  .set(Array.STATES, none)
                  .set(Array.STATISTICS, run.statistics));
      assertThat(status).isEqualTo(Status.OK);
    }
  }
}
