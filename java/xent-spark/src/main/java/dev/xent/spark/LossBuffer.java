// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.distributed.LossTally;
import dev.xent.errors.ShapeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * What an aggregate keeps of its rows. Sums are exact and counts are whole, so neither the order of
 * rows nor the partitions that they came from change a bit.
 */
final class LossBuffer {
  /** The type of {@link #result}. */
  static final StructType RESULT =
      new StructType()
          .add("mean", DataTypes.DoubleType, false)
          .add("sum", DataTypes.DoubleType, false)
          .add("denominator", DataTypes.DoubleType, false)
          .add("perplexity", DataTypes.DoubleType, false)
          .add("accuracy", DataTypes.DoubleType, false)
          .add("rows", DataTypes.LongType, false)
          .add("counted", DataTypes.LongType, false)
          .add("correct", DataTypes.LongType, false)
          .add("nulls", DataTypes.LongType, false);

  private static final int HEADER = 3 * Long.BYTES;
  private static final long ANY = -1;

  private final LossTally tally;
  private long correct;
  private long nulls;
  private long classes = ANY;

  LossBuffer() {
    this(new LossTally());
  }

  private LossBuffer(LossTally tally) {
    this.tally = tally;
  }

  /** Adds a row whose logits or label are null. */
  void addNull() {
    nulls++;
  }

  /**
   * Adds the loss of a row.
   *
   * @throws ShapeException where rows before had another number of classes; nothing is right then
   */
  void add(RowLoss loss, Object row, Object label) {
    loss.of(row, label, tally);
    correct += loss.correct();
    requireClasses(loss.classes());
  }

  /** Adds all that another holds. */
  void add(LossBuffer other) {
    tally.add(other.tally);
    correct += other.correct;
    nulls += other.nulls;
    if (other.classes != ANY) {
      requireClasses(other.classes);
    }
  }

  private void requireClasses(long newClasses) {
    if (classes != ANY && classes != newClasses) {
      throw new ShapeException(
          String.format(
              Locale.ROOT,
              "rows of %d and of %d classes: give rows of equal length, or group by it",
              Math.min(classes, newClasses),
              Math.max(classes, newClasses)));
    }
    classes = newClasses;
  }

  /** The numbers, as {@link #RESULT} names them. */
  InternalRow result() {
    double mean = tally.mean();
    return new GenericInternalRow(
        new Object[] {
          mean,
          tally.sum(),
          tally.denominator(),
          StrictMath.exp(mean),
          (double) correct / tally.counted(),
          tally.rows(),
          tally.counted(),
          correct,
          nulls
        });
  }

  /** As {@link #ofBytes} reads them. */
  byte[] toBytes() {
    byte[] sums = tally.toBytes();
    return ByteBuffer.allocate(HEADER + sums.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(correct)
        .putLong(nulls)
        .putLong(classes)
        .put(sums)
        .array();
  }

  /** What {@link #toBytes} wrote. */
  static LossBuffer ofBytes(byte[] bytes) {
    ByteBuffer from = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    byte[] sums = new byte[bytes.length - HEADER];
    from.get(HEADER, sums);
    LossBuffer buffer = new LossBuffer(LossTally.ofBytes(sums));
    buffer.correct = from.getLong();
    buffer.nulls = from.getLong();
    buffer.classes = from.getLong();
    return buffer;
  }
}
