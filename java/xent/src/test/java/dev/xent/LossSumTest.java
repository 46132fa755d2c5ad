// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.errors.PartialStatesException;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Losses of micro-batches add up to those of the whole batch, bit by bit, in any order. */
class LossSumTest {
  private static final int ROWS = 90;
  private static final int CLASSES = 11;

  private final float[] x = Samples.logits(ROWS * CLASSES, 5, 1);
  private final int[] labels = Samples.labels(ROWS, CLASSES, 2);
  private final Tensor logits = Tensor.of(x, ROWS, CLASSES);
  private final Tensor targets = Tensor.of(labels);
  private final Tensor weights = Tensor.of(Samples.probabilities(1, ROWS, 3));

  private void addRows(CrossEntropy loss, LossSum lossSum, int from, int to, boolean weighted) {
    LossOutputs outcome = LossOutputs.create().lossSum(lossSum);
    Inputs inputs =
        weighted ? Inputs.none().withRowWeights(weights.slice(0, from, to)) : Inputs.none();
    loss.on(logits.slice(0, from, to), targets.slice(0, from, to))
        .inputs(inputs)
        .outputs(outcome)
        .run();
  }

  @OnEveryBackend
  void microBatches(Backend backend) {
    CrossEntropy loss =
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .ignoreIndex(3)
            .build();
    for (boolean weighted : new boolean[] {false, true}) {
      LossSum whole = LossSum.create();
      addRows(loss, whole, 0, ROWS, weighted);
      LossSum parts = LossSum.create();
      addRows(loss, parts, 70, 90, weighted);
      addRows(loss, parts, 0, 1, weighted);
      LossSum others = LossSum.create();
      addRows(loss, others, 1, 70, weighted);
      parts.add(LossSum.ofBytes(others.toBytes()));
      assertThat(parts.sum()).isEqualTo(whole.sum());
      assertThat(parts.denominator()).isEqualTo(whole.denominator());
      assertThat(parts.mean()).isEqualTo(whole.mean());
      assertThat(parts.rows()).isEqualTo(ROWS);
      assertThat(parts.validRows()).isEqualTo(Arrays.stream(labels).filter(k -> k != 3).count());
      LossOutputs outcome = LossOutputs.create();
      Inputs inputs = weighted ? Inputs.none().withRowWeights(weights) : Inputs.none();
      assertThat(loss.on(logits, targets).inputs(inputs).outputs(outcome).run())
          .isEqualTo(parts.mean());
      assertThat(parts.sum()).isEqualTo(outcome.sum());
      assertThat(parts.denominator()).isEqualTo(outcome.denominator());
    }
  }

  @Test
  void lossesOfLogProbabilitiesAndOfTeachers() {
    LossSum lossSum = LossSum.create();
    double nll =
        NllLoss.sum().on(logits, targets).outputs(LossOutputs.create().lossSum(lossSum)).run();
    assertThat(lossSum.sum()).isEqualTo(nll);
    double kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .reduction(Reduction.SUM)
            .build()
            .on(logits, logits)
            .outputs(LossOutputs.create().lossSum(lossSum))
            .run();
    assertThat(kl).isZero();
    assertThat(lossSum.sum()).isEqualTo(nll);
    assertThat(lossSum.denominator()).isEqualTo(2 * ROWS);
  }

  @Test
  void aCallThatFailsAddsNothing() {
    LossSum lossSum = LossSum.create();
    labels[4] = CLASSES;
    assertThatThrownBy(() -> addRows(CrossEntropy.mean(), lossSum, 0, ROWS, true))
        .isInstanceOf(LabelException.class);
    assertThat(lossSum.toBytes()).isEqualTo(LossSum.create().toBytes());
    assertThat(lossSum.mean()).isNaN();
  }

  @Test
  void bytesThatAreNoSum() {
    byte[] bytes = LossSum.create().toBytes();
    refused(Arrays.copyOf(bytes, bytes.length - 1), (bytes.length - 1) + " bytes");
    int[] places = {0, 8, 12, 16, 32};
    String[] words = {
      "do not begin as an exact sum",
      "layout version is 3",
      "numerics version is 3",
      "rows count",
      "another size"
    };
    for (int i = 0; i < places.length; i++) {
      byte[] wrong = bytes.clone();
      wrong[places[i]] ^= 2;
      if (places[i] == 16) {
        wrong[24] = 5;
      }
      refused(wrong, words[i]);
    }
  }

  @Test
  void bytesThatCountMoreThanASumCan() {
    ByteBuffer bytes = ByteBuffer.wrap(LossSum.create().toBytes()).order(ByteOrder.LITTLE_ENDIAN);
    int lossSum = (bytes.limit() - 32) / 2;
    int doubles = 8 * (1 + 3 + 256);
    for (long most : new long[] {(1L << 39) + 1, Long.MAX_VALUE}) {
      refused(with(bytes, 16, most), "rows count");
    }
    for (int of : new int[] {32, 32 + lossSum}) {
      for (int i = 1; i <= 3; i++) {
        refused(with(bytes, of + 8 * i, -1), "a sum in them counts");
        refused(with(bytes, of + 8 * i, Long.MAX_VALUE), "a sum in them counts");
      }
      refused(with(bytes, of + 8 * 4, Long.MIN_VALUE), "a sum in them counts");
      refused(with(bytes, of + 8 * 259, Long.MAX_VALUE), "a sum in them counts");
      refused(with(bytes, of + doubles, -1), "a sum in them counts");
      refused(with(bytes, of + doubles, (1L << 39) + 1), "a sum in them counts");
      refused(with(bytes, of + doubles + 8 * 66, Long.MIN_VALUE), "a sum in them counts");
    }
  }

  private static byte[] with(ByteBuffer bytes, int place, long value) {
    return ByteBuffer.wrap(bytes.array().clone())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(place, value)
        .array();
  }

  private static void refused(byte[] bytes, String words) {
    assertThatThrownBy(() -> LossSum.ofBytes(bytes))
        .isInstanceOf(PartialStatesException.class)
        .hasMessageContainingAll("the bytes hold no loss sum", words);
  }
}
