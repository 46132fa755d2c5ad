// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LossOutputs;
import dev.xent.PartialStates;
import dev.xent.RowStatistics;
import dev.xent.Tensor;
import dev.xent.errors.PartialStatesException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.jspecify.annotations.Nullable;

/**
 * The partial states of all shards of one row: of the first round, and of the second one if there
 * was one. They may come in any order.
 */
final class RowStates {
  // Byte offsets in a state: docs/developing/changes.md.
  private static final int AT_ARITHMETIC = 20;
  private static final int AT_ROUND = 24;

  /** The number of float64 as the arithmetic. */
  private static final int FLOAT64 = 2;

  private final DType type;
  private final PartialStates first;
  private final @Nullable PartialStates second;

  private RowStates(DType type, PartialStates first, @Nullable PartialStates second) {
    this.type = type;
    this.first = first;
    this.second = second;
  }

  /**
   * Reads the states in an array of bytes.
   *
   * @throws PartialStatesException for bytes that are not states, or for states that do not match
   */
  static RowStates of(ArrayData array) {
    DType type = DType.F32;
    List<PartialStates> first = new ArrayList<>();
    List<PartialStates> second = new ArrayList<>();
    for (int i = 0; i < array.numElements(); i++) {
      if (array.isNullAt(i)) {
        throw new PartialStatesException(
            message(
                "state %d of %d is null; pass the states of all shards, or NULL instead of the array",
                i, array.numElements()));
      }
      byte[] bytes = array.getBinary(i);
      PartialStates states = PartialStates.ofBytes(bytes);
      ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      (header.getInt(AT_ROUND) == 1 ? first : second).add(states);
      type = header.getInt(AT_ARITHMETIC) == FLOAT64 ? DType.F64 : DType.F32;
    }
    if (first.isEmpty()) {
      throw new PartialStatesException(
          "the row has no states: collect those of all its shards by collect_list(xent_partial_states(…))");
    }
    return new RowStates(
        type, PartialStates.merge(first), second.isEmpty() ? null : PartialStates.merge(second));
  }

  /** The type of the arithmetic, F32 or F64. */
  DType type() {
    return type;
  }

  /** The number of all classes. */
  long classes() {
    return first.classes();
  }

  /** Whether states of a second round are needed but missing. */
  boolean needSecondRound(CrossEntropy operation, Tensor label, Inputs inputs) {
    LossOutputs outputs = LossOutputs.create();
    return second == null && firstRound(operation, label, inputs, outputs).needsSecondRound();
  }

  /** The statistics from the first round alone. */
  RowStatistics firstRound(
      CrossEntropy operation, Tensor label, Inputs inputs, LossOutputs outputs) {
    return operation.shard(0, classes()).finish(first, label, inputs, outputs);
  }

  /** Writes the loss of the row to the outputs, and returns its statistics. */
  RowStatistics finish(CrossEntropy operation, Tensor label, Inputs inputs, LossOutputs outputs) {
    RowStatistics rows = firstRound(operation, label, inputs, outputs);
    return rows.needsSecondRound()
        ? operation.shard(0, classes()).finish(requireSecond(), label, inputs, rows, outputs)
        : rows;
  }

  /** Whether states of a second round are needed but missing, for log-softmax. */
  boolean needSecondRound(LogSoftmax operation) {
    return second == null && firstRound(operation).needsSecondRound();
  }

  /** The statistics from the first round alone, for log-softmax. */
  RowStatistics firstRound(LogSoftmax operation) {
    return operation.shard(0, classes()).finish(first, Inputs.none(), null);
  }

  /** The statistics of the row for log-softmax. */
  RowStatistics finish(LogSoftmax operation) {
    RowStatistics rows = firstRound(operation);
    return rows.needsSecondRound()
        ? operation.shard(0, classes()).finish(requireSecond(), Inputs.none(), rows, null)
        : rows;
  }

  private PartialStates requireSecond() {
    if (second == null) {
      throw new PartialStatesException(
          "the largest logit of the row is beyond 16384: add states of a second round, as ShardedLoss does");
    }
    return second;
  }
}
