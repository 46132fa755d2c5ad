// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import com.esotericsoftware.kryo.DefaultSerializer;
import com.esotericsoftware.kryo.serializers.JavaSerializer;
import java.io.Serial;
import java.io.Serializable;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.aggregate.ImperativeAggregate;
import org.apache.spark.sql.catalyst.expressions.aggregate.TypedImperativeAggregate;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** An aggregate of losses in a plan of Spark. Public for Spark; not for users. */
@DefaultSerializer(JavaSerializer.class) // Kryo does not know records
public final class LossAggregate extends TypedImperativeAggregate<LossBuffer>
    implements Serializable {
  @Serial private static final long serialVersionUID = 1L;

  private final Losses.Source operation;

  @SuppressWarnings("serial") // Scala's sequences are serializable, their interface is not
  private final Seq<Expression> children;

  private final String call;
  private final int mutableOffset;
  private final int inputOffset;
  private transient @Nullable Losses losses;
  private transient long row;

  /**
   * The aggregate of rows and labels.
   *
   * @param operation the loss of each row
   * @param children logits or states, and labels
   * @param call the function with the names of its columns, for messages
   * @param mutableOffset where Spark keeps its buffer
   * @param inputOffset where Spark has the buffers that are merged
   */
  public LossAggregate(
      Losses.Source operation,
      Seq<Expression> children,
      String call,
      int mutableOffset,
      int inputOffset) {
    this.operation = operation;
    this.children = children;
    this.call = call;
    this.mutableOffset = mutableOffset;
    this.inputOffset = inputOffset;
  }

  /** A call as it was written. */
  static LossAggregate of(Losses.Source operation, Seq<Expression> children) {
    return new LossAggregate(operation, children, written(operation, children), 0, 0);
  }

  private static String written(Losses.Source operation, Seq<Expression> children) {
    return RowExpression.call(operation.name(), children, operation.options());
  }

  @Override
  public LossBuffer createAggregationBuffer() {
    return new LossBuffer();
  }

  @Override
  public LossBuffer update(LossBuffer buffer, InternalRow input) {
    Object logits = children.apply(0).eval(input);
    Object label = children.apply(1).eval(input);
    if (logits == null || label == null) {
      buffer.addNull();
    } else {
      try {
        losses().add(buffer, logits, label, row);
      } catch (IllegalArgumentException e) {
        throw refused(row, e);
      }
      if (buffer.waiting().size() == LinearLosses.MOST) {
        finished(buffer);
      }
    }
    row++;
    return buffer;
  }

  private Losses losses() {
    if (losses == null) {
      losses = operation.losses();
    }
    return losses;
  }

  private IllegalArgumentException refused(long refusedRow, IllegalArgumentException e) {
    return RowCalls.refused(call, TaskContext.getPartitionId(), refusedRow, e);
  }

  private LossBuffer finished(LossBuffer buffer) {
    if (!buffer.waiting().isEmpty()) {
      try {
        losses().finish(buffer);
      } catch (IllegalArgumentException e) {
        throw refused(buffer.waitingRow(e), e);
      }
    }
    return buffer;
  }

  @Override
  public LossBuffer merge(LossBuffer buffer, LossBuffer other) {
    LossBuffer all = finished(other);
    try {
      buffer.add(all);
    } catch (IllegalArgumentException e) {
      throw RowCalls.refused(call, other.partition(), other.row(), e);
    }
    return buffer;
  }

  @Override
  public Object eval(LossBuffer buffer) {
    return finished(buffer).result();
  }

  @Override
  public byte[] serialize(LossBuffer buffer) {
    return finished(buffer).toBytes();
  }

  @Override
  public LossBuffer deserialize(byte[] bytes) {
    return LossBuffer.ofBytes(bytes);
  }

  @Override
  public DataType dataType() {
    return LossBuffer.RESULT;
  }

  @Override
  public boolean nullable() {
    return false;
  }

  @Override
  public int mutableAggBufferOffset() {
    return mutableOffset;
  }

  @Override
  public int inputAggBufferOffset() {
    return inputOffset;
  }

  @Override
  public ImperativeAggregate withNewMutableAggBufferOffset(int offset) {
    return new LossAggregate(operation, children, call, offset, inputOffset);
  }

  @Override
  public ImperativeAggregate withNewInputAggBufferOffset(int offset) {
    return new LossAggregate(operation, children, call, mutableOffset, offset);
  }

  @Override
  public Seq<Expression> children() {
    return children;
  }

  @Override
  public Expression withNewChildrenInternal(IndexedSeq<Expression> newChildren) {
    return new LossAggregate(operation, newChildren, call, mutableOffset, inputOffset);
  }

  @Override
  public String prettyName() {
    return operation.name();
  }

  @Override
  public String sql() {
    return written(operation, children);
  }

  @Override
  public String toString() {
    return RowExpression.call(
        operation.name(), children, Expression::toString, operation.options());
  }

  @Override
  public int productArity() {
    return 5;
  }

  @Override
  public Object productElement(int n) {
    return switch (n) {
      case 0 -> operation;
      case 1 -> children;
      case 2 -> call;
      case 3 -> mutableOffset;
      default -> inputOffset;
    };
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof LossAggregate;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LossAggregate that
        && operation.equals(that.operation)
        && children.equals(that.children)
        && mutableOffset == that.mutableOffset
        && inputOffset == that.inputOffset;
  }

  @Override
  public int hashCode() {
    return 31 * operation.hashCode() + children.hashCode();
  }
}
