// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.errors.LabelException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Losses of hidden states, many rows at a time, with one read of all weights each time. One thread.
 */
final class LinearLosses implements Losses {
  /** The rows of a batch: enough that arithmetic takes longer than the read of the weights. */
  static final int MOST = 128;

  private static final int ALIGNMENT = 64;

  private final Logits hidden;
  private final LinearCrossEntropy operation;
  private final Tensor weights;
  private final Inputs inputs;
  private final @Nullable Long ignoreIndex;
  private final Room room;
  private final MemorySegment states;
  private final MemorySegment labels =
      Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(MOST, ValueLayout.JAVA_LONG));
  private final MemorySegment rowWeights =
      Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(MOST, ValueLayout.JAVA_FLOAT));
  private final LossOutputs outputs = LossOutputs.create().countCorrect(true);
  private final Ranks ranks;

  LinearLosses(
      Logits hidden,
      LinearCrossEntropy operation,
      Tensor weights,
      Inputs inputs,
      @Nullable Long ignoreIndex,
      int topK) {
    this.hidden = hidden;
    this.operation = operation;
    this.weights = weights;
    this.inputs = inputs;
    this.ignoreIndex = ignoreIndex;
    this.room = new Room(hidden.type());
    this.ranks = new Ranks(topK, MOST);
    this.states = Arena.ofAuto().allocate(MOST * rowBytes(), ALIGNMENT);
  }

  /**
   * A row of the next batch.
   *
   * @param weight null if rows have no weights
   * @param number its number in the partition
   */
  record Row(byte[] features, long label, @Nullable Double weight, long number) {}

  private long features() {
    return weights.dim(-1);
  }

  private long rowBytes() {
    return features() * hidden.type().byteSize();
  }

  @Override
  public void add(LossBuffer buffer, Object x, Object target, @Nullable Double given, long row) {
    buffer.lengthSeen(hidden.length(x), features(), row);
    long features = hidden.read(x, room).dim(1);
    if (features != features()) {
      throw new ShapeException(
          message(
              "the row has %d features, the file of weights has the shape [%d, %d]; expected"
                  + " [classes, %d]%s",
              features,
              weights.dim(0),
              weights.dim(1),
              features,
              features == weights.dim(0) ? ". Transpose the weights" : ""));
    }
    Double weight = given == null ? null : Losses.requireWeight(given, DType.F32);
    long index = ((Number) target).longValue();
    boolean counts = !Objects.equals(index, ignoreIndex) && !Objects.equals(weight, 0.0);
    if (counts && (index < 0 || index >= weights.dim(0))) {
      throw new LabelException( // before it enters a batch with others
          message("label %d is out of range; expected 0 to %d", index, weights.dim(0) - 1),
          0,
          index,
          false,
          weights.dim(0));
    }
    byte[] bytes = room.memory().asSlice(0, rowBytes()).toArray(ValueLayout.JAVA_BYTE);
    buffer.waiting().add(new Row(bytes, index, weight, row));
  }

  @Override
  public void finish(LossBuffer buffer) {
    List<Row> rows = buffer.waiting();
    int count = rows.size();
    for (int i = 0; i < count; i++) {
      byte[] row = rows.get(i).features();
      MemorySegment.copy(row, 0, states, ValueLayout.JAVA_BYTE, i * rowBytes(), row.length);
      labels.setAtIndex(ValueLayout.JAVA_LONG, i, rows.get(i).label());
      Double weight = rows.get(i).weight();
      rowWeights.setAtIndex(ValueLayout.JAVA_FLOAT, i, weight == null ? 1 : weight.floatValue());
    }
    boolean weighted = rows.getFirst().weight() != null;
    operation
        .on(
            Tensor.of(states, hidden.type(), count, features()),
            weights,
            Tensor.of(labels, DType.I64, count))
        .inputs(weighted ? inputs.withRowWeights(Tensor.of(rowWeights, DType.F32, count)) : inputs)
        .outputs(ranks.of(count, outputs.lossSum(buffer.lossSum())))
        .run();
    buffer.added(outputs.correctRows(), ranks.found(), weights.dim(0), rows.getFirst().number());
    rows.clear();
  }
}
