// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.Segments;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.reference.math.Constants;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The structs of a call: contiguous rows of floats and I64 labels unless a test changes them. */
final class Arguments {
  static final MemorySegment NULL = MemorySegment.NULL;

  final CallShape shape;
  final MemorySegment options;
  final MemorySegment report;
  final long rows;
  final long classes;
  private final Arena arena;

  Arguments(Arena arena, long rows, long classes) {
    this.arena = arena;
    this.rows = rows;
    this.classes = classes;
    shape = new CallShape();
    shape.outer = rows;
    shape.classes = classes;
    shape.inner = 1;
    int f32 = XentH.XENT_F32();
    layout(shape.layout(Array.LOGITS), classes, 1, 1, f32);
    layout(shape.layout(Array.OUTPUT), classes, 1, 1, f32);
    layout(shape.layout(Array.GRADIENT), classes, 1, 1, f32);
    layout(shape.layout(Array.UPSTREAM), classes, 1, 1, f32);
    layout(shape.layout(Array.TARGETS), 1, 0, 1, XentH.XENT_I64());
    layout(shape.layout(Array.LOSSES), 1, 0, 1, f32);
    layout(shape.layout(Array.LOG_SUM_EXP), 1, 0, 1, f32);
    layout(shape.layout(Array.CORRECT), 1, 0, 1, XentH.XENT_U8());

    options = arena.allocate(xent_options.layout());
    xent_options.size(options, xent_options.layout().byteSize());

    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.layout().byteSize());
  }

  static void layout(MemorySegment layout, long outer, long classes, long inner, int type) {
    xent_layout.outer(layout, outer);
    xent_layout.classes(layout, classes);
    xent_layout.inner(layout, inner);
    xent_layout.type(layout, type);
  }

  /** Targets become F32 probability rows. */
  Arguments withProbabilities() {
    layout(shape.layout(Array.TARGETS), classes, 1, 1, XentH.XENT_F32());
    return this;
  }

  Arguments ignoring(long index) {
    xent_options.has_ignore_index(options, 1);
    xent_options.ignore_index(options, index);
    return this;
  }

  Arguments smoothing(double epsilon) {
    xent_options.label_smoothing(options, epsilon);
    return this;
  }

  Arguments scale(double scale) {
    xent_options.gradient_scale(options, scale);
    return this;
  }

  Arguments maskedIsZero() {
    xent_options.fully_masked(options, XentH.XENT_FULLY_MASKED_ZERO());
    return this;
  }

  MemorySegment floats(float... values) {
    return Segments.of(arena, values);
  }

  MemorySegment labels(long... values) {
    return Segments.of(arena, values);
  }

  /** A float for every element. */
  MemorySegment elements() {
    return arena.allocate(MemoryLayout.sequenceLayout(rows * classes, ValueLayout.JAVA_FLOAT));
  }

  /** A float for every row. */
  MemorySegment perRow() {
    return arena.allocate(MemoryLayout.sequenceLayout(rows, ValueLayout.JAVA_FLOAT));
  }

  MemorySegment correct() {
    return arena.allocate(rows);
  }

  MemorySegment statistics() {
    return arena.allocate(rows * Records.STATISTICS, Records.ALIGNMENT);
  }

  MemorySegment states() {
    long chunks = (classes + Constants.CHUNK - 1) / Constants.CHUNK;
    return arena.allocate(rows * chunks * Records.STATE, Records.ALIGNMENT);
  }

  static MemorySegment exactSum(Arena arena) {
    MemorySegment exactSum = arena.allocate(xent_exact_sum.layout());
    xent_exact_sum.size(exactSum, xent_exact_sum.layout().byteSize());
    return exactSum;
  }

  static float[] toFloats(MemorySegment segment) {
    return segment.toArray(ValueLayout.JAVA_FLOAT);
  }

  static int[] toBits(MemorySegment segment) {
    return segment.toArray(ValueLayout.JAVA_INT);
  }
}
