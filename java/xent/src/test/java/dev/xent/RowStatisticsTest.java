// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.errors.PartialStatesException;
import dev.xent.options.Backend;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The statistics that shards have of their rows after they exchanged states. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class RowStatisticsTest extends DividedRows {
  /** Of the same number of rows, but not of the same rows. */
  @OnEveryBackend
  void statisticsOfOtherRows(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    Tensor turned = logits.permute(1, 0);
    SoftmaxShard shard = softmax.shard(0, CLASSES);
    SoftmaxShard first =
        Softmax.builder()
            .execution(Execution.defaults().withBackend(backend))
            .axis(0)
            .build()
            .shard(0, CLASSES);
    x[5] = 40000;
    RowStatistics rows =
        first.finish(first.partialStates(turned, Inputs.none()), Inputs.none(), null);
    assertThat(rows.needsSecondRound()).isTrue();
    String words = "the statistics are of softmax [" + CLASSES + ", 3] with classes along axis 0";
    refused(
        PartialStatesException.class,
        () -> shard.partialStates(logits, Inputs.none(), rows),
        words,
        "logits is F32 [3, " + CLASSES + "]");
    PartialStates again = first.partialStates(turned, Inputs.none(), rows);
    RowStatistics other =
        shard.finish(shard.partialStates(logits, Inputs.none()), Inputs.none(), null);
    refused(
        PartialStatesException.class,
        () -> first.finish(again, Inputs.none(), other, null),
        "the statistics are of softmax [3, " + CLASSES + "] with classes along axis 1",
        "the partial states are of softmax");
    CrossEntropyShard loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .build()
            .shard(0, CLASSES);
    refused(
        PartialStatesException.class,
        () -> loss.partialStates(logits, labels, Inputs.none(), other),
        "the statistics are of softmax");
  }
}
