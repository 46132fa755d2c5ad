// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Arguments.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.PlainKernels;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.load.Codes;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused, what the report says of it, and that nothing is written. */
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
  void absentArrays() {
    assertRefused(softmax(NULL, y), Status.INVALID_ARGUMENT, Field.LOGITS);
    assertRefused(softmax(x, NULL), Status.INVALID_ARGUMENT, Field.OUTPUT);
  }

  @Test
  void misalignedArrays() {
    MemorySegment bytes = arena.allocate(64, 8);
    assertRefused(softmax(bytes.asSlice(1), y), Status.INVALID_ARGUMENT, Field.LOGITS);
    MemorySegment onHeap = MemorySegment.ofArray(new byte[64]).asSlice(2);
    assertRefused(softmax(onHeap, y), Status.INVALID_ARGUMENT, Field.LOGITS);
  }

  @Test
  void absentStructs() {
    assertThat(kernels.softmaxForward(NULL, call.options, 0, 2, 0, 3, x, NULL, y, call.report))
        .isEqualTo(Status.INVALID_ARGUMENT);
    assertThat(xent_report.field(call.report)).isEqualTo(Field.SHAPE);
    assertThat(kernels.softmaxForward(call.shape, NULL, 0, 2, 0, 3, x, NULL, y, call.report))
        .isEqualTo(Status.INVALID_ARGUMENT);
    assertThat(xent_report.field(call.report)).isEqualTo(Field.OPTIONS);
    assertThat(kernels.checkTargets(call.shape, call.options, 0, 2, call.labels(0, 0), NULL))
        .isEqualTo(Status.INVALID_ARGUMENT);
  }

  @Test
  void aReportIsNotNeeded() {
    assertThat(kernels.softmaxForward(call.shape, call.options, 0, 2, 0, 3, x, NULL, y, NULL))
        .isEqualTo(Status.OK);
  }

  /** Below version 1's, no multiple of 8, above the largest, and negative where signs are read. */
  @ParameterizedTest
  @ValueSource(longs = {0, 4, 16, 40, 44, 52, 60, 5000, 4104, 1L << 40, -8, Long.MIN_VALUE})
  void sizesThatNoVersionHas(long size) {
    xent_options.size(call.options, size);
    assertRefused(softmax(x, y), Status.INVALID_SIZE, Field.OPTIONS);
    assertThat(xent_report.integer(call.report)).isEqualTo(size);
    call.shape.set(ValueLayout.JAVA_LONG, 0, size);
    assertRefused(softmax(x, y), Status.INVALID_SIZE, Field.SHAPE);
    assertThat(xent_report.integer(call.report)).isEqualTo(size);
  }

  @Test
  void oneWordLessThanTheFirstVersionIsTooLittle() {
    xent_options.size(call.options, xent_options.sizeof() - 8);
    assertRefused(softmax(x, y), Status.INVALID_SIZE, Field.OPTIONS);
    call.shape.set(ValueLayout.JAVA_LONG, 0, ShapeStruct.offset(Array.GRADIENT) - 8);
    assertRefused(softmax(x, y), Status.INVALID_SIZE, Field.SHAPE);
  }

  /** What lies behind it is not looked at, and an array whose layout does cannot be given. */
  @Test
  void aShapeMayEndBehindItsLastArray() {
    ShapeStruct.layout(call.shape, Array.GRADIENT).fill((byte) 0x55);
    call.shape.set(ValueLayout.JAVA_LONG, 0, ShapeStruct.offset(Array.OUTPUT));
    assertRefused(softmax(x, y), Status.INVALID_SIZE, Field.SHAPE);
    call.shape.set(ValueLayout.JAVA_LONG, 0, ShapeStruct.offset(Array.GRADIENT));
    assertThat(softmax(x, y)).isEqualTo(Status.OK);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 16, 44, 64, 76, 4104, 1L << 40, -8})
  void aReportOfASizeThatNoVersionHasIsNotWritten(long size) {
    call.report.fill((byte) 0x55);
    xent_report.size(call.report, size);
    assertThat(softmax(x, y)).isEqualTo(Status.INVALID_SIZE);
    assertThat(y.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x55);
    assertThat(call.report.asSlice(8).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x55);
  }

  @Test
  void ofALargerReportTheKnownPartIsWritten() {
    MemorySegment larger = arena.allocate(4096, 8).fill((byte) 0x55);
    xent_report.size(larger, 4096);
    xent_options.isa(call.options, 99);
    assertThat(kernels.softmaxForward(call.shape, call.options, 0, 2, 0, 3, x, NULL, y, larger))
        .isEqualTo(Status.INVALID_OPTION);
    assertThat(xent_report.size(larger)).isEqualTo(4096);
    assertThat(xent_report.field(larger)).isEqualTo(Field.ISA);
    assertThat(larger.asSlice(xent_report.sizeof()).toArray(ValueLayout.JAVA_BYTE))
        .containsOnly(0x55);
  }

  @Test
  void aLargerStructMayHoldNothingUnknown() {
    long known = xent_options.layout().byteSize();
    MemorySegment larger = arena.allocate(known + 16, 8).copyFrom(call.options);
    xent_options.size(larger, known + 16);
    assertThat(kernels.softmaxForward(call.shape, larger, 0, 2, 0, 3, x, NULL, y, call.report))
        .isEqualTo(Status.OK);
    larger.set(ValueLayout.JAVA_BYTE, known + 9, (byte) 1);
    assertThat(kernels.softmaxForward(call.shape, larger, 0, 2, 0, 3, x, NULL, y, call.report))
        .isEqualTo(Status.UNSUPPORTED);
    assertThat(xent_report.field(call.report)).isEqualTo(Field.OPTIONS);
    assertThat(xent_report.integer(call.report)).isEqualTo(known + 16);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.5, Double.NaN, Double.POSITIVE_INFINITY})
  void labelSmoothing(double epsilon) {
    call.smoothing(epsilon);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.LABEL_SMOOTHING);
    assertThat(Double.valueOf(xent_report.value(call.report))).isEqualTo(Double.valueOf(epsilon));
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.NEGATIVE_INFINITY})
  void gradientScale(double scale) {
    call.scale(scale);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.GRADIENT_SCALE);
    assertThat(Double.valueOf(xent_report.value(call.report))).isEqualTo(Double.valueOf(scale));
    xent_options.has_gradient_scale(call.options, 0);
    assertThat(softmax(x, y)).as("a scale that is not used").isEqualTo(Status.OK);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 2, Integer.MIN_VALUE})
  void gradientScaleIsUsedOrNot(int flag) {
    xent_options.has_gradient_scale(call.options, flag);
    call.scale(Double.NaN);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.GRADIENT_SCALE);
    assertThat(xent_report.value(call.report)).isEqualTo(flag);
  }

  @Test
  void optionsAreCheckedInTheirOrder() {
    xent_options.isa(call.options, -1);
    xent_options.fully_masked(call.options, 2);
    xent_options.has_ignore_index(call.options, 2);
    call.smoothing(2).scale(Double.NaN);
    xent_options.has_gradient_scale(call.options, 2);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.ISA);
    xent_options.isa(call.options, 0);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.FULLY_MASKED);
    xent_options.fully_masked(call.options, 0);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.IGNORE_INDEX);
    xent_options.has_ignore_index(call.options, 0);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.LABEL_SMOOTHING);
    call.smoothing(0);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.GRADIENT_SCALE);
    assertThat(xent_report.value(call.report)).isEqualTo(2);
  }

  /** In both arithmetics: they and their reciprocals are normal floats. */
  @Test
  void temperatureAndSoftcapAreFactors() {
    assertFactors();
    Arguments.layout(ShapeStruct.layout(call.shape, Array.LOGITS), 3, 1, 1, XentH.XENT_F64());
    Arguments.layout(ShapeStruct.layout(call.shape, Array.OUTPUT), 3, 1, 1, XentH.XENT_F64());
    assertFactors();
  }

  private void assertFactors() {
    MemorySegment from = arena.allocate(MemoryLayout.sequenceLayout(6, ValueLayout.JAVA_DOUBLE));
    MemorySegment to = arena.allocate(MemoryLayout.sequenceLayout(6, ValueLayout.JAVA_DOUBLE));
    double least = 0x1p-32;
    double most = 0x1p32;
    for (double value : new double[] {0, least, 1, most}) {
      xent_options.temperature(call.options, value);
      xent_options.softcap(call.options, value);
      assertThat(softmax(from, to)).as("%s", value).isEqualTo(Status.OK);
    }
    for (double value :
        new double[] {-1, Math.nextDown(0x1p-32), Math.nextUp(0x1p32), Double.NaN}) {
      xent_options.softcap(call.options, value);
      assertRefused(softmax(from, to), Status.INVALID_OPTION, Field.SOFTCAP);
      xent_options.temperature(call.options, value);
      assertRefused(softmax(from, to), Status.INVALID_OPTION, Field.TEMPERATURE);
      xent_options.temperature(call.options, 1);
    }
  }

  @Test
  void instructionSets() {
    xent_options.isa(call.options, 99);
    assertRefused(softmax(x, y), Status.INVALID_OPTION, Field.ISA);
    assertThat(xent_report.value(call.report)).isEqualTo(99);
    assertThat(xent_report.integer(call.report)).isZero();
    for (Isa isa : Isa.values()) {
      xent_options.isa(call.options, Codes.of(isa));
      assertThat(softmax(x, y)).isEqualTo(Status.OK);
    }
  }

  @Test
  void sizes() {
    ShapeStruct.classes(call.shape, 0);
    assertRefused(softmax(x, y), Status.INVALID_SHAPE, Field.CLASSES);
    ShapeStruct.classes(call.shape, 3);
    ShapeStruct.outer(call.shape, -2);
    assertRefused(softmax(x, y), Status.INVALID_SHAPE, Field.SHAPE);
    assertThat(xent_report.integer(call.report)).isEqualTo(-2);
    ShapeStruct.outer(call.shape, Long.MAX_VALUE / 2);
    assertRefused(softmax(x, y), Status.INVALID_SHAPE, Field.SHAPE);
    ShapeStruct.outer(call.shape, 2);
    ShapeStruct.inner(call.shape, 0);
    assertRefused(softmax(x, y), Status.INVALID_SHAPE, Field.SHAPE);
    assertThat(xent_report.integer(call.report)).isZero();
    ShapeStruct.outer(call.shape, 0);
    assertThat(
            kernels.softmaxForward(call.shape, call.options, 0, 0, 0, 3, x, NULL, y, call.report))
        .isEqualTo(Status.OK);
  }

  @Test
  void stridesThatReachTooFar() {
    xent_layout.outer(ShapeStruct.layout(call.shape, Array.LOGITS), Long.MAX_VALUE / 4);
    assertRefused(softmax(x, y), Status.INVALID_SHAPE, Field.LOGITS);
    xent_layout.outer(ShapeStruct.layout(call.shape, Array.LOGITS), -1);
    assertRefused(softmax(x, y), Status.INVALID_SHAPE, Field.LOGITS);
  }

  @Test
  void types() {
    xent_layout.type(ShapeStruct.layout(call.shape, Array.LOGITS), XentH.XENT_I32());
    assertRefused(softmax(x, y), Status.UNSUPPORTED, Field.LOGITS);
    assertThat(xent_report.integer(call.report)).isEqualTo(XentH.XENT_I32());
    xent_layout.type(ShapeStruct.layout(call.shape, Array.LOGITS), XentH.XENT_F32());
    xent_layout.type(ShapeStruct.layout(call.shape, Array.OUTPUT), XentH.XENT_F64());
    assertRefused(softmax(x, y), Status.UNSUPPORTED, Field.OUTPUT);
    xent_layout.type(ShapeStruct.layout(call.shape, Array.OUTPUT), XentH.XENT_F32());
    xent_layout.type(ShapeStruct.layout(call.shape, Array.LOGITS), 77);
    assertRefused(softmax(x, y), Status.INVALID_ARGUMENT, Field.LOGITS);
  }

  @Test
  void ranges() {
    long[][] rows = {{-1, 1}, {2, 1}, {0, 3}};
    for (long[] range : rows) {
      int status =
          kernels.softmaxForward(
              call.shape, call.options, range[0], range[1], 0, 3, x, NULL, y, call.report);
      assertRefused(status, Status.INVALID_ARGUMENT, Field.ROW_RANGE);
    }
    long[][] classes = {{-1, 3}, {1, 3}, {0, 2}, {0, 4}, {0, -1}, {0, 0}};
    for (long[] range : classes) {
      int status =
          kernels.softmaxForward(
              call.shape, call.options, 0, 2, range[0], range[1], x, NULL, y, call.report);
      assertRefused(status, Status.INVALID_ARGUMENT, Field.CLASS_RANGE);
    }
  }

  @Test
  void overlapOffTheHeap() {
    MemorySegment both = arena.allocate(MemoryLayout.sequenceLayout(12, ValueLayout.JAVA_FLOAT));
    assertThat(softmax(both, both)).as("in place").isEqualTo(Status.OK);
    assertThat(softmax(both, both.asSlice(24))).as("beside").isEqualTo(Status.OK);
    assertRefused(softmax(both, both.asSlice(20)), Status.OVERLAP, Field.OUTPUT);
    assertRefused(softmax(both.asSlice(4), both), Status.OVERLAP, Field.OUTPUT);
  }

  @Test
  void overlapOnTheHeap() {
    MemorySegment both = MemorySegment.ofArray(new float[12]);
    assertThat(softmax(both, both)).as("in place").isEqualTo(Status.OK);
    assertThat(softmax(both, both.asSlice(24))).as("beside").isEqualTo(Status.OK);
    assertThat(softmax(MemorySegment.ofArray(new float[12]), both)).isEqualTo(Status.OK);
    assertRefused(softmax(both, both.asSlice(20)), Status.OVERLAP, Field.OUTPUT);
    assertRefused(softmax(both.asReadOnly(), both.asSlice(20)), Status.OVERLAP, Field.OUTPUT);
  }

  @Test
  void inPlaceNeedsTheSameStrides() {
    MemorySegment both = arena.allocate(MemoryLayout.sequenceLayout(12, ValueLayout.JAVA_FLOAT));
    xent_layout.outer(ShapeStruct.layout(call.shape, Array.OUTPUT), 4);
    assertRefused(softmax(both, both), Status.OVERLAP, Field.OUTPUT);
  }

  @Test
  void anOutputThatOverlapsItself() {
    xent_layout.outer(ShapeStruct.layout(call.shape, Array.OUTPUT), 0);
    assertRefused(softmax(x, y), Status.OVERLAP, Field.OUTPUT);
    xent_layout.outer(ShapeStruct.layout(call.shape, Array.OUTPUT), 2);
    assertRefused(softmax(x, y), Status.OVERLAP, Field.OUTPUT);
  }

  @Test
  void anInputMayRepeat() {
    xent_layout.outer(ShapeStruct.layout(call.shape, Array.LOGITS), 0);
    assertThat(softmax(call.floats(1, 2, 3), y)).isEqualTo(Status.OK);
    float[] result = Arguments.toFloats(y);
    assertThat(result[3]).isEqualTo(result[0]);
  }

  @Test
  void classesMayRepeatToo() {
    xent_layout.classes(ShapeStruct.layout(call.shape, Array.LOGITS), 0);
    assertThat(softmax(call.floats(1, 0, 0, 1), y)).isEqualTo(Status.OK);
    assertThat(Arguments.toFloats(y)).containsOnly(1f / 3);
  }

  @Test
  void misalignedStatistics() {
    MemorySegment statistics = call.statistics().asSlice(4);
    int status =
        kernels.softmaxForward(call.shape, call.options, 0, 2, 0, 3, x, statistics, y, call.report);
    assertRefused(status, Status.INVALID_ARGUMENT, Field.STATISTICS);
    assertThat(xent_report.row(call.report)).as("before any is read").isEqualTo(-1);
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

  @Test
  void probabilityRowsHaveNoIgnoreIndexAndNoHits() {
    call.withProbabilities();
    assertRefused(crossEntropy(x, call.correct()), Status.INVALID_ARGUMENT, Field.CORRECT);
    call.ignoring(-100);
    assertRefused(crossEntropy(x, NULL), Status.INVALID_OPTION, Field.IGNORE_INDEX);
    assertThat(xent_report.value(call.report)).isEqualTo(-100);
  }

  @Test
  void aTallyMustHaveItsSize() {
    MemorySegment exactSum = arena.allocate(4096, 8);
    int status =
        kernels.crossEntropyForward(
            call.shape,
            call.options,
            0,
            2,
            x,
            call.labels(0, 0),
            NULL,
            NULL,
            NULL,
            y,
            NULL,
            exactSum,
            call.report);
    assertRefused(status, Status.INVALID_SIZE, Field.EXACT_SUM);
  }
}
