// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.errors.ShapeException;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The {@code k} largest classes of a row, with their probabilities or log-probabilities. */
record TopKOperation(String name, Logits logits, int k, FunctionOptions given)
    implements Operation {
  @Override
  public DataType type() {
    return new StructType()
        .add("classes", DataTypes.createArrayType(DataTypes.IntegerType, false), false)
        .add("values", DataTypes.createArrayType(logits.sparkType(), false), false);
  }

  @Override
  public Rows start() {
    TopK operation = given.topK(k);
    boolean log = given.log();
    Room room = new Room(logits.type());
    Room classes = new Room(DType.I32);
    Room values = new Room(logits.resultType());
    return arguments -> {
      if (arguments[0] == null) {
        return null;
      }
      Tensor x = logits.read(arguments[0], room);
      if (k > x.dim(1)) { // checked before memory for k classes is allocated
        throw new ShapeException(
            message("k is %d, the row has %d classes: request at most that number", k, x.dim(1)));
      }
      if (log) {
        operation.logProbabilities(x, classes.of(k), values.of(k));
      } else {
        operation.probabilities(x, classes.of(k), values.of(k));
      }
      return new GenericInternalRow(new Object[] {classes.toArray(), values.toArray()});
    };
  }
}
