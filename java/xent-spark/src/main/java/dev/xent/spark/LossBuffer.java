// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.LossSum;
import dev.xent.errors.ShapeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * The state of an aggregate. Sums are exact and counts are integers, so the result has the same
 * bits for any order of the rows and for any partitions.
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

  /** Rows of unequal length were rejected. If the query continues, the mean is null or NaN. */
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

  /** The length of the first row if no row had the right one; otherwise ANY or RIGHT. */
  private long wrongLength = ANY;

  private long rightLength;

  private final List<LinearLosses.Row> waiting = new ArrayList<>(0);

  LossBuffer() {
    this(LossSum.create());
  }

  private LossBuffer(LossSum lossSum) {
    this.lossSum = lossSum;
  }

  /** The type of {@link #result}. */
  static StructType type(AggregateOperation losses) {
    return losses.topK() == 0 ? RESULT : RESULT.add("top_k_accuracy", DataTypes.DoubleType, true);
  }

  /** Counts a row with null logits, target or weight. */
  void addNull() {
    nulls++;
  }

  /** The sum to add losses to; {@link #added} records the other facts about them. */
  LossSum lossSum() {
    return lossSum;
  }

  /**
   * Records the other facts about rows whose losses were added.
   *
   * @param newCorrect the number of rows whose label has the largest logit
   * @param newFound the number of rows whose label has one of the k largest logits
   * @param newRow the number of the first row in its partition
   * @throws ShapeException if earlier rows had another number of classes; the mean is then NaN
   */
  void added(long newCorrect, long newFound, long newClasses, long newRow) {
    correct += newCorrect;
    found += newFound;
    requireClasses(newClasses, TaskContext.getPartitionId(), newRow);
  }

  /** Rows whose losses are computed together with those of the next ones. */
  List<LinearLosses.Row> waiting() {
    return waiting;
  }

  /** Whether rows of unequal length were rejected. */
  boolean isMixed() {
    return classes == MIXED;
  }

  /**
   * Records the length of a row whose logits and label are not null, even if the row is rejected.
   *
   * @param expected the length that the weights or option classes require
   * @param newRow its number in the partition
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
   * Requires a row with the right length, if there was any row.
   *
   * @throws ShapeException if all rows had another length: the error is then not in the rows
   */
  void requireRightLength() {
    if (wrongLength >= 0) {
      throw new ShapeException(
          message(
              "the row has length %d; expected %d, and no row of the group has it",
              wrongLength, rightLength));
    }
  }

  /**
   * Adds the contents of another buffer, which must have no waiting rows.
   *
   * @throws ShapeException if its rows have another number of classes; the mean is then NaN
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
          message(
              "the row has length %d, row %d of partition %d has length %d; rows of a group must have equal length",
              newClasses, row, partition, before));
    }
  }

  /** The partition of the first valid row, or of the first one with another length. */
  long partition() {
    return partition;
  }

  /** The number of that row in the partition. */
  long row() {
    return row;
  }

  /**
   * The result, with the fields of {@link #type}; means over no row are null, as for {@code avg}.
   */
  InternalRow result(AggregateOperation losses) {
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

  /** The contents as bytes for {@link #ofBytes}. */
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

  /** Reads bytes that {@link #toBytes} wrote. */
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
