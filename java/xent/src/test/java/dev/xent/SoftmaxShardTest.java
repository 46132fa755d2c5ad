// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Softmax and log-softmax of divided classes: the bits of the undivided call. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class SoftmaxShardTest extends DividedRows {
  @OnEveryBackend
  void softmax(Backend backend) throws Exception {
    softmaxOf(backend, logits, Inputs.none().withSink(sink));
  }

  /** One class of each row is 0 and the others come to very little. */
  @OnEveryBackend
  void softmaxWithALogSumExpNextToZero(Backend backend) throws Exception {
    Arrays.fill(x, -90);
    for (int row = 0; row < ROWS; row++) {
      x[row * CLASSES + row * CHUNK / 2] = 0;
    }
    softmaxOf(backend, logits, Inputs.none());
  }

  @OnEveryBackend
  void softmaxWithAShift(Backend backend) throws Exception {
    x[CHUNK + 9] = 40000;
    softmaxOf(backend, logits, Inputs.none().withSink(sink));
  }

  private void softmaxOf(Backend backend, Tensor in, Inputs inputs) throws Exception {
    for (boolean log : new boolean[] {false, true}) {
      Softmax softmax =
          Softmax.builder()
              .execution(Execution.defaults().withBackend(backend))
              .temperature(2)
              .build();
      LogSoftmax logSoftmax =
          LogSoftmax.builder()
              .execution(Execution.defaults().withBackend(backend))
              .temperature(2)
              .build();
      Tensor expected = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
      if (log) {
        logSoftmax.on(in, expected).inputs(inputs).run();
      } else {
        softmax.on(in, expected).inputs(inputs).run();
      }
      Tensor lse = Tensor.of(new float[ROWS]);
      LogSumExp.builder()
          .execution(Execution.defaults().withBackend(backend))
          .temperature(2)
          .build()
          .on(in, lse)
          .inputs(inputs)
          .run();
      for (long[] cut : cuts()) {
        Tensor output = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
        ShardThreads<PartialStates> all = new ShardThreads<>(cut.length - 1, this::sent);
        List<Tensor> sums =
            all.of(
                i -> {
                  SoftmaxShard shard =
                      log ? logSoftmax.shard(cut[i], CLASSES) : softmax.shard(cut[i], CLASSES);
                  Tensor part = in.slice(1, cut[i], cut[i + 1]);
                  Tensor sum = Tensor.of(new float[ROWS]);
                  RowStatistics rows = shard.exchange(part, inputs, sum, all::gather);
                  assertThat(rows.needsSecondRound()).isFalse();
                  shard.forward(part, inputs, rows, output.slice(1, cut[i], cut[i + 1]));
                  return sum;
                });
        assertThat(all.rounds()).isEqualTo(x[CHUNK + 9] == 40000 ? 2 : 1);
        assertThat(bits(output)).isEqualTo(bits(expected));
        assertThat(sums).allSatisfy(sum -> assertThat(bits(sum)).isEqualTo(bits(lse)));
      }
    }
  }

  @Test
  void shardsThatCannotBe() {
    refused(ShapeException.class, () -> statesOf(100, CHUNK), "firstClass is 100");
    refused(
        ShapeException.class, () -> statesOf(0, 100), "with 100 classes from 0 on of " + CLASSES);
    refused(
        ShapeException.class,
        () ->
            Softmax.along(1)
                .shard(3L * CHUNK, CLASSES)
                .partialStates(logits.slice(1, 0, CHUNK), Inputs.none()),
        "of " + CLASSES);
  }
}
