// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** The inputs of one comparison: a shape in some layout, rows, targets and options. */
final class BitsCase {
  private static final int[] LABEL_TYPES = {
    XentH.XENT_I8(),
    XentH.XENT_U8(),
    XentH.XENT_I16(),
    XentH.XENT_I32(),
    XentH.XENT_I64(),
    XentH.XENT_U16(),
    XentH.XENT_U32(),
    XentH.XENT_U64()
  };
  private static final double[] SMOOTHING = {0, 0, 0.1, 1, 1e-3, 0.5};
  private static final double[] SCALES = {1, 0.25, -1.0 / 3, 1e-30, 1e-38, 3e-45, 1e30, 0};
  private static final float[] UPSTREAM = {
    1, -2, 1e-20f, 0, 3e38f, Float.POSITIVE_INFINITY, Float.NaN
  };

  private static final float[] LARGE_TARGETS = {1e8f, 0x1p30f, 1e10f, 3e38f};

  final int rows;
  final int classes;
  final RowKind kind;
  final long elements;
  final boolean labels;
  final CallShape shape;

  /** The same with one upstream gradient per row. */
  final CallShape shapeOfRowUpstream;

  final MemorySegment options;
  final MemorySegment logits;
  final MemorySegment targets;
  final MemorySegment upstream;
  final MemorySegment rowUpstream;

  BitsCase(Arena arena, int rows, int classes, RowKind kind, int layout, SplittableRandom random) {
    this.rows = rows;
    this.classes = classes;
    this.kind = kind;
    this.labels = random.nextInt(3) > 0;
    boolean inner = layout == 1 || layout == 2;
    long padded = layout == 2 ? rows + 2 : rows;
    long[] strides =
        switch (layout) {
          case 0 -> new long[] {classes, 1, 1};
          case 1, 2 -> new long[] {classes * padded, padded, 1};
          default -> new long[] {classes + 5, 1, 1};
        };
    this.elements = inner ? classes * padded : rows * strides[0];
    this.shape = new CallShape();
    shape.outer = inner ? 1 : rows;
    shape.classes = classes;
    shape.inner = inner ? rows : 1;
    for (MemorySegment full :
        new MemorySegment[] {
          shape.layout(Array.LOGITS),
          shape.layout(Array.OUTPUT),
          shape.layout(Array.GRADIENT),
          shape.layout(Array.UPSTREAM)
        }) {
      set(full, strides[0], strides[1], strides[2], XentH.XENT_F32());
    }
    perRow(shape.layout(Array.LOSSES), inner, XentH.XENT_F32());
    perRow(shape.layout(Array.LOG_SUM_EXP), inner, XentH.XENT_F32());
    perRow(shape.layout(Array.CORRECT), inner, XentH.XENT_U8());

    this.options = arena.allocate(xent_options.layout());
    xent_options.size(options, xent_options.sizeof());
    xent_options.fully_masked(options, random.nextInt(2));
    xent_options.label_smoothing(options, SMOOTHING[random.nextInt(SMOOTHING.length)]);
    xent_options.gradient_scale(options, SCALES[random.nextInt(SCALES.length)]);

    this.logits = floats(arena, elements);
    this.upstream = floats(arena, elements);
    this.rowUpstream = floats(arena, rows);
    float[] row = new float[classes];
    for (int r = 0; r < rows; r++) {
      kind.fill(row, random);
      for (int i = 0; i < classes; i++) {
        logits.setAtIndex(ValueLayout.JAVA_FLOAT, at(r, i), row[i]);
        upstream.setAtIndex(ValueLayout.JAVA_FLOAT, at(r, i), (float) random.nextGaussian());
      }
      rowUpstream.setAtIndex(ValueLayout.JAVA_FLOAT, r, UPSTREAM[random.nextInt(UPSTREAM.length)]);
    }
    this.targets = labels ? labels(arena, inner, random) : probabilities(arena, strides, random);
    this.shapeOfRowUpstream = new CallShape().copyFrom(shape);
    perRow(shapeOfRowUpstream.layout(Array.UPSTREAM), inner, XentH.XENT_F32());
  }

  private static MemorySegment floats(Arena arena, long count) {
    return arena.allocate(MemoryLayout.sequenceLayout(Math.max(count, 1), ValueLayout.JAVA_FLOAT));
  }

  private static void set(MemorySegment layout, long outer, long classes, long inner, int type) {
    xent_layout.outer(layout, outer);
    xent_layout.classes(layout, classes);
    xent_layout.inner(layout, inner);
    xent_layout.type(layout, type);
  }

  private void perRow(MemorySegment layout, boolean inner, int type) {
    set(layout, inner ? rows : 1, 0, 1, type);
  }

  /** Index of a logit. */
  private long at(int row, int clazz) {
    MemorySegment l = shape.layout(Array.LOGITS);
    boolean inner = shape.inner > 1 || shape.outer < rows;
    long rowOffset = inner ? row * xent_layout.inner(l) : row * xent_layout.outer(l);
    return rowOffset + clazz * xent_layout.classes(l);
  }

  private MemorySegment labels(Arena arena, boolean inner, SplittableRandom random) {
    int type = LABEL_TYPES[(classes > 127 ? 3 : 0) + random.nextInt(classes > 127 ? 5 : 8)];
    perRow(shape.layout(Array.TARGETS), inner, type);
    boolean ignores = random.nextBoolean();
    int ignored = random.nextBoolean() ? 0 : 100;
    xent_options.has_ignore_index(options, ignores ? 1 : 0);
    xent_options.ignore_index(options, ignores ? ignored : 0);
    MemorySegment labels = arena.allocate(8L * rows, 8);
    for (int r = 0; r < rows; r++) {
      int label = ignores && random.nextInt(4) == 0 ? ignored : random.nextInt(classes);
      ElementType.of(type).setInteger(labels, r, label);
    }
    return labels;
  }

  private MemorySegment probabilities(Arena arena, long[] strides, SplittableRandom random) {
    set(shape.layout(Array.TARGETS), strides[0], strides[1], strides[2], XentH.XENT_F32());
    MemorySegment q = floats(arena, elements);
    int sort = random.nextInt(5);
    for (int r = 0; r < rows; r++) {
      float large = LARGE_TARGETS[random.nextInt(LARGE_TARGETS.length)];
      for (int i = 0; i < classes; i++) {
        float v =
            switch (sort) {
              case 0 -> random.nextInt(classes) == 0 ? 1 : 0;
              case 1 -> (float) random.nextDouble() / classes;
              case 2 -> (float) random.nextGaussian();
              case 3 -> cancelling(i, large);
              default -> random.nextInt(20) == 0 ? Float.NaN : 1f / classes;
            };
        q.setAtIndex(ValueLayout.JAVA_FLOAT, at(r, i), v);
      }
    }
    return q;
  }

  /** If the class count mod 4 is 0 or 3, only a tiny number is left of the sum. */
  private static float cancelling(int clazz, float large) {
    return clazz % 2 == 1 ? 1e-39f : clazz % 4 == 0 ? large : -large;
  }

  long statesSize() {
    return rows * chunks() * Records.STATE;
  }

  long statisticsSize() {
    return rows * Records.STATISTICS;
  }

  long chunks() {
    return (classes + 8191L) / 8192;
  }

  @Override
  public String toString() {
    return rows + " x " + classes + " " + kind + (labels ? " labels" : " probabilities");
  }
}
