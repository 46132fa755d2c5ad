// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** Whether the states of a row need a second round that is missing. */
record SecondRoundOperation(String name, boolean labelled, FunctionOptions given)
    implements Operation {
  @Override
  public DataType type() {
    return DataTypes.BooleanType;
  }

  @Override
  public Rows start() {
    LossOfStates loss = new LossOfStates(given);
    var logSoftmax = given.logSoftmax();
    Room labels = new Room(DType.I64);
    return arguments -> {
      if (labelled ? RowWeight.anyNull(arguments) : arguments[0] == null) {
        return null;
      }
      RowStates states = RowStates.of((ArrayData) arguments[0]);
      return labelled
          ? states.needSecondRound(
              loss.of(states),
              Targets.LABELS.read(arguments[1], labels),
              loss.inputs(states, RowWeight.of(arguments, RowWeight.INDEX)))
          : states.needSecondRound(logSoftmax);
    };
  }
}
