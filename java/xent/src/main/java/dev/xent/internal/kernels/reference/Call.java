// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.OUTPUT;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.SizedStruct;
import dev.xent.internal.kernels.reference.math.Float32;
import dev.xent.internal.kernels.reference.math.Float64;
import dev.xent.internal.kernels.reference.rows.BinaryElements;
import dev.xent.internal.kernels.reference.rows.CrossEntropyRows;
import dev.xent.internal.kernels.reference.rows.DivergenceRows;
import dev.xent.internal.kernels.reference.rows.LinearRows;
import dev.xent.internal.kernels.reference.rows.SampleRows;
import dev.xent.internal.kernels.reference.rows.SelectedRows;
import dev.xent.internal.kernels.reference.sum.Work;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A call: its structs, its ranges and the checks of them. Used again and again, so that a call
 * allocates nothing.
 */
final class Call extends Request {
  /** Whether it belongs to no thread. */
  final boolean spare;

  final ArrayChecks arrays = new ArrayChecks();
  final Scratch scratch = new Scratch();

  /** Of float32 and of float64 arithmetic. */
  private final @Nullable CrossEntropyRows[] rows = new CrossEntropyRows[2];

  private final @Nullable SelectedRows[] selected = new SelectedRows[2];

  private @Nullable DivergenceRows divergence;
  private @Nullable BinaryElements binary;
  private @Nullable SampleRows samples;
  private @Nullable LinearRows linear;

  /** The types that an array of numbers may have, as a set of {@link ElementType}. */
  int numbers;

  Function function = Function.SOFTMAX;
  MemorySegment reportStruct = MemorySegment.NULL;

  /** What the function is told beside its arrays. */
  int choice;

  long workspaceSize;

  /** Whether the class range may begin and end anywhere. */
  boolean anyClasses;

  /** Whether a shard may. */
  boolean anySplit;

  /** One that belongs to a thread, or to none. */
  Call(boolean spare) {
    this.spare = spare;
  }

  /** Takes a call, its structs, options, shape and ranges. */
  int begin(dev.xent.internal.kernels.Work work) {
    function = work.function();
    given.take(work);
    reportStruct = work.report();
    choice = work.choice();
    shards = work.shards();
    workspaceSize = work.workspaceSize();
    anySplit = function == Function.SAMPLE;
    anyClasses = function == Function.LINEAR_CROSS_ENTROPY_BACKWARD;
    int status = takeStructs(work.shape(), work.options());
    if (status != Status.OK) {
      return status;
    }
    wide =
        switch (function) {
          case SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD, BACKWARD_STATES ->
              ElementType.isWide(shape.of(OUTPUT).type);
          default -> ElementType.isWide(shape.of(LOGITS).type);
        };
    return switch (function) {
      case SOFTMAX,
          LOG_SOFTMAX,
          SOFTMAX_BACKWARD,
          LOG_SOFTMAX_BACKWARD,
          CROSS_ENTROPY_BACKWARD,
          LINEAR_CROSS_ENTROPY_BACKWARD,
          LINEAR_STATES,
          FORWARD_STATES,
          BACKWARD_STATES ->
          check(work.rowBegin(), work.rowEnd(), work.classBegin(), work.classEnd());
      default -> check(work.rowBegin(), work.rowEnd(), 0, shape.classes);
    };
  }

  /** The rows of the call in its arithmetic; made by the first call of a thread that has it. */
  CrossEntropyRows rows() {
    int i = wide ? 1 : 0;
    CrossEntropyRows known = rows[i];
    if (known == null) {
      known = new CrossEntropyRows(new Work(this, wide ? new Float64() : new Float32()));
      rows[i] = known;
    }
    return known;
  }

  /** What the rows are computed with. */
  Work work() {
    return rows().work;
  }

  /** Selected classes of the rows of the call, in its arithmetic. */
  SelectedRows selected() {
    int i = wide ? 1 : 0;
    SelectedRows known = selected[i];
    if (known == null) {
      known = new SelectedRows(work());
      selected[i] = known;
    }
    return known;
  }

  DivergenceRows divergence() {
    DivergenceRows known = divergence;
    if (known == null) {
      known = new DivergenceRows(this);
      divergence = known;
    }
    return known;
  }

  BinaryElements binary() {
    BinaryElements known = binary;
    if (known == null) {
      known = new BinaryElements(this);
      binary = known;
    }
    return known;
  }

  /** Of float32 arithmetic. */
  SampleRows samples() {
    SampleRows known = samples;
    if (known == null) {
      known = new SampleRows(rows());
      samples = known;
    }
    return known;
  }

  /** Of float32 arithmetic. */
  LinearRows linear() {
    LinearRows known = linear;
    if (known == null) {
      known = new LinearRows(rows());
      linear = known;
    }
    return known;
  }

  /** Hands out the report and forgets the arguments. */
  void end() {
    report.store(reportStruct);
    reportStruct = MemorySegment.NULL;
    given.clear();
  }

  /** A struct array that must be there and be aligned. */
  int checkStructs(MemorySegment structs, int field, boolean optional) {
    if (optional && Addresses.isNull(structs)) {
      return Status.OK;
    }
    return Addresses.isNull(structs) || !Addresses.isAligned(structs, Long.BYTES)
        ? report.refuse(Status.INVALID_ARGUMENT, field, 0)
        : Status.OK;
  }

  /**
   * An array of records, so many of a row: of all rows, whose places are counted from the first.
   */
  int checkRecords(MemorySegment records, int field, long perRow, long size, boolean optional) {
    int status = checkStructs(records, field, optional);
    if (status != Status.OK || Addresses.isNull(records)) {
      return status;
    }
    long rows = shape.outer * shape.inner;
    long count = rows * perRow;
    boolean fits =
        Math.multiplyHigh(rows, perRow) == 0
            && count >= 0
            && Math.multiplyHigh(count, size) == 0
            && count * size >= 0;
    return fits ? Status.OK : report.refuse(Status.INVALID_SHAPE, field, rows);
  }

