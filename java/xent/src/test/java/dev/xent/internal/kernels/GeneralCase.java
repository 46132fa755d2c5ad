// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/**
 * The inputs of one comparison of calls that are not plain: a random mixture of types, layouts,
 * targets, weights, masks, lengths, sinks and options, all of them valid.
 */
final class GeneralCase {
  /** What the targets of a case are. */
  enum Targets {
    NONE,
    LABELS,
    PROBABILITIES,
    SPARSE
  }

  private static final int[] INTEGERS = {
    XentH.XENT_I64(), XentH.XENT_I32(), XentH.XENT_I16(), XentH.XENT_U8(), XentH.XENT_I8()
  };
  private static final double[] SMOOTHING = {0, 0, 0.1, 1, 1e-3, 0.5};
  private static final double[] SCALES = {1, 1, 0.25, -1.0 / 3, 1e-30, 1e-38, 3e-45, 1e30, 0};
  private static final double[] WIDE_SCALES = {1, 1, -0.3, 1e-300, 1e-308, 5e-324, 1e300, 0};
  private static final double[] TEMPERATURES = {0, 0, 1, 2, 0.07, 1e-3, 300};
  private static final double[] SOFTCAPS = {0, 0, 30, 1, 0.5, 1e5};
  private static final double[] Z_LOSSES = {0, 0, 1e-4, 1, 1e10};
  private static final double[] CLAMPS = {0, 1e-7, 0.5, 0.1, 1e-300};
  private static final double[] SINKS = {
    0, 1, -3, 40, 20000, -20000, Double.NEGATIVE_INFINITY, 1e30, Double.NaN
  };
  private static final double[] ROW_WEIGHTS = {0, 1, 1, 0.5, 3, 1e-3};
  private static final double[] CLASS_WEIGHTS = {0, 1, 0.5, 2, 1e-3, 1e4};
  private static final double[] UPSTREAM = {
    1, -2, 1e-20, 0, 3e38, Double.POSITIVE_INFINITY, Double.NaN
  };
  private static final int IGNORED = -100;

  /** Bytes per element, enough for any type: tests may change the type of an array. */
  private static final int MOST_BYTES = 8;

  /** Further bytes of an array, enough for any order of a few rows. */
  private static final int ROOM = 1024;

  final boolean wide;
  final int rows;
  final int classes;
  final RowKind kind;
  final Targets targetKind;
  final boolean ragged;
  private final boolean divisible;
  final boolean inner;
  final int targetCount;
  final int topCount;

  final CallShape shape;

  /** The same with one upstream gradient per row. */
  final CallShape shapeOfRowUpstream;

  /** The same with a gradient of the layout and type of the logits. */
  final CallShape shapeInPlace;

  /** The same without targets. */
  final CallShape shapeWithoutTargets;

  final MemorySegment options;
  final MemorySegment logits;
  final MemorySegment teacher;
  final MemorySegment upstream;
  final MemorySegment rowUpstream;
  final MemorySegment targets;
  final MemorySegment targetWeights;
  final MemorySegment rowOffsets;
  final MemorySegment classMask;
  final MemorySegment classWeights;
  final MemorySegment rowWeights;
  final MemorySegment sink;

  private final Arena arena;
  private final SplittableRandom random;
  private final long[] offsets;
  private final boolean[] masked;

