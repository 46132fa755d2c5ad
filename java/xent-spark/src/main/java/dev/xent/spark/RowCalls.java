// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import com.esotericsoftware.kryo.DefaultSerializer;
import com.esotericsoftware.kryo.serializers.JavaSerializer;
import java.io.Serial;
import java.io.Serializable;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;

/**
 * The calls of a function in a task, one per row. Public for the code that Spark generates; not for
 * users. One thread at a time.
 */
@DefaultSerializer(JavaSerializer.class) // Kryo does not support records
public final class RowCalls implements Serializable {
  @Serial private static final long serialVersionUID = 1L;

  private final Operation operation;
  private final Call call;
  private transient Operation.@Nullable Rows rows;
  private transient long row;

  /**
   * Creates the calls of a function.
   *
   * @param call the call as written in the query, for messages
   */
  RowCalls(Operation operation, Call call) {
    this.operation = operation;
    this.call = call;
  }

  /**
   * The result of the next row.
   *
   * @param arguments Spark's value of each argument
   */
  public @Nullable Object next(@Nullable Object[] arguments) {
    if (rows == null) {
      rows = operation.start();
    }
    try {
      return rows.of(arguments);
    } catch (IllegalArgumentException e) {
      throw call.refused(
          TaskContext.getPartitionId(),
          row,
          e,
          "; try_" + operation.name() + " returns NULL for such a row");
    } finally {
      row++;
    }
  }
}
