// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.load;

import static dev.xent.internal.kernels.Array.CLASS_MASK;
import static dev.xent.internal.kernels.Array.CLASS_WEIGHTS;
import static dev.xent.internal.kernels.Array.HIDDEN;
import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.ROW_OFFSETS;
import static dev.xent.internal.kernels.Array.ROW_WEIGHTS;
import static dev.xent.internal.kernels.Array.TARGETS;
import static dev.xent.internal.kernels.Array.TARGET_WEIGHTS;
import static dev.xent.internal.kernels.Array.TEACHER;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a call, one at a time: lengths, labels or sparse entries, weights, and masks. Class
 * indices count from the first class in the call's arrays.
 */
public final class Row {
  /** The label of a row without a label, and the class of an ignored entry. */
  public static final long NO_LABEL = Long.MIN_VALUE;

  /** {@link Kind#SOFTMAX}, {@link Kind#LABEL} or {@link Kind#PROBABILITIES}. */
  public int kind;

  /** Whether each row's targets are a list of classes with a number each. */
  public boolean sparse;

  /** The number of the row's classes in the call's arrays; for a shard, those of the shard. */
  public long classes;

  /** The number of classes of the whole row. */
  public long wholeRow;

  /** u: 1 without row weights. */
  public double weight;

  /** Whether the row's label is the ignore index, or its weight is 0. */
  public boolean ignored;

  /**
   * The label, counted from the first class here; it may be outside this shard. {@link #NO_LABEL}
   * without a label.
   */
  public long label;

  private final Request call;
  private final boolean ofTeacher;
  private final Shape shape;
  private final GivenArrays given;
  private final float[] floats = new float[ElementType.SCRATCH];
  private long row;
  private long raggedBegin;

  /** Created at first use. */
  private @Nullable LinearLogits products;

  /**
   * @param ofTeacher whether to use the teacher's logits instead of the call's
   */
  public Row(Request call, boolean ofTeacher) {
    this.call = call;
    this.ofTeacher = ofTeacher;
    shape = call.shape;
    given = call.given;
  }

  public void begin() {
    sparse = has(given.of(TARGETS)) && shape.targetCount != 0;
    kind =
        !has(given.of(TARGETS))
            ? Kind.SOFTMAX
            : shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
  }

  /** Moves to a row. Returns an error if a target is not an allowed class. */
  public int go(long toRow) {
    row = toRow;
    raggedBegin = call.ragged ? offset(row) : 0;
    classes = call.ragged ? raggedClasses() : shape.classes;
    wholeRow = call.ragged ? classes : shape.wholeRow();
    weight = has(given.of(ROW_WEIGHTS)) ? number(given.of(ROW_WEIGHTS), shape.of(ROW_WEIGHTS)) : 1;
    ignored = weight == 0;
    label = NO_LABEL;
    if (ignored || kind == Kind.SOFTMAX) {
      return Status.OK;
    }
    if (kind == Kind.LABEL) {
      return takeLabel();
    }
    return sparse ? checkEntries(shape.targetCount) : Status.OK;
  }

  private long raggedClasses() {
    return Math.clamp(offset(row + 1) - raggedBegin, 0, shape.classes);
  }

  /**
   * The offset of a ragged row, limited to the range that was checked, since the caller may have
   * changed it.
   */
  private long offset(long ofRow) {
    long read = ElementType.of(shape.of(ROW_OFFSETS).type).getInteger(given.of(ROW_OFFSETS), ofRow);
    return Math.clamp(read, 0, call.raggedEnd);
  }

  private int takeLabel() {
    long read = integer(given.of(TARGETS), shape.of(TARGETS), shape.offset(shape.of(TARGETS), row));
    if (call.ignores(read)) {
      ignored = true;
    } else if (isLawful(read)) {
      label = read - shape.firstClass;
    } else {
      return call.report.refuseLabel(row, read);
    }
    return Status.OK;
  }

  /** Returns an error if an entry of the row is neither one of its classes nor ignored. */
  public int checkEntries(long count) {
    for (long j = 0; j < count; j++) {
      long entry = entryAt(j);
      if (!call.ignores(entry) && !isLawful(entry)) {
        return call.report.refuseLabel(row, entry);
      }
    }
    return Status.OK;
  }

  private boolean isLawful(long clazz) {
    long here = clazz - shape.firstClass;
    return clazz >= 0 && clazz < wholeRow && (here < 0 || here >= classes || takesPart(here));
  }

  private static long integer(MemorySegment array, Layout layout, long at) {
    return ElementType.of(layout.type).getInteger(array, at);
  }

  private static double number(MemorySegment array, Layout layout, long at) {
    return ElementType.of(layout.type).get(array, at);
  }

  private long entryAt(long j) {
    Layout layout = shape.of(TARGETS);
    long at = shape.offset(layout, row) + j * layout.classes;
    return integer(given.of(TARGETS), layout, at);
  }

  /** The number of entries of a sparse row. */
  public long entries() {
    return shape.targetCount;
  }

  /** The class of sparse entry j, counted from the first class here; NO_LABEL if it is ignored. */
  public long entryClass(long j) {
    long entry = entryAt(j);
    return call.ignores(entry) ? NO_LABEL : entry - shape.firstClass;
  }

  /** p of sparse entry j. */
  public double entryWeight(long j) {
    return entry(given.of(TARGET_WEIGHTS), shape.of(TARGET_WEIGHTS), j);
  }