  GeneralCase(
      Arena arena,
      boolean wide,
      int rows,
      int classes,
      RowKind kind,
      boolean divisible,
      SplittableRandom random) {
    this.arena = arena;
    this.wide = wide;
    this.rows = rows;
    this.classes = classes;
    this.kind = kind;
    this.random = random;
    this.targetKind = Targets.values()[random.nextInt(4)];
    this.divisible = divisible;
    this.ragged = !divisible && random.nextInt(5) == 0;
    this.inner = !ragged && random.nextInt(3) == 0;
    this.targetCount = targetKind == Targets.SPARSE ? 1 + random.nextInt(5) : 0;
    this.topCount = random.nextInt(Math.min(classes, 7) + 1);
    this.offsets = offsets();
    this.masked = new boolean[rows * classes];
    this.shape = new CallShape();
    shape.outer = inner ? 1 : rows;
    shape.classes = classes;
    shape.inner = inner ? rows : 1;
    shape.targetCount = targetCount;
    shape.topCount = topCount;
    layouts();
    this.rowOffsets = ragged ? rowOffsets() : MemorySegment.NULL;
    this.classMask = random.nextInt(3) == 0 ? classMask() : MemorySegment.NULL;
    this.options = options();
    this.logits = logits(shape.layout(Array.LOGITS), kind);
    this.teacher = logits(shape.layout(Array.TEACHER), RowKind.values()[random.nextInt(22)]);
    this.upstream = gaussians(shape.layout(Array.UPSTREAM));
    this.classWeights = random.nextInt(3) == 0 ? classWeights() : MemorySegment.NULL;
    this.rowWeights =
        random.nextInt(3) == 0
            ? perRow(shape.layout(Array.ROW_WEIGHTS), ROW_WEIGHTS)
            : MemorySegment.NULL;
    this.sink =
        random.nextInt(3) == 0 ? perRow(shape.layout(Array.SINK), SINKS) : MemorySegment.NULL;
    this.targets = targets();
    this.targetWeights = targetKind == Targets.SPARSE ? entryWeights() : MemorySegment.NULL;
    this.shapeOfRowUpstream = new CallShape().copyFrom(shape);
    MemorySegment rowLayout = shapeOfRowUpstream.layout(Array.UPSTREAM);
    row(rowLayout, floatType());
    this.rowUpstream = perRow(rowLayout, UPSTREAM);
    this.shapeWithoutTargets = new CallShape().copyFrom(shape);
    shapeWithoutTargets.targetCount = 0;
    this.shapeInPlace = new CallShape().copyFrom(shape);
    shapeInPlace.layout(Array.GRADIENT).copyFrom(shape.layout(Array.LOGITS));
    shapeInPlace.layout(Array.OUTPUT).copyFrom(shape.layout(Array.LOGITS));
  }

  boolean labels() {
    return targetKind == Targets.LABELS;
  }

  boolean hasTargets() {
    return targetKind != Targets.NONE;
  }

  /** Classes of a row. */
  int length(int row) {
    return ragged ? (int) (offsets[row + 1] - offsets[row]) : classes;
  }

  private double pick(double[] values) {
    return values[random.nextInt(values.length)];
  }

  private int floatType() {
    if (wide) {
      return random.nextInt(4) == 0 ? XentH.XENT_F32() : XentH.XENT_F64();
    }
    return switch (random.nextInt(4)) {
      case 0 -> XentH.XENT_F16();
      case 1 -> XentH.XENT_BF16();
      default -> XentH.XENT_F32();
    };
  }

  private long[] offsets() {
    long[] result = new long[rows + 1];
    result[0] = random.nextInt(3);
    for (int r = 0; r < rows; r++) {
      int length = random.nextInt(4) == 0 ? random.nextInt(3) : random.nextInt(classes + 1);
      result[r + 1] = result[r] + Math.min(length, classes);
    }
    return result;
  }

  private void layouts() {
    full(shape.layout(Array.LOGITS), wide ? XentH.XENT_F64() : floatType());
    full(shape.layout(Array.OUTPUT), wide ? XentH.XENT_F64() : floatType());
    full(shape.layout(Array.GRADIENT), floatType());
    full(shape.layout(Array.UPSTREAM), floatType());
    full(shape.layout(Array.TEACHER), floatType());
    full(shape.layout(Array.TARGET_GRADIENT), floatType());
    for (MemorySegment layout :
        new MemorySegment[] {
          shape.layout(Array.LOSSES),
          shape.layout(Array.LOG_SUM_EXP),
          shape.layout(Array.LOG_PROBABILITIES),
          shape.layout(Array.ENTROPIES),
          shape.layout(Array.SINK)
        }) {
      row(layout, floatType());
    }
    row(shape.layout(Array.CORRECT), XentH.XENT_U8());
    row(shape.layout(Array.ARGMAX), INTEGERS[random.nextInt(2)]);
    row(shape.layout(Array.RANKS), INTEGERS[random.nextInt(2)]);
    row(shape.layout(Array.ROW_WEIGHTS), random.nextBoolean() ? XentH.XENT_U8() : floatType());
    if (random.nextInt(3) == 0) {
      set(shape.layout(Array.SINK), 0, 0, 0, floatType());
    }
    few(shape.layout(Array.TOP_CLASSES), topCount, INTEGERS[random.nextInt(2)]);
    few(shape.layout(Array.TOP_LOG_PROBABILITIES), topCount, floatType());
    set(shape.layout(Array.CLASS_WEIGHTS), 99, 1 + random.nextInt(2), 99, floatType());
  }

