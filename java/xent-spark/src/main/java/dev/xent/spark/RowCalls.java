// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import com.esotericsoftware.kryo.DefaultSerializer;
import com.esotericsoftware.kryo.serializers.JavaSerializer;
import dev.xent.errors.LabelException;
import java.io.Serial;
import java.io.Serializable;
import java.util.Locale;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;

/**
 * The calls that a task makes of a function, one per row. Public for the code that Spark generates;
 * not for users. One thread at a time.
 */
@DefaultSerializer(JavaSerializer.class) // Kryo does not know records
public final class RowCalls implements Serializable {
  @Serial private static final long serialVersionUID = 1L;

  private final Operation operation;
  private final String call;
  private transient Operation.@Nullable Rows rows;
  private transient long row;

  /**
   * The calls of a function.
   *
   * @param call the function with its columns, for messages
   */
  RowCalls(Operation operation, String call) {
    this.operation = operation;
    this.call = call;
  }

  /**
   * The result of the next row.
   *
   * @param arguments what Spark has for each argument
   */
  public @Nullable Object next(@Nullable Object[] arguments) {
    if (rows == null) {
      rows = operation.start();
    }
    try {
      return rows.of(arguments);
    } catch (IllegalArgumentException e) {
      throw refused(call, TaskContext.getPartitionId(), row, e);
    } finally {
      row++;
    }
  }

  /** An exception that says where: function and columns, and which row of which partition. */
  static IllegalArgumentException refused(
      String call, long partition, long row, IllegalArgumentException cause) {
    // Xent has seen a single row, so its number of the row says nothing here.
    String why =
        cause instanceof LabelException label
            ? String.format(
                Locale.ROOT,
                "label %d is no class; classes are 0 to %d: correct it, or give option ignoreIndex if such rows do not"
                    + " count",
                label.label(),
                label.classes() - 1)
            : cause.getMessage();
    return new IllegalArgumentException(
        String.format(Locale.ROOT, "%s, row %d of partition %d: %s", call, row, partition, why),
        cause);
  }
}