  /** The row's number in an array with one number per row. */
  public double number(MemorySegment array, Layout layout) {
    return number(array, layout, shape.offset(layout, row));
  }

  /** The offset of the row's class 0 in an array with one number per class. */
  public long at(Layout layout) {
    return call.ragged ? raggedBegin * layout.classes : shape.offset(layout, row);
  }

  public boolean hasMask() {
    return has(given.of(CLASS_MASK));
  }

  public boolean takesPart(long clazz) {
    Layout layout = shape.of(CLASS_MASK);
    if (!hasMask()) {
      return true;
    }
    if (!ElementType.holds(layout.type, ElementType.WORDS)) {
      return given.of(CLASS_MASK).get(ValueLayout.JAVA_BYTE, at(layout) + clazz * layout.classes)
          != 0;
    }
    long at = at(layout) + clazz / Integer.SIZE * layout.classes;
    long word = ElementType.of(layout.type).getInteger(given.of(CLASS_MASK), at);
    return (word >> clazz % Integer.SIZE & 1) != 0;
  }

  /** The number of unmasked classes here. */
  public long countClasses() {
    if (!hasMask()) {
      return classes;
    }
    long counted = 0;
    for (long k = 0; k < classes; k++) {
      counted += takesPart(k) ? 1 : 0;
    }
    return counted;
  }

  public boolean hasClassWeights() {
    return has(given.of(CLASS_WEIGHTS));
  }

  public double classWeight(long clazz) {
    Layout layout = shape.of(CLASS_WEIGHTS);
    return number(given.of(CLASS_WEIGHTS), layout, clazz * layout.classes);
  }

  /** Loads the weights of a chunk's classes. */
  public void loadClassWeights(long begin, int count, double[] weights) {
    Layout layout = shape.of(CLASS_WEIGHTS);
    long at = begin * layout.classes;
    ElementType.of(layout.type)
        .load(given.of(CLASS_WEIGHTS), at, layout.classes, weights, count, floats);
  }

  /** Whether the label is one of {@code count} classes from {@code begin} on. */
  public boolean labelIsIn(long begin, int count) {
    return label >= begin && label < begin + count;
  }

  /** Whether the row has a label, here or in another shard. */
  public boolean hasLabel() {
    return label != NO_LABEL;
  }

  /** The exclusive end of the call's class range; a ragged row may end earlier. */
  public long end() {
    return Math.min(call.classEnd, classes);
  }

  /** The size of the chunk that begins at `begin` in a range that ends at `end`. */
  public static int chunkSize(long begin, long end) {
    return (int) Math.min(CHUNK, end - begin);
  }

  public void loadLogits(long begin, int count, double[] x) {
    if (ofTeacher) {
      load(given.of(TEACHER), shape.of(TEACHER), begin, count, x);
    } else if (has(given.of(HIDDEN)) && !has(given.of(LOGITS))) {
      loadProducts(row, begin, count, x);
    } else {
      load(given.of(LOGITS), shape.of(LOGITS), begin, count, x);
    }
  }

  /** Computes logits of a row of a linear layer from its hidden state and the weights. */
  public void loadProducts(long ofRow, long begin, int count, double[] x) {
    if (products == null) {
      products = new LinearLogits(given, shape);
    }
    products.load(ofRow, begin, count, x);
  }

  /** Loads the target probabilities of a chunk. */
  public void loadProbabilities(long begin, int count, double[] q) {
    load(given.of(TARGETS), shape.of(TARGETS), begin, count, q);
  }

  /** Loads a chunk of an array with one number per class. */
  public void load(MemorySegment array, Layout layout, long begin, int count, double[] into) {
    ElementType.of(layout.type)
        .load(array, at(layout) + begin * layout.classes, layout.classes, into, count, floats);
  }

  /** Stores a chunk of an array with one number per class. */
  public void store(double[] from, int count, MemorySegment array, Layout layout, long begin) {
    ElementType.of(layout.type)
        .store(from, count, array, at(layout) + begin * layout.classes, layout.classes, floats);
  }

  /** Stores a number of the row, unless the array is NULL. */
  public void storeNumber(double value, MemorySegment array, Layout layout) {
    if (has(array)) {
      ElementType.of(layout.type).set(array, shape.offset(layout, row), value);
    }
  }

  /** Entry j of the row in an array with a few numbers per row. */
  public double entry(MemorySegment array, Layout layout, long j) {
    return number(array, layout, shape.offset(layout, row) + j * layout.classes);
  }

  /** Stores entry j of the row in an array with a few numbers per row. */
  public void storeEntry(double value, MemorySegment array, Layout layout, long j) {
    ElementType.of(layout.type).set(array, shape.offset(layout, row) + j * layout.classes, value);
  }

  /** Stores class number j of the row in an array with a few numbers per row. */
  public void storeEntryClass(long value, MemorySegment array, Layout layout, long j) {
    long at = shape.offset(layout, row) + j * layout.classes;
    ElementType.of(layout.type).setInteger(array, at, value);
  }

  /** Stores a class or a rank of the row, unless the array is NULL. */
  public void storeClass(long value, MemorySegment array, Layout layout) {
    if (has(array)) {
      ElementType.of(layout.type).setInteger(array, shape.offset(layout, row), value);
    }
  }
}
