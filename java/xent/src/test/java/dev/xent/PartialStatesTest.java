// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.options.Backend;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What shards send to each other, and its bytes. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class PartialStatesTest extends DividedRows {
  @Test
  void statesThatDoNotBelongTogether() {
    PartialStates first = statesOf(0, CHUNK);
    PartialStates last = statesOf(3 * CHUNK, CLASSES);
    PartialStates ofLabels =
        CrossEntropy.mean()
            .shard(CHUNK, CLASSES)
            .partialStates(logits.slice(1, CHUNK, CLASSES), labels, Inputs.none());
    SoftmaxShard shard = Softmax.along(1).shard(0, CLASSES);
    refused(PartialStatesException.class, () -> PartialStates.merge(List.of()), "at least one");
    refused(
        PartialStatesException.class,
        () -> PartialStates.merge(List.of(first, last)),
        "classes from 24576",
        "up to 8192");
    refused(
        PartialStatesException.class,
        () -> PartialStates.merge(List.of(first, first)),
        "each class range once");
    refused(
        PartialStatesException.class,
        () -> PartialStates.merge(List.of(first, ofLabels)),
        "softmax, classes 0 to 8191",
        "class indices");
    refused(
        PartialStatesException.class,
        () -> shard.finish(first, Inputs.none(), null),
        "merge those of all classes");
    refused(
        PartialStatesException.class,
        () ->
            CrossEntropy.mean()
                .shard(0, CLASSES)
                .finish(statesOf(0, CLASSES), labels, Inputs.none(), LossOutputs.create()),
        "expected states of a loss");
    RowStatistics rows = shard.finish(statesOf(0, CLASSES), Inputs.none(), null);
    refused(
        PartialStatesException.class,
        () ->
            shard.forward(
                logits.slice(0, 0, 1),
                Inputs.none(),
                rows,
                Tensor.of(new float[CLASSES], 1, CLASSES)),
        "statistics are of softmax [3, " + CLASSES + "]");
    PartialStates second = shard.partialStates(logits, Inputs.none(), rows);
    refused(
        PartialStatesException.class,
        () -> shard.finish(second, Inputs.none(), null),
        "first round: to finish a second round, pass the result of the first round too");
    refused(
        PartialStatesException.class,
        () -> shard.finish(statesOf(0, CLASSES), Inputs.none(), rows, null),
        "second round: pass the result of the first round to partialStates too");
  }

  /** The bytes match the layout in docs/developing/changes.md. */
  @Test
  void bytesHaveTheLayoutOfThePage() {
    PartialStates states = statesOf(0, CHUNK);
    ByteBuffer bytes = ByteBuffer.wrap(states.toBytes()).order(ByteOrder.LITTLE_ENDIAN);
    int dimensions = bytes.getInt(32);
    assertThat(dimensions).isEqualTo(2);
    assertThat(bytes.getInt(28)).isEqualTo(64);
    long rows = bytes.getLong(56);
    assertThat(bytes.capacity()).isEqualTo(56 + 8L * dimensions + 64 * rows);
  }

  @Test
  void bytesThatAreNoStates() {
    byte[] bytes = statesOf(0, CHUNK).toBytes();
    int[] places = {0, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64};
    String[] words = {
      "do not begin",
      "layout version",
      "numerics version",
      "kind",
      "arithmetic",
      "round",
      "size of a state",
      "number of dimensions",
      "axis",
      "chunks",
      "chunks",
      "does not fit shape",
      "shape"
    };
    for (int i = 0; i < places.length; i++) {
      byte[] wrong = bytes.clone();
      wrong[places[i]] += 64;
      if (places[i] == 64) {
        Arrays.fill(wrong, 64, 72, (byte) -1);
      }
      refused(
          PartialStatesException.class,
          () -> PartialStates.ofBytes(wrong),
          "the bytes hold no partial states",
          words[i]);
    }
    refused(
        PartialStatesException.class,
        () -> PartialStates.ofBytes(Arrays.copyOf(bytes, bytes.length - 8)),
        "does not fit shape");
    refused(
        PartialStatesException.class,
        () -> PartialStates.ofBytes(new byte[3]),
        "do not begin as partial states");
  }

  @Test
  void whatStatesDoNotTell() {
    CrossEntropyShard shard = CrossEntropy.mean().shard(0, CLASSES);
    PartialStates whole = shard.partialStates(logits, labels, Inputs.none());
    refused(
        OptionException.class,
        () -> shard.finish(whole, null, Inputs.none(), LossOutputs.create()),
        "class indices");
    Tensor mask = Tensor.of(MemorySegment.ofArray(new byte[CLASSES]), DType.U8, CLASSES);
    CrossEntropyShard smooth = CrossEntropy.builder().labelSmoothing(0.5).build().shard(0, CLASSES);
    refused(
        OptionException.class,
        () -> smooth.partialStates(logits, logits, Inputs.none().withClassMask(mask)),
        "labelSmoothing is 0.5",
        "classMask");
  }

  /** The kernels' own word of what a state is comes from the bytes. */
  @OnEveryBackend
  void bytesOfStatesOfAnotherKind(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    SoftmaxShard shard = softmax.shard(0, CHUNK);
    Tensor part = logits.slice(1, 0, CHUNK);
    byte[] bytes = shard.partialStates(part, Inputs.none()).toBytes();
    int kind = bytes.length - 3 * 72 + 36;
    for (int value = 0; value < 256; value++) {
      for (int row = 0; row < 3; row++) {
        bytes[kind + 72 * row] = (byte) value;
      }
      PartialStates read = PartialStates.ofBytes(bytes);
      for (Tensor sum : new Tensor[] {null, Tensor.of(new float[3])}) {
        try {
          RowStatistics rows = shard.finish(read, Inputs.none(), sum);
          if (!rows.needsSecondRound()) {
            shard.forward(part, Inputs.none(), rows, Tensor.of(new float[3 * CHUNK], 3, CHUNK));
          }
        } catch (PartialStatesException e) {
          assertThat(e).hasMessageMatching("partial states( of row 0)? do not belong together; .*");
        }
      }
    }
  }
}
