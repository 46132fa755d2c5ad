// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.CrossEntropy;
import dev.xent.CrossEntropyShard;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LossOutputs;
import dev.xent.PartialStates;
import dev.xent.RowStatistics;
import dev.xent.SoftmaxShard;
import dev.xent.Tensor;
import java.util.Objects;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;

/**
 * A function of a shard, which contains some classes of a row. Its arguments are the logits of the
 * shard, the label of the row, the first class of the shard, the number of all classes, the states
 * of the row, and its weight.
 *
 * @param labelled whether there are labels: a loss; otherwise log-softmax
 * @param step what it computes
 */
record ShardOperation(
    String name, Logits logits, boolean labelled, Step step, FunctionOptions given)
    implements Operation {
  /** The steps of divided classes. Each but the first has states of the row as an argument. */
  enum Step {
    /** Its states. */
    FIRST_ROUND,
    /** Its states for rows that need a second round. */
    SECOND_ROUND,
    /** Its gradient or its log-probabilities. */
    VALUES
  }

  private static final int LABEL = 1;
  private static final int FIRST_CLASS = 2;
  private static final int ALL_CLASSES = 3;
  private static final int STATES = 4;

  @Override
  public DataType type() {
    return step == Step.VALUES
        ? DataTypes.createArrayType(logits.sparkType(), false)
        : DataTypes.BinaryType;
  }

  @Override
  public Rows start() {
    Room room = new Room(logits.type());
    Room results = new Room(logits.resultType());
    RowWeight rowWeight = new RowWeight(logits.resultType());
    CrossEntropy loss =
        given.crossEntropy(logits.type()); // checks options that log-softmax does not use
    Shards shards = labelled ? new OfLoss(loss) : new OfLogSoftmax(given.logSoftmax());
    return arguments -> {
      int weight = step == Step.FIRST_ROUND ? STATES : STATES + 1;
      for (int i = 0; i < arguments.length; i++) {
        boolean unused = (i == LABEL || i == weight) && !labelled;
        if (arguments[i] == null && !unused) {
          return null;
        }
      }
      Tensor x = logits.read(arguments[0], room);
      long first = ((Number) arguments[FIRST_CLASS]).longValue();
      long all = ((Number) arguments[ALL_CLASSES]).longValue();
      RowStates row = step == Step.FIRST_ROUND ? null : RowStates.of((ArrayData) arguments[STATES]);
      Inputs inputs = labelled ? rowWeight.inputs(RowWeight.of(arguments, weight)) : Inputs.none();
      ShardRow shard = new ShardRow(x, arguments[LABEL], first, all, inputs);
      if (step != Step.VALUES) {
        return shards.states(shard, row).toBytes();
      }
      shards.write(shard, Objects.requireNonNull(row), results.of((int) x.dim(1)));
      return results.toArray();
    };
  }

  /**
   * The logits of one row in one shard.
   *
   * @param label null for log-softmax
   * @param first the first class of the shard
   * @param all the number of all classes
   */
  private record ShardRow(
      Tensor logits, @Nullable Object label, long first, long all, Inputs inputs) {}

  /** The shards of an operation. */
  private interface Shards {
    /**
     * Returns states of the first round, or of the second one if states of the first are passed.
     */
    PartialStates states(ShardRow shard, @Nullable RowStates row);

    /** Writes the gradient or the log-probabilities of the shard. */
    void write(ShardRow shard, RowStates row, Tensor result);
  }

  private static final class OfLoss implements Shards {
    private final CrossEntropy operation;
    private final Room labels = new Room(DType.I64);
    private final LossOutputs outputs = LossOutputs.create();

    OfLoss(CrossEntropy operation) {
      this.operation = operation;
    }

    @Override
    public PartialStates states(ShardRow shard, @Nullable RowStates row) {
      CrossEntropyShard of = operation.shard(shard.first, shard.all);
      Tensor target = Targets.LABELS.read(shard.label, labels);
      return row == null
          ? of.partialStates(shard.logits, target, shard.inputs)
          : of.partialStates(
              shard.logits,
              target,
              shard.inputs,
              row.firstRound(operation, target, shard.inputs, outputs));
    }

    @Override
    public void write(ShardRow shard, RowStates row, Tensor result) {
      Tensor target = Targets.LABELS.read(shard.label, labels);
      RowStatistics statistics = row.finish(operation, target, shard.inputs, outputs);
      operation
          .shard(shard.first, shard.all)
          .backward(shard.logits, target, shard.inputs, statistics, null, result);
    }
  }

  private static final class OfLogSoftmax implements Shards {
    private final LogSoftmax operation;

    OfLogSoftmax(LogSoftmax operation) {
      this.operation = operation;
    }

    @Override
    public PartialStates states(ShardRow shard, @Nullable RowStates row) {
      SoftmaxShard of = operation.shard(shard.first, shard.all);
      return row == null
          ? of.partialStates(shard.logits, shard.inputs)
          : of.partialStates(shard.logits, shard.inputs, row.firstRound(operation));
    }

    @Override
    public void write(ShardRow shard, RowStates row, Tensor result) {
      operation
          .shard(shard.first, shard.all)
          .forward(shard.logits, shard.inputs, row.finish(operation), result);
    }
  }
}
