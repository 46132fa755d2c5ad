// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** The gradient of the loss of a row with respect to its logits. */
record GradientOperation(String name, Logits logits, Targets targets, FunctionOptions given)
    implements Operation {
  @Override
  public DataType type() {
    return DataTypes.createArrayType(logits.sparkType(), false);
  }

  @Override
  public Rows start() {
    CrossEntropy operation = given.crossEntropy(logits.type());
    Room room = new Room(logits.type());
    Room target = targets.room();
    Room results = new Room(logits.resultType());
    RowWeight rowWeight = new RowWeight(logits.resultType());
    return arguments -> {
      if (RowWeight.anyNull(arguments)) {
        return null;
      }
      Tensor x = logits.read(arguments[0], room);
      Tensor y = targets.read(arguments[1], target, x.dim(1));
      operation
          .on(x, y, results.of((int) x.dim(1)))
          .inputs(rowWeight.inputs(RowWeight.of(arguments, RowWeight.INDEX)))
          .run();
      return results.toArray();
    };
  }
}
