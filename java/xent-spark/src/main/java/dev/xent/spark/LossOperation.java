// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;

/**
 * The loss of a row, from its logits or from its partial states.
 *
 * @param logits null for partial states
 */
record LossOperation(
    String name, boolean tries, @Nullable Logits logits, Targets targets, FunctionOptions given)
    implements Operation, AggregateOperation {
  @Override
  public RowLoss losses() {
    return logits == null ? RowLoss.ofStates(given) : RowLoss.ofLogits(logits, targets, given);
  }

  @Override
  public boolean labelled() {
    return targets.areLabels();
  }

  @Override
  public String remedy() {
    return logits == null ? "" : "correct option " + logits.option().replaceFirst(" .*", "");
  }

  @Override
  public DataType type() {
    return DataTypes.DoubleType;
  }

  @Override
  public Rows start() {
    RowLoss losses = losses();
    return arguments ->
        RowWeight.anyNull(arguments)
            ? null
            : (Object)
                losses.of(
                    arguments[0], arguments[1], RowWeight.of(arguments, RowWeight.INDEX), null);
  }
}
