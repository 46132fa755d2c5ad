// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.LogSoftmax;
import dev.xent.Softmax;
import dev.xent.Tensor;
import java.util.function.BiConsumer;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/**
 * The probabilities of a row, or their logarithms.
 *
 * @param log whether logarithms
 */
record SoftmaxOperation(String name, Logits logits, FunctionOptions given, boolean log)
    implements Operation {
  @Override
  public String options() {
    return given.toString();
  }

  @Override
  public DataType type() {
    return DataTypes.createArrayType(logits.sparkType(), false);
  }

  @Override
  public Rows start() {
    Room room = new Room(logits.type());
    Room results = logits.type() == logits.resultType() ? room : new Room(logits.resultType());
    BiConsumer<Tensor, Tensor> forward = forward();
    return arguments -> {
      if (arguments[0] == null) {
        return null;
      }
      Tensor x = logits.read(arguments[0], room);
      forward.accept(x, results.of((int) x.dim(1)));
      return results.toArray();
    };
  }

  private BiConsumer<Tensor, Tensor> forward() {
    if (log) {
      LogSoftmax operation = given.logSoftmax();
      return operation::forward;
    }
    Softmax operation = given.softmax();
    return operation::forward;
  }
}
