// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.io.Serializable;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** The loss of a row, from its logits or from its partial states. */
record LossOperation(String name, boolean tries, Source source, FunctionOptions given)
    implements Operation, AggregateOperation {
  /** What a row has. */
  sealed interface Source extends Serializable {}

  /** All its logits. */
  record FromLogits(Logits logits, Targets targets) implements Source {}

  /** The partial states of its shards, and a label. */
  record FromStates() implements Source {}

  @Override
  public RowLoss losses() {
    return switch (source) {
      case FromLogits row -> RowLoss.ofLogits(row.logits, row.targets, given);
      case FromStates row -> RowLoss.ofStates(given);
    };
  }

  @Override
  public boolean labelled() {
    return switch (source) {
      case FromLogits row -> row.targets.areLabels();
      case FromStates row -> true;
    };
  }

  @Override
  public String remedy() {
    return switch (source) {
      case FromLogits row -> "correct option " + row.logits.option();
      case FromStates row -> "";
    };
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
