// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import org.apache.spark.sql.types.DataType;

/** An operation that returns NULL for a rejected row. */
record TryOperation(Operation operation) implements Operation {
  @Override
  public String name() {
    return operation.name();
  }

  @Override
  public FunctionOptions given() {
    return operation.given();
  }

  @Override
  public DataType type() {
    return operation.type();
  }

  @Override
  public Rows start() {
    Rows rows = operation.start();
    return arguments -> {
      try {
        return rows.of(arguments);
      } catch (IllegalArgumentException refusal) {
        return null;
      }
    };
  }
}
