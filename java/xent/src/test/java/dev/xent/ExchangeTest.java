// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The exchange of states among the shards of a loss or a softmax. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class ExchangeTest extends DividedRows {
  private static final Function<PartialStates, List<PartialStates>> NONE =
      mine -> fail("exchanged states");

  /** Checked before states are exchanged, so that no other shard waits for this one. */
  @Test
  void outputsThatNeedWholeRows() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    Tensor floats = Tensor.of(new float[ROWS]);
    Tensor ints = Tensor.of(new int[ROWS]);
    Map<String, LossOutputs> requests = new HashMap<>();
    requests.put("logProbabilities", LossOutputs.create().logProbabilities(floats));
    requests.put("argmax", LossOutputs.create().argmax(ints));
    requests.put("ranks", LossOutputs.create().ranks(ints));
    requests.put("entropies", LossOutputs.create().entropies(floats));
    requests.put("topClasses", LossOutputs.create().topClasses(ints));
    requests.put("topLogProbabilities", LossOutputs.create().topLogProbabilities(floats));
    requests.put("targetGradient", LossOutputs.create().targetGradient(floats));
    requests.put("saveStatistics", LossOutputs.create().saveStatistics(Arena.ofAuto()));
    PartialStates whole = shard.partialStates(logits, labels, Inputs.none());
    requests.forEach(
        (name, outputs) -> {
          String message = name + " is requested, and a shard does not have whole rows";
          refused(
              OptionException.class,
              () -> shard.exchange(logits, labels, Inputs.none(), outputs, NONE),
              message);
          refused(
              OptionException.class,
              () -> shard.finish(whole, labels, Inputs.none(), outputs),
              message);
        });
  }

  @Test
  void exchangesThatGatherSomethingElse() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    SoftmaxShard softmax = Softmax.along(1).shard(0, CLASSES);
    LossOutputs outputs = LossOutputs.create();
    PartialStates ofSoftmax = softmax.partialStates(logits, Inputs.none());
    PartialStates ofRows = shard.partialStates(logits, logits, Inputs.none());
    refused(
        PartialStatesException.class,
        () -> shard.exchange(logits, labels, Inputs.none(), outputs, mine -> List.of(ofSoftmax)),
        "expected states of a loss");
    refused(
        OptionException.class,
        () -> shard.exchange(logits, labels, Inputs.none(), outputs, mine -> List.of(ofRows)),
        "the states are of probability rows");
    refused(
        PartialStatesException.class,
        () -> softmax.exchange(logits, Inputs.none(), null, mine -> List.of()),
        "at least one");
    assertThatThrownBy(() -> softmax.exchange(logits, Inputs.none(), null, null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("gather is null; expected a function that exchanges states");
    assertThat(outputs.rows()).isEqualTo(-1);
  }

  /** Checked before states are exchanged, and before anything is counted. */
  @Test
  void outputsThatDoNotFit() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    LossSum sum = LossSum.create();
    LossOutputs outputs = LossOutputs.create().lossSum(sum);
    outputs.losses(Tensor.allocate(DType.F32, ROWS - 1));
    assertThatThrownBy(() -> shard.exchange(logits, labels, Inputs.none(), outputs, NONE))
        .isInstanceOf(ShapeException.class);
    outputs.losses(logits.select(1, 0));
    assertThatThrownBy(() -> shard.exchange(logits, labels, Inputs.none(), outputs, NONE))
        .isInstanceOf(MemoryException.class);
    assertThat(sum.rows()).isZero();
  }
}