  private static void set(MemorySegment layout, long outer, long step, long inner, int type) {
    xent_layout.outer(layout, outer);
    xent_layout.classes(layout, step);
    xent_layout.inner(layout, inner);
    xent_layout.type(layout, type);
  }

  /** A number per class: dense, with gaps between classes, or with room after the rows. */
  private void full(MemorySegment layout, int type) {
    int room = random.nextInt(3) == 0 ? 3 : 0;
    if (inner) {
      set(layout, (long) classes * (rows + room), rows + room, 1, type);
    } else {
      int step = random.nextInt(4) == 0 ? 2 : 1;
      set(layout, (long) classes * step + room, step, 1, type);
    }
  }

  private void row(MemorySegment layout, int type) {
    int step = 1 + random.nextInt(2);
    set(layout, inner ? (long) rows * step : step, 77, inner ? step : 1, type);
  }

  /** {@code count} numbers per row, next to each other. */
  private void few(MemorySegment layout, int count, int type) {
    set(layout, inner ? (long) rows * count : count, inner ? rows : 1, 1, type);
  }

  /** The index of class 0 of a row. */
  private long at(MemorySegment layout, int row) {
    return ragged ? offsets[row] * xent_layout.classes(layout) : atRow(layout, row);
  }

  private long atRow(MemorySegment layout, int row) {
    return row * (inner ? xent_layout.inner(layout) : xent_layout.outer(layout));
  }

  /** How many elements an array has that has a number per class. */
  long elements(MemorySegment layout) {
    long step = xent_layout.classes(layout);
    long last = 0;
    for (int r = 0; r < rows; r++) {
      last = Math.max(last, at(layout, r) + length(r) * step);
    }
    return last + step;
  }

  /** How many elements an array has that has a few numbers per row. */
  long elementsOfRows(MemorySegment layout, int count) {
    return atRow(layout, rows - 1) + Math.max(count, 1) * xent_layout.classes(layout) + 1;
  }

  static int size(int type) {
    if (type == XentH.XENT_I8() || type == XentH.XENT_U8()) {
      return 1;
    }
    if (type == XentH.XENT_F16() || type == XentH.XENT_BF16() || type == XentH.XENT_I16()) {
      return 2;
    }
    return type == XentH.XENT_F32() || type == XentH.XENT_I32() ? 4 : 8;
  }

  private MemorySegment allocate(MemorySegment layout, long elements) {
    return arena.allocate(Math.max(elements, 1) * MOST_BYTES + ROOM, 64);
  }

