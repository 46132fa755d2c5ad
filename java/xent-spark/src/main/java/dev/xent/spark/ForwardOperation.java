// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.Argmax;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Tensor;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;

/** A function of the logits of a row alone: one number per class, or one for the row. */
record ForwardOperation(String name, Logits logits, FunctionOptions given, Forward forward)
    implements Operation {

  /** The operations of the library. */
  enum Forward {
    SOFTMAX(null, options -> options.softmax()::forward),
    LOG_SOFTMAX(null, options -> options.logSoftmax()::forward),
    SIGMOID(null, options -> options.sigmoid()::forward),
    LOG_SIGMOID(null, options -> options.logSigmoid()::forward),
    ARGMAX(
        DataTypes.IntegerType,
        options -> Argmax.builder().execution(Execution.sequential()).build()::forward),
    ENTROPY(DataTypes.DoubleType, options -> options.entropy()::forward),
    LOG_SUM_EXP(DataTypes.DoubleType, options -> options.logSumExp()::forward);

    private final @Nullable DataType number;
    private final Function<FunctionOptions, BiConsumer<Tensor, Tensor>> operation;

    Forward(
        @Nullable DataType number,
        Function<FunctionOptions, BiConsumer<Tensor, Tensor>> operation) {
      this.number = number;
      this.operation = operation;
    }
  }

  @Override
  public DataType type() {
    return forward.number == null
        ? DataTypes.createArrayType(logits.sparkType(), false)
        : forward.number;
  }

  @Override
  public Rows start() {
    Room room = new Room(logits.type());
    BiConsumer<Tensor, Tensor> operation = forward.operation.apply(given);
    return forward.number == null ? ofClasses(room, operation) : ofRow(room, operation);
  }

  private Rows ofClasses(Room room, BiConsumer<Tensor, Tensor> operation) {
    Room results = logits.type() == logits.resultType() ? room : new Room(logits.resultType());
    return arguments -> {
      if (arguments[0] == null) {
        return null;
      }
      Tensor x = logits.read(arguments[0], room);
      operation.accept(x, results.of((int) x.dim(1)));
      return results.toArray();
    };
  }

  private Rows ofRow(Room room, BiConsumer<Tensor, Tensor> operation) {
    boolean whole = forward.number == DataTypes.IntegerType;
    Tensor result = new Room(whole ? DType.I32 : logits.resultType()).of(1);
    return arguments -> {
      if (arguments[0] == null) {
        return null;
      }
      operation.accept(logits.read(arguments[0], room), result);
      if (whole) {
        return (int) result.getLong(0, 0);
      }
      return result.getDouble(0, 0);
    };
  }
}
