// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.LossSum;
import dev.xent.errors.ShapeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * What an aggregate keeps of its rows. Sums are exact and counts are whole, so neither the order of
 * rows nor the partitions that they came from change a bit.
 */
final class LossBuffer {
  private static final StructType RESULT =
      new StructType()
          .add("mean", DataTypes.DoubleType, true)
          .add("sum", DataTypes.DoubleType, false)
          .add("denominator", DataTypes.DoubleType, false)
          .add("perplexity", DataTypes.DoubleType, true)
          .add("accuracy", DataTypes.DoubleType, true)
          .add("rows", DataTypes.LongType, false)
          .add("valid_rows", DataTypes.LongType, false)
          .add("correct", DataTypes.LongType, true)
          .add("nulls", DataTypes.LongType, false);

  private static final int HEADER = 8 * Long.BYTES;
  private static final long ANY = -1;

  /** Rows of unequal length were refused. A query that goes on has no mean, or NaN. */
  private static final long MIXED = -2;

  /** A row with the right length was seen. */
  private static final long RIGHT = -3;

  private final LossSum lossSum;
  private long correct;
  private long found;
  private long nulls;
  private long classes = ANY;
  private long partition;
  private long row;

  /** The length of the first row if no row had the right one; or ANY, or RIGHT. */
  private long wrongLength = ANY;

  private long rightLength;

  private final List<LinearLosses.Row> waiting = new ArrayList<>(0);

  LossBuffer() {
    this(new LossSum());
  }

  private LossBuffer(LossSum lossSum) {
    this.lossSum = lossSum;
  }

  /** The type of {@link #result}. */
  static StructType type(Losses.Source losses) {
    return losses.topK() == 0 ? RESULT : RESULT.add("top_k_accuracy", DataTypes.DoubleType, true);
  }

  /** Adds a row whose logits, target or weight are null. */
  void addNull() {
    nulls++;
  }

  /** What losses are added to; {@link #added} says the rest of them. */
  LossSum lossSum() {
    return lossSum;
  }

  /**
   * Notes what else is known of rows whose losses were added.
   *
   * @param newCorrect how many have the largest logit at their label
   * @param newFound how many have one of the k largest there
   * @param newRow which row of its partition the first one is
   * @throws ShapeException where rows before had another number of classes; the mean is NaN then
   */
  void added(long newCorrect, long newFound, long newClasses, long newRow) {
    correct += newCorrect;
    found += newFound;
    requireClasses(newClasses, TaskContext.getPartitionId(), newRow);
  }

  /** Rows whose losses are to be added with those of the next ones. */
  List<LinearLosses.Row> waiting() {
    return waiting;
  }

  /** Whether rows of unequal length were refused. */
  boolean isMixed() {
    return classes == MIXED;
  }

  /**
   * Notes the length of a row whose logits and label are not null, good or not.
   *
   * @param expected the length that the weights or option classes require
   * @param newRow which row of its partition it is
   */
  void lengthSeen(long length, long expected, long newRow) {
    if (length == expected) {
      wrongLength = RIGHT;
    } else if (wrongLength == ANY) {
      wrongLength = length;
      rightLength = expected;
      partition = TaskContext.getPartitionId();
      row = newRow;
    }
  }

  /**
   * Requires a row with the right length, if there was any.
   *
   * @throws ShapeException if all rows had another length: the fault is not in them
   */
  void requireRightLength() {
    if (wrongLength >= 0) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "the row has length %d; expected %d, and no row of the group has it",
              wrongLength,
              rightLength));
    }
  }

  /**
   * Adds all that another holds, in which no row waits.
   *
   * @throws ShapeException where its rows have another number of classes; the mean is NaN then
   */
  void add(LossBuffer other) {
    lossSum.add(other.lossSum);
    correct += other.correct;
    found += other.found;
    nulls += other.nulls;
    if (other.wrongLength == RIGHT) {
      wrongLength = RIGHT;
    } else if (wrongLength == ANY && other.wrongLength != ANY) {
      wrongLength = other.wrongLength;
      rightLength = other.rightLength;
      partition = other.partition;
      row = other.row;
    }
    if (other.isMixed()) {
      classes = MIXED;
    } else if (other.classes != ANY) {
      requireClasses(other.classes, other.partition, other.row);
    }
  }

  private void requireClasses(long newClasses, long newPartition, long newRow) {
    if (classes == ANY) {
      classes = newClasses;
      partition = newPartition;
      row = newRow;
    } else if (!isMixed() && classes != newClasses) {
      long before = classes;
      classes = MIXED;
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "the row has length %d, row %d of partition %d has length %d; rows of a group must have equal length",
              newClasses,
              row,
              partition,
              before));
    }
  }

  /** The partition of the first good row, or of the first one with another length. */
  long partition() {
    return partition;
  }

  /** Which row it was there. */
  long row() {
    return row;
  }

  /** The numbers, as {@link #type} names them; means of nothing are null, as {@code avg} is. */
  InternalRow result(Losses.Source losses) {
    double sum = isMixed() ? Double.NaN : lossSum.sum();
    double denominator = lossSum.denominator();
    @Nullable Double mean = denominator == 0 ? null : (Double) (sum / denominator);
    List<@Nullable Object> numbers = new ArrayList<>();
    numbers.add(mean);
    numbers.add(sum);
    numbers.add(denominator);
    numbers.add(mean == null ? null : (Object) StrictMath.exp(mean));
    numbers.add(losses.labelled() ? share(correct) : null);
    numbers.add(lossSum.rows());
    numbers.add(lossSum.validRows());
    numbers.add(losses.labelled() ? correct : null);
    numbers.add(nulls);
    if (losses.topK() > 0) {
      numbers.add(share(found));
    }
    return new GenericInternalRow(numbers.toArray());
  }

  private @Nullable Double share(long count) {
    if (lossSum.validRows() == 0) {
      return null;
    }
    return isMixed() ? Double.NaN : (double) count / lossSum.validRows();
  }

  /** As {@link #ofBytes} reads them. */
  byte[] toBytes() {
    byte[] sums = lossSum.toBytes();
    return ByteBuffer.allocate(HEADER + sums.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(correct)
        .putLong(found)
        .putLong(nulls)
        .putLong(classes)
        .putLong(partition)
        .putLong(row)
        .putLong(wrongLength)
        .putLong(rightLength)
        .put(sums)
        .array();
  }

  /** What {@link #toBytes} wrote. */
  static LossBuffer ofBytes(byte[] bytes) {
    ByteBuffer from = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    byte[] sums = new byte[bytes.length - HEADER];
    from.get(HEADER, sums);
    LossBuffer buffer = new LossBuffer(LossSum.ofBytes(sums));
    buffer.correct = from.getLong();
    buffer.found = from.getLong();
    buffer.nulls = from.getLong();
    buffer.classes = from.getLong();
    buffer.partition = from.getLong();
    buffer.row = from.getLong();
    buffer.wrongLength = from.getLong();
    buffer.rightLength = from.getLong();
    return buffer;
  }
}
