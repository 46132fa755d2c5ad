// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;

import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One row of a general call after the other: its length, its label or sparse entries, its weight,
 * which classes take part. Classes count from the first that the call's arrays hold.
 */
final class GeneralRow {
  /** {@link Kind#SOFTMAX}, {@link Kind#LABEL} or {@link Kind#PROBABILITIES}. */
  int kind;

  /** Whether targets are a few classes with a number each. */
  boolean sparse;

  /** How many classes of the row there are here; of a shard those of the shard. */
  long classes;

  /** How many the row has in all. */
  long wholeRow;

  /** u: 1 without row weights. */
  double weight;

  /** Whether the row's label is the ignore index, or its weight 0. */
  boolean ignored;

  /** The label counted from the first class here; may lie outside. {@link #NO_LABEL}: none. */
  long label;

  static final long NO_LABEL = Long.MIN_VALUE;

  private Call call;
  private Shape shape;
  private CallArrays given;
  private long row;
  private long raggedBegin;

  void begin(Call ofCall) {
    call = ofCall;
    shape = call.shape;
    given = call.given;
    sparse = has(given.targets) && shape.targetCount != 0;
    kind = !has(given.targets) ? Kind.SOFTMAX : shape.hasLabels() ? Kind.LABEL : Kind.PROBABILITIES;
  }

  /** Goes to a row; refuses a class that may not be a target. */
  int go(long toRow) {
    row = toRow;
    raggedBegin = call.ragged ? RowOffsets.within(call, row) : 0;
    classes = call.ragged ? raggedClasses() : shape.classes;
    wholeRow = call.ragged ? classes : shape.wholeRow();
    weight = has(given.rowWeights) ? number(given.rowWeights, shape.rowWeights) : 1;
    ignored = weight == 0;
    label = NO_LABEL;
    if (ignored || kind == Kind.SOFTMAX) {
      return Status.OK;
    }
    if (kind == Kind.LABEL) {
      return takeLabel();
    }
    return sparse ? checkEntries() : Status.OK;
  }

  private long raggedClasses() {
    return Math.clamp(RowOffsets.within(call, row + 1) - raggedBegin, 0, shape.classes);
  }

  private int takeLabel() {
    long read = Labels.get(given.targets, shape.targets.type, shape.offset(shape.targets, row));
    if (call.options.ignores(read)) {
      ignored = true;
    } else if (isLawful(read)) {
      label = read - shape.firstClass;
    } else {
      return call.report.refuseLabel(row, read);
    }
    return Status.OK;
  }

  private int checkEntries() {
    for (long j = 0; j < shape.targetCount; j++) {
      long entry = entryAt(j);
      if (!call.options.ignores(entry) && !isLawful(entry)) {
        return call.report.refuseLabel(row, entry);
      }
    }
    return Status.OK;
  }

  private boolean isLawful(long clazz) {
    long here = clazz - shape.firstClass;
    return clazz >= 0 && clazz < wholeRow && (here < 0 || here >= classes || takesPart(here));
  }

  private long entryAt(long j) {
    Layout layout = shape.targets;
    long at = shape.offset(layout, row) + j * layout.classes;
    return Labels.get(given.targets, layout.type, at);
  }

  /** The class of sparse entry j, counted from the first class here; NO_LABEL: skipped. */
  long entryClass(long j) {
    long entry = entryAt(j);
    return call.options.ignores(entry) ? NO_LABEL : entry - shape.firstClass;
  }

  /** p of sparse entry j. */
  double entryWeight(long j) {
    Layout layout = shape.targetWeights;
    return Numbers.get(
        given.targetWeights, layout.type, shape.offset(layout, row) + j * layout.classes);
  }

  /** A number of the row in an array that has one per row. */
  double number(MemorySegment array, Layout layout) {
    return Numbers.get(array, layout.type, shape.offset(layout, row));
  }

  /** Where class 0 of the row lies in an array that has a number per class. */
  long at(Layout layout) {
    return call.ragged ? raggedBegin * layout.classes : shape.offset(layout, row);
  }

  boolean takesPart(long clazz) {
    Layout layout = shape.classMask;
    return !has(given.classMask)
        || given.classMask.get(ValueLayout.JAVA_BYTE, at(layout) + clazz * layout.classes) != 0;
  }

  /** How many classes here take part. */
  long countClasses() {
    if (!has(given.classMask)) {
      return classes;
    }
    long counted = 0;
    for (long k = 0; k < classes; k++) {
      counted += takesPart(k) ? 1 : 0;
    }
    return counted;
  }

  boolean hasClassWeights() {
    return has(given.classWeights);
  }

  double classWeight(long clazz) {
    Layout layout = shape.classWeights;
    return Numbers.get(given.classWeights, layout.type, clazz * layout.classes);
  }

  /** Whether the label lies among so many classes from `begin` on. */
  boolean labelIsIn(long begin, int count) {
    return label >= begin && label < begin + count;
  }

  /** Whether the row has a label, here or in another shard. */
  boolean hasLabel() {
    return label != NO_LABEL;
  }

  /** Probabilities of a chunk. */
  void loadProbabilities(long begin, int count, double[] q) {
    load(given.targets, shape.targets, begin, count, q);
  }

  /** A chunk of an array that has a number per class. */
  void load(MemorySegment array, Layout layout, long begin, int count, double[] into) {
    Numbers.load(
        array, layout.type, at(layout) + begin * layout.classes, layout.classes, into, count);
  }

  /** Stores a chunk of an array that has a number per class. */
  void store(double[] from, int count, MemorySegment array, Layout layout, long begin) {
    Numbers.store(
        from, count, array, layout.type, at(layout) + begin * layout.classes, layout.classes);
  }

  /** Stores a number of the row where it is asked for. */
  void storeNumber(double value, MemorySegment array, Layout layout) {
    if (has(array)) {
      Numbers.set(array, layout.type, shape.offset(layout, row), value);
    }
  }

  /** Stores entry j of the row in an array that has a few per row. */
  void storeEntry(double value, MemorySegment array, Layout layout, long j) {
    Numbers.set(array, layout.type, shape.offset(layout, row) + j * layout.classes, value);
  }

  /** Stores class number j of the row in an array that has a few per row. */
  void storeEntryClass(long value, MemorySegment array, Layout layout, long j) {
    Numbers.setClass(array, layout.type, shape.offset(layout, row) + j * layout.classes, value);
  }

  /** Stores a class or a rank where it is asked for. */
  void storeClass(long value, MemorySegment array, Layout layout) {
    if (has(array)) {
      Numbers.setClass(array, layout.type, shape.offset(layout, row), value);
    }
  }
}
