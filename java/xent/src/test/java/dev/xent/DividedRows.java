// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.XentException;
import dev.xent.internal.plan.shard.States;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;

/**
 * Rows whose classes are divided over several tensors, for the tests of shards and of their states.
 */
abstract class DividedRows {
  static final int CHUNK = 8192;
  static final int ROWS = 3;
  static final int CLASSES = 3 * CHUNK + 700;

  final float[] x = Samples.logits(ROWS * CLASSES, 3, 1);
  final Tensor logits = Tensor.of(x, ROWS, CLASSES);
  final Tensor labels = Tensor.of(new int[] {CHUNK + 5, 3 * CHUNK + 1, 17});
  final Tensor weights = Tensor.of(new float[] {0.5f, 2, 3});
  final Tensor sink = Tensor.of(new float[] {1, -2, 3});
  final Tensor classWeights =
      Tensor.of(Samples.probabilities(2, CLASSES, 4), CLASSES, 2).select(1, 0);
  final Random order = new Random(5);

  /** Every way to cut four chunks. */
  static List<long[]> cuts() {
    List<long[]> all = new ArrayList<>();
    for (int set = 0; set < 8; set++) {
      int places = set;
      long[] cut = new long[Integer.bitCount(set) + 2];
      int n = 1;
      for (int c = 0; c < 3; c++) {
        if ((places >> c & 1) != 0) {
          cut[n++] = (c + 1L) * CHUNK;
        }
      }
      cut[n] = CLASSES;
      all.add(cut);
    }
    return all;
  }

  static int[] bits(Tensor tensor) {
    return Samples.bits(tensor);
  }

  /** Sent as bytes, in disorder, and some merged before the others. */
  List<PartialStates> sent(List<PartialStates> parts) {
    List<PartialStates> sent = new ArrayList<>();
    for (PartialStates part : parts) {
      sent.add(PartialStates.ofBytes(part.toBytes()));
    }
    sent.sort(Comparator.comparing(part -> ((States) part).firstChunk()));
    if (sent.size() > 2) {
      sent.set(0, PartialStates.merge(List.of(sent.remove(1), sent.get(0))));
    }
    Collections.shuffle(sent, order);
    return sent;
  }

  PartialStates statesOf(long from, long to) {
    return Softmax.along(1)
        .shard(from, CLASSES)
        .partialStates(logits.slice(1, from, to), Inputs.none());
  }

  static void refused(Class<? extends XentException> type, Runnable call, String... words) {
    assertThatThrownBy(call::run).isInstanceOf(type).hasMessageContainingAll(words);
  }
}
