// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.CrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.Tensor;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.jspecify.annotations.Nullable;

/** Losses row by row, from logits or from partial states. One thread. */
abstract class RowLoss implements Losses {
  final LossOutputs outputs = LossOutputs.create();
  final Targets targets;
  final Room target;

  private RowLoss(Targets targets) {
    this.targets = targets;
    this.target = targets.room();
  }

  /** Losses of rows with all their logits. */
  static RowLoss ofLogits(Logits logits, Targets targets, FunctionOptions options) {
    return new OfLogits(logits, targets, options);
  }

  /** Losses of rows with partial states. */
  static RowLoss ofStates(FunctionOptions options) {
    return new OfStates(options);
  }

  /**
   * The loss of a row as a double, which represents every float exactly.
   *
   * @param row Spark's value of the logits or states
   * @param y Spark's value of the target
   * @param weight of the row, or null
   * @param lossSum the sum to which the loss is added, or null
   */
  abstract double of(Object row, Object y, @Nullable Double weight, @Nullable LossSum lossSum);

  @Override
  public void add(LossBuffer buffer, Object x, Object y, @Nullable Double weight, long row) {
    of(x, y, weight, buffer.lossSum());
    buffer.added(targets.areLabels() ? outputs.correctRows() : 0, found(), classes(), row);
  }

  /** 1 if the label of the last row is among the largest classes, or 0. */
  abstract long found();

  /** The number of classes of the last row. */
  abstract long classes();

  private static final class OfLogits extends RowLoss {
    private final CrossEntropy operation;
    private final Logits logits;
    private final Room room;
    private final RowWeight rowWeight;
    private final Ranks ranks;
    private long classes;

    OfLogits(Logits logits, Targets targets, FunctionOptions options) {
      super(targets);
      this.operation = options.crossEntropy(logits.type());
      this.logits = logits;
      this.room = new Room(logits.type());
      this.rowWeight = new RowWeight(logits.resultType());
      this.ranks = new Ranks(options.topK(), 1);
    }

    @Override
    public void add(LossBuffer buffer, Object x, Object y, @Nullable Double weight, long row) {
      if (logits.classes() >= 0) {
        buffer.lengthSeen(logits.length(x), logits.classes(), row);
      }
      super.add(buffer, x, y, weight, row);
    }

    @Override
    double of(Object row, Object y, @Nullable Double weight, @Nullable LossSum lossSum) {
      Tensor x = logits.read(row, room);
      classes = x.dim(1);
      outputs.lossSum(lossSum).countCorrect(lossSum != null && targets.areLabels());
      return operation
          .on(x, targets.read(y, target, classes))
          .inputs(rowWeight.inputs(weight))
          .outputs(ranks.of(1, outputs))
          .run();
    }

    @Override
    long found() {
      return ranks.found();
    }

    @Override
    long classes() {
      return classes;
    }
  }

  private static final class OfStates extends RowLoss {
    private final LossOfStates operation;
    private long classes;

    OfStates(FunctionOptions options) {
      super(Targets.LABELS);
      operation = new LossOfStates(options);
    }

    @Override
    double of(Object row, Object y, @Nullable Double weight, @Nullable LossSum lossSum) {
      RowStates states = RowStates.of((ArrayData) row);
      classes = states.classes();
      outputs.lossSum(lossSum).countCorrect(lossSum != null);
      states.finish(
          operation.of(states), targets.read(y, target), operation.inputs(states, weight), outputs);
      return outputs.sum();
    }

    @Override
    long found() {
      return 0;
    }

    @Override
    long classes() {
      return classes;
    }
  }
}