  int checkStatistics(MemorySegment statistics, boolean optional) {
    return checkRecords(statistics, Field.STATISTICS, 1, Records.STATISTICS, optional);
  }

  int checkStates(MemorySegment states) {
    long perRow = shape.classes / CHUNK + (shape.classes % CHUNK == 0 ? 0 : 1);
    return checkRecords(states, Field.STATES, perRow, Records.STATE, false);
  }

  private int takeStructs(MemorySegment shapeStruct, MemorySegment optionsStruct) {
    report.clear();
    ragged = false;
    firstStatistics = 0;
    int status = shape.copy.check(shapeStruct);
    if (status != Status.OK) {
      return refuseStruct(status, Field.SHAPE, shapeStruct);
    }
    status = options.copy.check(optionsStruct);
    if (status != Status.OK) {
      return refuseStruct(status, Field.OPTIONS, optionsStruct);
    }
    status = report.check(reportStruct);
    if (status != Status.OK && !Addresses.isNull(reportStruct)) {
      return status; // of which nobody can be told more
    }
    if (!shape.copy.load(shapeStruct)) {
      return refuseUnknown(Field.SHAPE, shapeStruct);
    }
    if (!options.copy.load(optionsStruct)) {
      return refuseUnknown(Field.OPTIONS, optionsStruct);
    }
    shape.read();
    options.read();
    return Status.OK;
  }

  /** Of a size that it cannot be, or not there to have one. */
  private int refuseStruct(int status, int field, MemorySegment struct) {
    long size = status == Status.INVALID_SIZE ? SizedStruct.size(struct) : 0;
    return report.refuseStruct(status, field, size);
  }

  private int refuseUnknown(int field, MemorySegment struct) {
    return report.refuse(Status.UNSUPPORTED, field, SizedStruct.size(struct));
  }

  private int check(long firstRow, long endRow, long firstClass, long endClass) {
    numbers = wide ? ElementType.IN_DOUBLE : ElementType.IN_FLOAT;
    rowBegin = firstRow;
    rowEnd = endRow;
    classBegin = firstClass;
    classEnd = endClass;
    int status = OptionRules.check(this);
    if (status == Status.OK) {
      status = checkSizes();
    }
    return status == Status.OK ? checkRanges() : status;
  }

  private int checkSizes() {
    if (shape.classes < 1) {
      return refuseSize(Field.CLASSES, shape.classes);
    }
    if (shape.outer < 0) {
      return refuseSize(Field.SHAPE, shape.outer);
    }
    if (shape.inner < 0 || (shape.inner == 0 && shape.outer > 0)) {
      return refuseSize(Field.SHAPE, shape.inner);
    }
    long rows = shape.outer * shape.inner;
    if (Math.multiplyHigh(shape.outer, shape.inner) != 0
        || rows < 0
        || Math.multiplyHigh(rows, shape.classes) != 0
        || rows * shape.classes < 0) {
      return refuseSize(Field.SHAPE, shape.classes);
    }
    if (shape.targetCount < 0) {
      return refuseSize(Field.TARGET_COUNT, shape.targetCount);
    }
    if (shape.topCount < 0 || shape.topCount > shape.classes) {
      return refuseSize(Field.TOP_COUNT, shape.topCount);
    }
    if (shape.promptCount < 0) {
      return refuseSize(Field.PROMPT_COUNT, shape.promptCount);
    }
    if (shape.outputCount < 0) {
      return refuseSize(Field.OUTPUT_COUNT, shape.outputCount);
    }
    if (shape.features < 0) {
      return refuseSize(Field.FEATURES, shape.features);
    }
    return checkShard();
  }

  /** Classes of a shard begin at a chunk and end at one, or with the row; in sampling anywhere. */
  private int checkShard() {
    long all = shape.allClasses;
    long first = shape.firstClass;
    if (all < 0) {
      return refuseSize(Field.ALL_CLASSES, all);
    }
    if (first < 0 || (first % CHUNK != 0 && !anySplit) || (first != 0 && all == 0)) {
      return refuseSize(Field.FIRST_CLASS, first);
    }
    if (all == 0) {
      return Status.OK;
    }
    long end = first + shape.classes;
    if (end < 0 || end > all || (end % CHUNK != 0 && end != all && !anySplit)) {
      return refuseSize(Field.ALL_CLASSES, all);
    }
    return Status.OK;
  }

  /** The call is about all classes, not about those of a shard. */
  int checkWhole() {
    return shape.allClasses == 0
        ? Status.OK
        : report.refuse(Status.UNSUPPORTED, Field.ALL_CLASSES, shape.allClasses);
  }

  private int refuseSize(int field, long size) {
    return report.refuse(Status.INVALID_SHAPE, field, size);
  }

  private int checkRanges() {
    if (rowBegin < 0 || rowBegin > rowEnd || rowEnd > shape.outer * shape.inner) {
      return report.refuse(Status.INVALID_ARGUMENT, Field.ROW_RANGE, rowEnd);
    }
    boolean ordered = classBegin >= 0 && classBegin <= classEnd && classEnd <= shape.classes;
    boolean atChunks =
        anyClasses
            || (classBegin % CHUNK == 0 && (classEnd % CHUNK == 0 || classEnd == shape.classes));
    return ordered && atChunks
        ? Status.OK
        : report.refuse(Status.INVALID_ARGUMENT, Field.CLASS_RANGE, classBegin);
  }
}
