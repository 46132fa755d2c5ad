// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.BinaryCrossEntropy;
import dev.xent.Inputs;
import dev.xent.Tensor;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** The sum of the binary cross-entropies of the elements of a row. */
record BinaryOperation(String name, Logits logits, Targets targets, FunctionOptions given)
    implements Operation {
  @Override
  public DataType type() {
    return DataTypes.DoubleType;
  }

  @Override
  public Rows start() {
    BinaryCrossEntropy operation = given.binaryCrossEntropy();
    Room room = new Room(logits.type());
    Room target = targets.room();
    Tensor positive = given.positiveWeights(logits.resultType());
    Inputs inputs = positive == null ? Inputs.none() : Inputs.none().withPositiveWeights(positive);
    RowWeight rowWeight = new RowWeight(logits.resultType(), inputs, Inputs::withElementWeights);
    return arguments -> {
      if (RowWeight.anyNull(arguments)) {
        return null;
      }
      Tensor x = logits.read(arguments[0], room);
      Tensor y = targets.read(arguments[1], target, x.dim(1));
      return operation
          .on(x, y)
          .inputs(rowWeight.inputs(RowWeight.of(arguments, RowWeight.INDEX)))
          .run();
    };
  }
}
