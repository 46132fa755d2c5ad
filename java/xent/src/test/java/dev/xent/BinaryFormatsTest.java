// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of states and sums are those of the files in {@code formats}: others have stored them.
 * A layout or numerics version that is new has new files; a test that fails leaves its bytes in
 * {@code target/formats}.
 */
class BinaryFormatsTest {
  private static final Path BASE = Path.of(System.getProperty("basedir"));
  private static final Path FROZEN = BASE.resolve("src/test/resources/dev/xent/formats");

  private static final float[] X = {-1, 2, 0.5f, 3, -4, 0, 7, 6.5f, -2, 1};
  private static final Tensor LOGITS = Tensor.of(X, 2, 5);
  private static final Tensor LABELS = Tensor.of(new int[] {3, 0});

  /** Returns the frozen bytes. */
  private static byte[] frozen(String name, String magic, byte[] bytes) throws IOException {
    Path found = BASE.resolve("target/formats").resolve(name);
    Files.createDirectories(found.getParent());
    Files.write(found, bytes);
    byte[] frozen = Files.readAllBytes(FROZEN.resolve(name));
    assertThat(new String(frozen, 0, 8, StandardCharsets.US_ASCII)).isEqualTo(magic);
    assertThat(Arrays.mismatch(bytes, frozen))
        .as("the first byte of %s that differs from %s", found, FROZEN)
        .isEqualTo(-1);
    return frozen;
  }

  private static Execution on(Backend backend) {
    return Execution.defaults().withBackend(backend);
  }

  @OnEveryBackend
  void statesOfASoftmax(Backend backend) throws IOException {
    SoftmaxShard shard = Softmax.builder().execution(on(backend)).build().shard(0, 5);
    byte[] bytes = shard.partialStates(LOGITS, Inputs.none()).toBytes();
    PartialStates read = PartialStates.ofBytes(frozen("softmax.states", "XNSTATES", bytes));
    Tensor logSumExp = Tensor.of(new float[2]);
    shard.finish(read, Inputs.none(), logSumExp);
    Tensor expected = Tensor.of(new float[2]);
    LogSumExp.along(1).forward(LOGITS, expected);
    assertThat(Samples.bits(logSumExp)).isEqualTo(Samples.bits(expected));
  }

  @OnEveryBackend
  void statesOfALossOfLabelsInDouble(Backend backend) throws IOException {
    double[] x = new double[X.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = X[i] / 3.0;
    }
    Tensor logits = Tensor.of(x, 2, 5);
    CrossEntropy loss = CrossEntropy.builder().labelSmoothing(0.25).execution(on(backend)).build();
    CrossEntropyShard shard = loss.shard(0, 5);
    byte[] bytes = shard.partialStates(logits, LABELS, Inputs.none()).toBytes();
    PartialStates read = PartialStates.ofBytes(frozen("labels.states", "XNSTATES", bytes));
    assertThat(meanOf(shard, read, LABELS)).isEqualTo(loss.forward(logits, LABELS));
  }

  @OnEveryBackend
  void statesOfALossOfProbabilities(Backend backend) throws IOException {
    Tensor targets = Tensor.of(new float[] {1, 0, 0, 0, 0, 0, 0.5f, 0.25f, 0.25f, 0}, 2, 5);
    CrossEntropy loss = CrossEntropy.builder().execution(on(backend)).build();
    CrossEntropyShard shard = loss.shard(0, 5);
    byte[] bytes = shard.partialStates(LOGITS, targets, Inputs.none()).toBytes();
    PartialStates read = PartialStates.ofBytes(frozen("probabilities.states", "XNSTATES", bytes));
    assertThat(meanOf(shard, read, null)).isEqualTo(loss.forward(LOGITS, targets));
  }

  private static double meanOf(
      CrossEntropyShard shard, PartialStates states, @Nullable Tensor labels) {
    LossOutputs outputs = LossOutputs.create();
    shard.finish(states, labels, Inputs.none(), outputs);
    return outputs.loss();
  }

  @OnEveryBackend
  void sumsOfLosses(Backend backend) throws IOException {
    CrossEntropy loss =
        CrossEntropy.builder()
            .ignoreIndex(0)
            .reduction(Reduction.SUM)
            .execution(on(backend))
            .build();
    LossSum sum = LossSum.create();
    LossOutputs outputs = LossOutputs.create().lossSum(sum);
    Inputs weights = Inputs.none().withRowWeights(Tensor.of(new float[] {1.5f, 2}));
    loss.on(LOGITS, LABELS).inputs(weights).outputs(outputs).run();
    double expected = outputs.sum();
    LossSum read = LossSum.ofBytes(frozen("loss.sum", "XENTLSUM", sum.toBytes()));
    assertThat(read.sum()).isEqualTo(expected);
    assertThat(read.denominator()).isEqualTo(1.5);
    assertThat(read.rows()).isEqualTo(2);
    assertThat(read.validRows()).isEqualTo(1);
  }
}