  private static void put(MemorySegment array, MemorySegment layout, long at, double value) {
    int type = xent_layout.type(layout);
    if (type == XentH.XENT_F32()) {
      array.setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) value);
    } else if (type == XentH.XENT_F64()) {
      array.setAtIndex(ValueLayout.JAVA_DOUBLE, at, value);
    } else if (type == XentH.XENT_F16()) {
      array.setAtIndex(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16((float) value));
    } else if (type == XentH.XENT_BF16()) {
      int bits = Float.floatToRawIntBits((float) value) >>> 16;
      array.setAtIndex(ValueLayout.JAVA_SHORT, at, (short) bits);
    } else {
      putInteger(array, type, at, (long) value);
    }
  }

  private static void putInteger(MemorySegment array, int type, long at, long value) {
    switch (size(type)) {
      case 1 -> array.set(ValueLayout.JAVA_BYTE, at, (byte) value);
      case 2 -> array.setAtIndex(ValueLayout.JAVA_SHORT, at, (short) value);
      case 4 -> array.setAtIndex(ValueLayout.JAVA_INT, at, (int) value);
      default -> array.setAtIndex(ValueLayout.JAVA_LONG, at, value);
    }
  }

  private MemorySegment rowOffsets() {
    int type = INTEGERS[random.nextInt(2)];
    MemorySegment layout = shape.layout(Array.ROW_OFFSETS);
    set(layout, 0, 0, 0, type);
    MemorySegment array = allocate(layout, rows + 1);
    for (int r = 0; r <= rows; r++) {
      putInteger(array, type, r, offsets[r]);
    }
    return array;
  }

  private MemorySegment classMask() {
    MemorySegment layout = shape.layout(Array.CLASS_MASK);
    boolean repeated = !ragged && random.nextBoolean();
    full(layout, XentH.XENT_U8());
    if (repeated) {
      set(layout, 0, 1, 0, XentH.XENT_U8());
    }
    MemorySegment array = allocate(layout, Math.max(elements(layout), classes));
    int density = 1 + random.nextInt(8);
    for (int r = 0; r < rows; r++) {
      for (int k = 0; k < length(r); k++) {
        boolean off = repeated && r > 0 ? masked[k] : random.nextInt(density + 1) == 0;
        masked[r * classes + k] = off;
        array.set(
            ValueLayout.JAVA_BYTE,
            at(layout, r) + k * xent_layout.classes(layout),
            (byte) (off ? 0 : 1 + random.nextInt(255)));
      }
    }
    return array;
  }

  /** Whether a loss needs whole rows, as every term of it is clamped. */
  boolean clampsTerms() {
    return !labels() && xent_options.probability_clamp(options) > 0;
  }

  private MemorySegment options() {
    MemorySegment o = arena.allocate(xent_options.layout());
    xent_options.size(o, xent_options.sizeof());
    xent_options.fully_masked(o, random.nextInt(2));
    xent_options.label_smoothing(o, pick(SMOOTHING));
    int scaled = random.nextInt(2);
    double scale = pick(wide ? WIDE_SCALES : SCALES);
    xent_options.gradient_scale(o, scaled == 1 ? scale : 0);
    xent_options.temperature(o, pick(TEMPERATURES));
    xent_options.softcap(o, pick(SOFTCAPS));
    xent_options.z_loss(o, pick(Z_LOSSES));
    if (labels()) {
      xent_options.smoothing(o, random.nextInt(2));
    }
    boolean clampable = labels() || hasTargets() && !divisible;
    if (clampable && xent_options.label_smoothing(o) == 0) {
      xent_options.probability_clamp(o, pick(CLAMPS));
    }
    boolean plain =
        xent_options.label_smoothing(o) == 0
            && xent_options.z_loss(o) == 0
            && xent_options.probability_clamp(o) == 0;
    if (labels() && plain && random.nextBoolean()) {
      xent_options.focal_gamma(o, random.nextBoolean() ? 2 : 5 * random.nextDouble());
    }
    boolean mayIgnore = labels() || targetKind == Targets.SPARSE;
    xent_options.has_ignore_index(o, mayIgnore ? 1 : 0);
    xent_options.ignore_index(o, mayIgnore ? IGNORED : 0);
    return o;
  }

  private MemorySegment logits(MemorySegment layout, RowKind of) {
    MemorySegment array = allocate(layout, elements(layout));
    float[] row = new float[classes];
    boolean fine = xent_layout.type(layout) == XentH.XENT_F64();
    for (int r = 0; r < rows; r++) {
      of.fill(row, random);
      for (int k = 0; k < length(r); k++) {
        double v = fine ? row[k] * (1 + 1e-9 * random.nextGaussian()) : row[k];
        if (masked[r * classes + k] && random.nextInt(4) == 0) {
          v = Double.NaN;
        }
        put(array, layout, at(layout, r) + k * xent_layout.classes(layout), v);
      }
    }
    return array;
  }

  private MemorySegment gaussians(MemorySegment layout) {
    MemorySegment array = allocate(layout, elements(layout));
    for (int r = 0; r < rows; r++) {
      for (int k = 0; k < length(r); k++) {
        put(array, layout, at(layout, r) + k * xent_layout.classes(layout), random.nextGaussian());
      }
    }
    return array;
  }

  private MemorySegment classWeights() {
    MemorySegment layout = shape.layout(Array.CLASS_WEIGHTS);
    long step = xent_layout.classes(layout);
    MemorySegment array = allocate(layout, classes * step);
    for (int k = 0; k < classes; k++) {
      put(
          array,
          layout,
          k * step,
          random.nextBoolean() ? random.nextDouble() : pick(CLASS_WEIGHTS));
    }
    return array;
  }

  private MemorySegment perRow(MemorySegment layout, double[] values) {
    MemorySegment array = allocate(layout, elementsOfRows(layout, 1));
    for (int r = 0; r < rows; r++) {
      put(array, layout, atRow(layout, r), pick(values));
    }
    return array;
  }

  /** A class that takes part, or the ignore index. */
  private long lawfulClass(int row) {
    for (int attempt = 0; attempt < 50 && length(row) > 0; attempt++) {
      int k = random.nextInt(length(row));
      if (!masked[row * classes + k]) {
        return k;
      }
    }
    return IGNORED;
  }

  private MemorySegment targets() {
    MemorySegment layout = shape.layout(Array.TARGETS);
    if (targetKind == Targets.NONE) {
      return MemorySegment.NULL;
    }
    if (targetKind == Targets.PROBABILITIES) {
      full(layout, floatType());
      return probabilities(layout);
    }
    int type =
        INTEGERS[classes > 127 ? random.nextInt(classes > 32767 ? 2 : 3) : random.nextInt(5)];
    type = type == XentH.XENT_U8() ? XentH.XENT_I8() : type;
    if (targetKind == Targets.LABELS) {
      row(layout, type);
    } else {
      few(layout, targetCount, type);
      few(shape.layout(Array.TARGET_GRADIENT), targetCount, floatType());
    }
    MemorySegment array = allocate(layout, elementsOfRows(layout, targetCount));
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < Math.max(targetCount, 1); j++) {
        long label = random.nextInt(8) == 0 ? IGNORED : lawfulClass(r);
        putInteger(array, type, atRow(layout, r) + j * xent_layout.classes(layout), label);
        if (targetKind == Targets.LABELS) {
          break;
        }
      }
    }
    return array;
  }

  private MemorySegment entryWeights() {
    MemorySegment layout = shape.layout(Array.TARGET_WEIGHTS);
    few(layout, targetCount, floatType());
    MemorySegment array = allocate(layout, elementsOfRows(layout, targetCount));
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < targetCount; j++) {
        double p = random.nextInt(6) == 0 ? 0 : random.nextDouble();
        put(array, layout, atRow(layout, r) + j * xent_layout.classes(layout), p);
      }
    }
    return array;
  }

  private MemorySegment probabilities(MemorySegment layout) {
    MemorySegment array = allocate(layout, elements(layout));
    int sort = random.nextInt(8);
    for (int r = 0; r < rows; r++) {
      for (int k = 0; k < length(r); k++) {
        double v =
            switch (sort) {
              case 0 -> random.nextInt(classes) == 0 ? 1 : 0;
              case 1 -> random.nextGaussian();
              case 2 -> k % 2 == 1 ? 1e-39 : k % 4 == 0 ? 1e10 : -1e10;
              case 3 -> random.nextInt(20) == 0 ? Double.NaN : 1.0 / classes;
              default -> random.nextDouble() / classes;
            };
        put(array, layout, at(layout, r) + k * xent_layout.classes(layout), v);
      }
    }
    return array;
  }

  /** DistinctElements, in classes, of chunks. */
  long chunks() {
    return (classes + 8191L) / 8192;
  }

  @Override
  public String toString() {
    return "%d x %d %s %s%s%s%s%s%s%s%s, eps %s%s, tau %s, cap %s, zeta %s, clamp %s, c %s, types x %d g %d"
        .formatted(
            rows,
            classes,
            kind,
            targetKind,
            wide ? " wide" : "",
            ragged ? " ragged" : "",
            inner ? " inner" : "",
            classMask == MemorySegment.NULL ? "" : " masked",
            classWeights == MemorySegment.NULL ? "" : " class weights",
            rowWeights == MemorySegment.NULL ? "" : " row weights",
            sink == MemorySegment.NULL ? "" : " sink",
            xent_options.label_smoothing(options),
            xent_options.smoothing(options) == 0 ? "" : " of others",
            xent_options.temperature(options),
            xent_options.softcap(options),
            xent_options.z_loss(options),
            xent_options.probability_clamp(options),
            xent_options.gradient_scale(options),
            xent_layout.type(shape.layout(Array.LOGITS)),
            xent_layout.type(shape.layout(Array.GRADIENT)));
  }
}
