// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Arguments.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.PlainKernels;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Invalid arguments: the status, the report, and that nothing is written. */
class ArgumentsTest {
  private final PlainKernels kernels = new PlainKernels(new ReferenceKernels());
  private final Arena arena = Arena.ofConfined();
  private final Arguments call = new Arguments(arena, 2, 3);
  private final MemorySegment x = call.floats(1, 2, 3, 4, 5, 6);
  private final MemorySegment y = call.elements();

  @BeforeEach
  void markOutput() {
    y.fill((byte) 0x55);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private int softmax(MemorySegment from, MemorySegment to) {
    return kernels.softmaxForward(
        call.shape, call.options, 0, 2, 0, 3, from, NULL, to, call.report);
  }

  private void assertRefused(int status, int expected, int field) {
    assertThat(status).isEqualTo(expected);
    assertThat(xent_report.field(call.report)).isEqualTo(field);
    assertThat(y.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x55);
  }

  @Test
  void aReportIsNotNeeded() {
    assertThat(kernels.softmaxForward(call.shape, call.options, 0, 2, 0, 3, x, NULL, y, NULL))
        .isEqualTo(Status.OK);
  }

  @Test
  void anInputMayRepeat() {
    xent_layout.outer(call.shape.layout(Array.LOGITS), 0);
    assertThat(softmax(call.floats(1, 2, 3), y)).isEqualTo(Status.OK);
    float[] result = Arguments.toFloats(y);
    assertThat(result[3]).isEqualTo(result[0]);
  }

  @Test
  void classesMayRepeatToo() {
    xent_layout.classes(call.shape.layout(Array.LOGITS), 0);
    assertThat(softmax(call.floats(1, 0, 0, 1), y)).isEqualTo(Status.OK);
    assertThat(Arguments.toFloats(y)).containsOnly(1f / 3);
  }

  private int crossEntropy(MemorySegment targets, MemorySegment hits) {
    return kernels.crossEntropyForward(
        call.shape, call.options, 0, 2, x, targets, NULL, NULL, hits, y, NULL, NULL, call.report);
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 3, Long.MIN_VALUE, -100})
  void labelsOutOfRange(long label) {
    MemorySegment labels = call.labels(2, label);
    int status = kernels.checkTargets(call.shape, call.options, 0, 2, labels, call.report);
    assertRefused(status, Status.INVALID_LABEL, Field.TARGETS);
    assertThat(xent_report.row(call.report)).isEqualTo(1);
    assertThat(xent_report.label(call.report)).isEqualTo(label);
    assertThat(crossEntropy(labels, NULL)).isEqualTo(Status.INVALID_LABEL);
  }

  @Test
  void checkingCountsTheRows() {
    call.ignoring(2);
    MemorySegment labels = call.labels(2, 0);
    assertThat(kernels.checkTargets(call.shape, call.options, 0, 2, labels, call.report))
        .isEqualTo(Status.OK);
    assertThat(xent_report.valid_rows(call.report)).isEqualTo(1);
    assertThat(xent_report.row(call.report)).isEqualTo(-1);
  }
}
