// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import com.esotericsoftware.kryo.DefaultSerializer;
import com.esotericsoftware.kryo.serializers.JavaSerializer;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.XentException;
import java.io.Serial;
import java.io.Serializable;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.aggregate.ImperativeAggregate;
import org.apache.spark.sql.catalyst.expressions.aggregate.TypedImperativeAggregate;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** An aggregate of losses in a plan of Spark. Public for Spark; not for users. */
@DefaultSerializer(JavaSerializer.class) // Kryo does not support records
public final class LossAggregate extends TypedImperativeAggregate<LossBuffer>
    implements Serializable {
  @Serial private static final long serialVersionUID = 1L;

  private final AggregateOperation operation;

  @SuppressWarnings("serial") // Scala's sequences are serializable, but not their interface
  private final Seq<Expression> children;

  private final Call call;
  private final int mutableOffset;
  private final int inputOffset;
  private transient @Nullable Losses losses;
  private transient long row;

  /**
   * Creates the aggregate of rows and labels.
   *
   * @param operation the loss of each row
   * @param children logits or states, labels or probabilities, and optional weights
   * @param call the call as written in the query, for messages
   * @param mutableOffset the place of Spark's aggregation buffer
   * @param inputOffset the place of the buffers to merge
   */
  public LossAggregate(
      AggregateOperation operation,
      Seq<Expression> children,
      Call call,
      int mutableOffset,
      int inputOffset) {
    this.operation = operation;
    this.children = children;
    this.call = call;
    this.mutableOffset = mutableOffset;
    this.inputOffset = inputOffset;
  }

  /** Creates the aggregate of a call as written in the query. */
  static LossAggregate of(AggregateOperation operation, Seq<Expression> children) {
    Call call =
        Call.of(operation.name(), children, operation.options(), LossBuffer.type(operation));
    return new LossAggregate(operation, children, call, 0, 0);
  }

  @Override
  public LossBuffer createAggregationBuffer() {
    return new LossBuffer();
  }

  @Override
  public LossBuffer update(LossBuffer buffer, InternalRow input) {
    Object logits = children.apply(0).eval(input);
    Object target = children.apply(1).eval(input);
    boolean weighted = children.size() > 2;
    Double weight = weighted ? (Double) children.apply(2).eval(input) : null;
    if (logits == null || target == null || (weighted && weight == null)) {
      buffer.addNull();
    } else {
      Losses ready = losses(); // errors in the options are not errors of the row
      try {
        ready.add(buffer, logits, target, weight, row);
      } catch (IllegalArgumentException e) {
        refused(buffer, row, e);
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
      try {
        losses = operation.losses();
      } catch (XentException | NativeLibraryException e) {
        throw call.failed(e.getMessage(), e);
      }
    }
    return losses;
  }

  /** Counts a row as null, or throws its error. */
  private void refused(LossBuffer buffer, long refusedRow, IllegalArgumentException e) {
    if (buffer.isMixed()) {
      refusedLength(TaskContext.getPartitionId(), refusedRow, e);
    } else if (operation.tries()) {
      buffer.addNull();
    } else {
      throw call.refused(
          TaskContext.getPartitionId(),
          refusedRow,
          e,
          "; try_" + operation.name() + " counts such a row in nulls");
    }
  }

  /** Throws for rows of unequal length, which have no mean; no single row is the wrong one. */
  private void refusedLength(long partition, long refusedRow, IllegalArgumentException e) {
    if (!operation.tries()) {
      String remedy =
          Arguments.isStates(children.apply(0).dataType())
              ? ""
              : "; try_" + operation.name() + " with option classes counts other rows in nulls";
      throw call.refused(partition, refusedRow, e, remedy);
    }
  }

  private LossBuffer finished(LossBuffer buffer) {
    if (!buffer.waiting().isEmpty()) {
      try {
        losses().finish(buffer);
      } catch (IllegalArgumentException e) {
        // The weights or the bias are wrong, not a row; the message names the first row.
        throw call.refused(
            TaskContext.getPartitionId(), buffer.waiting().getFirst().number(), e, "");
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
      refusedLength(other.partition(), other.row(), e);
    }
    return buffer;
  }

  @Override
  public @Nullable Object eval(LossBuffer buffer) {
    LossBuffer all = finished(buffer);
    try {
      all.requireRightLength();
    } catch (IllegalArgumentException e) {
      throw call.refused(all.partition(), all.row(), e, ": " + operation.remedy());
    }
    return operation.tries() && all.isMixed() ? null : all.result(operation);
  }

  /**
   * The result without rows, which Spark needs if it makes no buffer, as in a correlated subquery.
   */
  @Override
  public Option<Literal> defaultResult() {
    return Option.apply(new Literal(new LossBuffer().result(operation), dataType()));
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
    return LossBuffer.type(operation);
  }

  @Override
  public boolean nullable() {
    return operation.tries();
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
    return RowExpression.call(operation.name(), children, operation.options());
  }

  /** The name of the column. */
  @Override
  public String sql(boolean distinct) {
    return call(sql(), distinct);
  }

  /** The text in plans. */
  @Override
  public String toAggString(boolean distinct) {
    return call(toString(), distinct);
  }

  private static String call(String call, boolean distinct) {
    return distinct ? call.replaceFirst("\\(", "(DISTINCT ") : call;
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
