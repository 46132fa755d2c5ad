// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.Tensor;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.jspecify.annotations.Nullable;

/** The losses of one row after the other, from logits or from partial states. One thread. */
abstract class RowLoss implements Losses {
  final CrossEntropy operation;
  final Room labels = new Room(DType.I64);

  private RowLoss(CrossEntropy operation) {
    this.operation = operation;
  }

  /** Losses of rows whose logits are whole. */
  static RowLoss ofLogits(Logits logits, FunctionOptions options) {
    return new OfLogits(logits, options.crossEntropy());
  }

  /** Losses of rows whose partial states are there. */
  static RowLoss ofStates(FunctionOptions options) {
    return new OfStates(options.crossEntropy());
  }

  /**
   * The loss of a row, as a double, which holds a float exactly.
   *
   * @param row logits or states, as Spark has them
   * @param label any whole number of Spark's
   * @param lossSum what the loss is added to; or null
   */
  abstract double of(Object row, Object label, @Nullable LossSum lossSum);

  @Override
  public void add(LossBuffer buffer, Object x, Object label, long row) {
    of(x, label, buffer.lossSum());
    buffer.added(correctCount(), classes(), row);
  }

  /** 1 where the label of the last row has its largest logit, or 0. */
  abstract long correctCount();

  /** How many classes the last row had. */
  abstract long classes();

  /** A label as a tensor. */
  Tensor labelOf(Object label) {
    return label(label, labels);
  }

  static Tensor label(Object label, Room room) {
    Tensor tensor = room.of(1);
    tensor.setLong(((Number) label).longValue(), 0, 0);
    return tensor;
  }

  private static final class OfLogits extends RowLoss {
    private final Logits logits;
    private final Room room;
    private final LossOutputs outputs = new LossOutputs();
    private long classes;

    OfLogits(Logits logits, CrossEntropy operation) {
      super(operation);
      this.logits = logits;
      this.room = new Room(logits.type());
    }

    @Override
    public void add(LossBuffer buffer, Object x, Object label, long row) {
      if (logits.classes() >= 0) {
        buffer.lengthSeen(logits.length(x), logits.classes(), row);
      }
      super.add(buffer, x, label, row);
    }

    @Override
    double of(Object row, Object label, @Nullable LossSum lossSum) {
      Tensor x = logits.read(row, room);
      classes = x.dim(1);
      return operation
          .on(x, labelOf(label))
          .outputs(outputs.lossSum(lossSum).countCorrect(lossSum != null))
          .run();
    }

    @Override
    long correctCount() {
      return outputs.correctCount();
    }

    @Override
    long classes() {
      return classes;
    }
  }

  private static final class OfStates extends RowLoss {
    private final LossOutputs outputs = new LossOutputs();
    private long classes;

    OfStates(CrossEntropy operation) {
      super(operation);
    }

    @Override
    double of(Object row, Object label, @Nullable LossSum lossSum) {
      RowStates states = RowStates.of((ArrayData) row);
      classes = states.classes();
      outputs.lossSum(lossSum).countCorrect(lossSum != null);
      states.finish(operation, labelOf(label), outputs);
      return outputs.sum();
    }

    @Override
    long correctCount() {
      return outputs.correctCount();
    }

    @Override
    long classes() {
      return classes;
    }
  }
}
