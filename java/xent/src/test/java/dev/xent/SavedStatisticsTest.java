// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What a forward left behind is taken by a backward of the same options alone. */
class SavedStatisticsTest {
  private static final Map<String, Consumer<CrossEntropy.Builder>> OTHERS = new LinkedHashMap<>();

  static {
    OTHERS.put("ignoreIndex=7", builder -> builder.ignoreIndex(7));
    OTHERS.put("labelSmoothing=0.1", builder -> builder.labelSmoothing(0.1));
    OTHERS.put("smoothing=OTHERS", builder -> builder.smoothing(Smoothing.OTHERS));
    OTHERS.put("temperature=2.0", builder -> builder.temperature(2));
    OTHERS.put("softcap=2.0", builder -> builder.softcap(2));
    OTHERS.put("zLoss=0.1", builder -> builder.zLoss(0.1));
  }

  private static CrossEntropy with(Backend backend, Consumer<CrossEntropy.Builder> option) {
    CrossEntropy.Builder builder =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend));
    option.accept(builder);
    return builder.build();
  }

  @OnEveryBackend
  void ofOtherOptionsTheyAreRefused(Backend backend) {
    for (int rows : new int[] {1, 2, 2000}) {
      Tensor logits = Tensor.of(Samples.logits(rows * 40, 2, rows), rows, 40);
      Tensor labels = Tensor.of(new int[rows]);
      float[] written = new float[rows * 40];
      Tensor gradient = Tensor.of(written, rows, 40);
      CrossEntropy plain = with(backend, builder -> {});
      OTHERS.forEach(
          (said, option) -> {
            String shape =
                (rows == 1 ? "1 row" : rows + " rows") + ", 40 classes and class indices";
            CrossEntropy other = with(backend, option);
            LossOutputs outcome = LossOutputs.create().saveStatistics(Arena.ofAuto());
            plain.on(logits, labels).outputs(outcome).run();
            assertThatThrownBy(
                    () -> other.onBackward(logits, labels, outcome, null, gradient).run())
                .isInstanceOf(OptionException.class)
                .hasMessage(
                    "the outputs hold statistics of "
                        + shape
                        + ", backward was called with "
                        + shape
                        + " ["
                        + said
                        + "]; expected what the forward had");
            other.on(logits, labels).outputs(outcome).run();
            assertThatThrownBy(
                    () -> plain.onBackward(logits, labels, outcome, null, gradient).run())
                .isInstanceOf(OptionException.class)
                .hasMessageContaining(shape + " [" + said + "], backward");
          });
      assertThat(written).containsOnly(0);
    }
  }

  @OnEveryBackend
  void aForwardThatFailsLeavesNone(Backend backend) {
    Tensor logits = Tensor.of(Samples.logits(12, 2, 3), 4, 3);
    Tensor labels = Tensor.of(new int[] {0, 1, 2, 0});
    Tensor wrong = Tensor.of(new int[] {0, 1, 3, 0});
    Tensor weights = Tensor.of(Samples.logits(6, 2, 4), 3, 2);
    Tensor hidden = Tensor.of(Samples.logits(8, 2, 5), 4, 2);
    float[] written = new float[12];
    Tensor gradient = Tensor.of(written, 4, 3);
    CrossEntropy plain = with(backend, builder -> {});
    LossOutputs outcome = LossOutputs.create().saveStatistics(Arena.ofAuto());
    plain.on(logits, labels).outputs(outcome).run();
    assertThatThrownBy(() -> plain.on(logits, wrong).outputs(outcome).run())
        .isInstanceOf(LabelException.class);
    assertThatThrownBy(() -> plain.onBackward(logits, labels, outcome, null, gradient).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("the outputs hold no statistics");
    LinearCrossEntropy linear =
        LinearCrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    LossOutputs kept = LossOutputs.create().saveStatistics(Arena.ofAuto());
    linear.on(hidden, weights, labels).outputs(kept).run();
    assertThatThrownBy(() -> linear.on(hidden, weights, wrong).outputs(kept).run())
        .isInstanceOf(LabelException.class);
    LinearGradients gradients = LinearGradients.create().hidden(Tensor.of(new float[8], 4, 2));
    assertThatThrownBy(
            () -> linear.onBackward(hidden, weights, labels, kept, null, gradients).run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("the outputs hold no statistics");
    assertThat(written).containsOnly(0);
  }

  /** Of every input that a call may be without and that both a forward and its backward take. */
  @OnEveryBackend
  void ofOtherInputsTheyAreRefused(Backend backend) {
    Tensor hidden = Tensor.of(Samples.logits(8, 2, 1), 4, 2);
    Tensor weights = Tensor.of(Samples.logits(6, 2, 2), 3, 2);
    Tensor labels = Tensor.of(new int[] {0, 1, 1, 0});
    Tensor three = Tensor.of(new float[] {1, 2, 3});
    LinearCrossEntropy layer =
        LinearCrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    Map<String, Inputs> inputs = new LinkedHashMap<>();
    inputs.put("bias", Inputs.none().withBias(three));
    inputs.put("classMask", Inputs.none().withClassMask(Tensor.of(new byte[] {1, 1, 0})));
    inputs.put("rowWeights", Inputs.none().withRowWeights(Tensor.of(new float[] {1, 2, 3, 4})));
    inputs.forEach(
        (name, others) -> {
          float[] written = new float[8];
          LinearGradients gradients = LinearGradients.create().hidden(Tensor.of(written, 4, 2));
          LossOutputs outcome = LossOutputs.create().saveStatistics(Arena.ofAuto());
          layer.on(hidden, weights, labels).inputs(others).outputs(outcome).run();
          assertThatThrownBy(
                  () -> layer.onBackward(hidden, weights, labels, outcome, null, gradients).run())
              .isInstanceOf(OptionException.class)
              .hasMessageContaining("4 rows, 3 classes and class indices with " + name);
          assertThat(written).containsOnly(0);
        });
  }

  @OnEveryBackend
  void theyCanBeTakenBack(Backend backend) {
    Tensor logits = Tensor.of(Samples.logits(12, 2, 3), 4, 3);
    Tensor labels = Tensor.of(new int[] {0, 1, 2, 0});
    CrossEntropy plain = with(backend, builder -> {});
    LossOutputs outcome = LossOutputs.create().saveStatistics(Arena.ofAuto());
    plain.on(logits, labels).outputs(outcome).run();
    assertThat(outcome.saveStatistics(null).toString()).doesNotContain("saveStatistics");
    plain.on(logits, labels).outputs(outcome).run();
    assertThatThrownBy(
            () ->
                plain
                    .onBackward(logits, labels, outcome, null, Tensor.of(new float[12], 4, 3))
                    .run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("the outputs hold no statistics");
  }

  @OnEveryBackend
  void ofOtherReductionsTheyAreTaken(Backend backend) {
    Tensor logits = Tensor.of(Samples.logits(12, 2, 3), 4, 3);
    Tensor labels = Tensor.of(new int[] {0, 1, 2, 0});
    float[] expected = new float[12];
    float[] actual = new float[12];
    LossOutputs outcome = LossOutputs.create().saveStatistics(Arena.ofAuto());
    with(backend, builder -> builder.temperature(1)).on(logits, labels).outputs(outcome).run();
    CrossEntropy sum = with(backend, builder -> builder.reduction(Reduction.SUM).gradientScale(3));
    sum.forwardBackward(logits, labels, Tensor.of(expected, 4, 3));
    sum.onBackward(logits, labels, outcome, null, Tensor.of(actual, 4, 3)).run();
    assertThat(Samples.bits(actual)).isEqualTo(Samples.bits(expected));
  }

  @OnEveryBackend
  void shardsRefuseThoseOfOtherOptions(Backend backend) {
    Tensor logits = Tensor.of(Samples.logits(6, 2, 3), 2, 3);
    Tensor far = Tensor.of(new float[] {1e6f, 0, 1, 2e6f, 0, 0}, 2, 3);
    Tensor labels = Tensor.of(new int[] {0, 1});
    Inputs none = Inputs.none();
    float[] written = new float[6];
    Tensor gradient = Tensor.of(written, 2, 3);
    CrossEntropyShard plain = with(backend, builder -> {}).shard(0, 3);
    OTHERS.forEach(
        (said, option) -> {
          CrossEntropyShard other = with(backend, option).shard(0, 3);
          LossOutputs outcome = LossOutputs.create();
          PartialStates states = plain.partialStates(logits, labels, none);
          if (!said.startsWith("ignoreIndex")) { // states of labels do not record it
            refused(() -> other.finish(states, labels, none, outcome));
          }
          RowStatistics rows = plain.finish(states, labels, none, outcome);
          refused(() -> other.backward(logits, labels, none, rows, null, gradient));
          RowStatistics first =
              plain.finish(plain.partialStates(far, labels, none), labels, none, outcome);
          assertThat(first.needsSecondRound()).isTrue();
          refused(() -> other.partialStates(far, labels, none, first));
          PartialStates second = plain.partialStates(far, labels, none, first);
          refused(() -> other.finish(second, labels, none, first, outcome));
        });
    SoftmaxShard softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build().shard(0, 3);
    SoftmaxShard warm =
        Softmax.builder()
            .execution(Execution.defaults().withBackend(backend))
            .temperature(2)
            .build()
            .shard(0, 3);
    PartialStates states = softmax.partialStates(logits, none);
    refused(() -> warm.finish(states, none, null));
    RowStatistics rows = softmax.finish(states, none, null);
    refused(() -> warm.forward(logits, none, rows, gradient));
    RowStatistics first = softmax.finish(softmax.partialStates(far, none), none, null);
    refused(() -> warm.partialStates(far, none, first));
    assertThat(written).containsOnly(0);
  }

  private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(PartialStatesException.class)
        .hasMessageContaining(" of one operation");
  }

  /** An arena may be anybody's: what it returns is not believed. */
  @OnEveryBackend
  void memoryThatAnArenaMayReturn(Backend backend) {
    Tensor x = Tensor.of(new float[12], 4, 3);
    Tensor labels = Tensor.of(new int[4]);
    CrossEntropy loss =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    byte[] canary = new byte[1024];
    Arena honest = Arena.ofAuto();
    MemorySegment memory = honest.allocate(1024, 64);
    refusesMemory(loss, x, labels, memory.asSlice(0, 16), "memory of 16 bytes");
    refusesMemory(loss, x, labels, memory.asReadOnly(), "read-only memory");
    refusesMemory(loss, x, labels, MemorySegment.ofArray(new long[128]), "a Java array");
    assertThat(memory.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)).isEqualTo(canary);
  }

  private static void refusesMemory(
      CrossEntropy loss, Tensor x, Tensor labels, MemorySegment returned, String what) {
    Arena arena =
        new Arena() {
          @Override
          public MemorySegment allocate(long bytes, long alignment) {
            return returned;
          }

          @Override
          public MemorySegment.Scope scope() {
            return Arena.global().scope();
          }

          @Override
          public void close() {}
        };
    LossOutputs outputs = LossOutputs.create().saveStatistics(arena);
    assertThatThrownBy(() -> loss.on(x, labels).outputs(outputs).run())
        .isInstanceOf(MemoryException.class)
        .hasMessageStartingWith("the arena returned " + what);
  }

  /** An executor may use the outputs of the call that it helps with. */
  @Test
  void outputsThatAnotherCallUsesMeanwhile() {
    int rows = 40_000;
    Tensor large = Tensor.of(new float[rows * 8], rows, 8);
    Tensor small = Tensor.of(new float[8], 1, 8);
    Tensor labels = Tensor.of(new int[rows]);
    LossOutputs outputs = LossOutputs.create().saveStatistics(Arena.ofAuto());
    CrossEntropy plain = CrossEntropy.builder().execution(Execution.sequential()).build();
    CrossEntropy helped =
        CrossEntropy.builder()
            .execution(
                Execution.defaults()
                    .withThreads(2)
                    .withExecutor(
                        task -> plain.on(small, Tensor.of(new int[1])).outputs(outputs).run()))
            .build();
    helped.on(large, labels).outputs(outputs).run();
    Tensor gradient = Tensor.of(new float[rows * 8], rows, 8);
    plain.onBackward(large, labels, outputs, null, gradient).run();
    Tensor expected = Tensor.of(new float[rows * 8], rows, 8);
    plain.forwardBackward(large, labels, expected);
    assertThat(Samples.bits(gradient)).isEqualTo(Samples.bits(expected));
  }
}
