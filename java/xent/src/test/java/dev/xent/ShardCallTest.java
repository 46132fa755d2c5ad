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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A call of a shard, which exchanges states with the others itself. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class ShardCallTest extends DividedRows {
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
              () ->
                  shard.on(logits, labels, mine -> fail("exchanged states")).outputs(outputs).run(),
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
        () -> shard.on(logits, labels, mine -> List.of(ofSoftmax)).outputs(outputs).run(),
        "expected states of a loss");
    refused(
        OptionException.class,
        () -> shard.on(logits, labels, mine -> List.of(ofRows)).outputs(outputs).run(),
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
  void gradientsAndOutputsThatDoNotFit() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    LossSum sum = LossSum.create();
    Tensor narrow = Tensor.allocate(DType.F32, ROWS, CLASSES - 1);
    Tensor memory = Tensor.allocate(DType.F32, ROWS * CLASSES);
    Tensor gradient = memory.reshape(ROWS, CLASSES);
    Tensor losses = memory.slice(0, 0, ROWS);
    LossOutputs outputs = LossOutputs.create().lossSum(sum);
    ShardCall call = shard.on(logits, labels, mine -> fail("exchanged states")).outputs(outputs);
    assertThatThrownBy(() -> call.gradient(narrow).run()).isInstanceOf(ShapeException.class);
    outputs.losses(losses);
    assertThatThrownBy(() -> call.gradient(gradient).run()).isInstanceOf(MemoryException.class);
    Tensor apart = Tensor.allocate(DType.F32, ROWS, CLASSES);
    outputs.losses(logits.select(1, 0));
    assertThatThrownBy(() -> call.gradient(apart).run()).isInstanceOf(MemoryException.class);
    assertThat(sum.rows()).isZero();
  }

  @Test
  void whatTheExchangeSetsIsOfTheNextRun() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    double expected = CrossEntropy.mean().forward(logits, labels);
    ShardCall[] call = new ShardCall[1];
    call[0] =
        shard.on(
            logits,
            labels,
            mine -> {
              call[0].outputs(LossOutputs.create());
              return List.of(mine);
            });
    assertThat(call[0].run()).isEqualTo(expected);
  }
}
