// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.plan.shard.FinishedRows;
import dev.xent.internal.plan.shard.States;
import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A thread that made a call and lives on keeps nothing that the caller passed or received. */
class KeptReferencesTest {
  private static final int ROWS = 600;
  private static final int CLASSES = 130;

  private static void assertCollected(String what, List<WeakReference<?>> references)
      throws InterruptedException {
    for (int i = 0; i < 100 && !areCleared(references); i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertThat(references.stream().filter(each -> each.get() != null).count())
        .as("%s of %d that are still reachable", what, references.size())
        .isZero();
  }

  private static boolean areCleared(List<WeakReference<?>> references) {
    return references.stream().allMatch(each -> each.get() == null);
  }

  private static Tensor offHeap(float[] values, List<WeakReference<?>> scopes) {
    Arena arena = Arena.ofAuto();
    scopes.add(new WeakReference<>(arena.scope()));
    return Tensor.of(Segments.of(arena, values), DType.F32, ROWS, CLASSES);
  }

  @ParameterizedTest
  @EnumSource(names = {"POOL", "DIRECT", "SINGLE_THREAD", "VIRTUAL_THREAD_PER_TASK"})
  void memoryOfEveryOperation(Helpers helpers) throws InterruptedException {
    assertCollected("arenas", scopesOfEveryOperation(helpers));
  }

  private static List<WeakReference<?>> scopesOfEveryOperation(Helpers helpers) {
    List<WeakReference<?>> scopes = new ArrayList<>();
    float[] x = Samples.logits(ROWS * CLASSES, 4, 1);
    float[] dy = Samples.logits(ROWS * CLASSES, 1, 2);
    Tensor labels = Tensor.of(Samples.labels(ROWS, CLASSES, 3));
    new EveryOperation(Backend.NATIVE, helpers, 4)
        .results(values -> offHeap(values, scopes), x, dy, labels, Arena.ofAuto());
    assertThat(scopes).isNotEmpty();
    return scopes;
  }

  @Test
  void aCursorKeepsOnlyItsLastArray() throws InterruptedException {
    SamplerCursor cursor = Sampler.builder().seed(1).build().start();
    List<WeakReference<?>> arrays = new ArrayList<>();
    for (int step = 0; step < 4; step++) {
      float[] logits = Samples.logits(CLASSES, 4, step);
      cursor.next(logits);
      arrays.add(new WeakReference<>(logits));
    }
    assertCollected("arrays", arrays.subList(0, 3));
    Reference.reachabilityFence(cursor);
  }

  @OnEveryBackend
  void tensorsOfEveryCall(Backend backend) throws InterruptedException {
    List<EveryCall> calls = EveryCall.all(Execution.defaults().withBackend(backend), 10);
    assertCollected("arenas", scopesOfEveryCall(calls));
    Reference.reachabilityFence(calls);
  }

  private static List<WeakReference<?>> scopesOfEveryCall(List<EveryCall> calls) {
    List<WeakReference<?>> scopes = new ArrayList<>();
    EveryCall.Memory memory =
        new EveryCall.Memory() {
          @Override
          public Tensor floats(float[] values, long... shape) {
            Arena arena = Arena.ofAuto();
            scopes.add(new WeakReference<>(arena.scope()));
            return Tensor.of(Segments.of(arena, values), DType.F32, shape);
          }

          @Override
          public Tensor integers(int[] values, long... shape) {
            Arena arena = Arena.ofAuto();
            scopes.add(new WeakReference<>(arena.scope()));
            return Tensor.of(Segments.of(arena, values), DType.I32, shape);
          }
        };
    for (EveryCall call : calls) {
      DoubleSupplier made = call.on(call.tensors(memory, 3, 10, 1));
      for (int run = 0; run < 3; run++) {
        made.getAsDouble();
      }
    }
    return scopes;
  }

  @OnEveryBackend
  void statesOfShards(Backend backend) throws InterruptedException {
    assertCollected("arenas", scopesOfShards(backend, 1));
    assertCollected("arenas", scopesOfShards(backend, 4));
  }

  private static List<WeakReference<?>> scopesOfShards(Backend backend, int threads) {
    List<WeakReference<?>> scopes = new ArrayList<>();
    Tensor logits = offHeap(Samples.logits(ROWS * CLASSES, 4, 1), scopes);
    Tensor labels = Tensor.of(Samples.labels(ROWS, CLASSES, 3));
    Execution execution = Execution.defaults().withBackend(backend).withThreads(threads);
    SoftmaxShard softmax = Softmax.builder().execution(execution).build().shard(0, CLASSES);
    PartialStates states = softmax.partialStates(logits, Inputs.none());
    RowStatistics rows = softmax.finish(states, Inputs.none(), null);
    softmax.forward(
        logits, Inputs.none(), rows, Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES));
    scopes.add(new WeakReference<>(((States) states).memory().scope()));
    scopes.add(new WeakReference<>(((FinishedRows) rows).statistics().scope()));
    CrossEntropyShard loss = CrossEntropy.builder().execution(execution).build().shard(0, CLASSES);
    PartialStates ofLabels = loss.partialStates(logits, labels, Inputs.none());
    scopes.add(new WeakReference<>(((States) ofLabels).memory().scope()));
    RowStatistics losses = loss.finish(ofLabels, labels, Inputs.none(), LossOutputs.create());
    scopes.add(new WeakReference<>(((FinishedRows) losses).statistics().scope()));
    return scopes;
  }

  /** A loss that is kept after its backward pass does not keep what only that pass received. */
  @Test
  void theArgumentsOfABackwardPass() throws InterruptedException {
    Tensor logits = Tensor.of(Samples.logits(ROWS * CLASSES, 4, 1), ROWS, CLASSES);
    Tensor labels = Tensor.of(Samples.labels(ROWS, CLASSES, 3));
    CrossEntropy loss = CrossEntropy.builder().reduction(Reduction.SUM).build();
    Tensor gradient = Tensor.allocate(DType.F32, ROWS, CLASSES);
    List<WeakReference<?>> passed = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      passed.addAll(passedToBackward(loss, logits, labels, gradient));
    }
    assertCollected("arguments", passed);
    Reference.reachabilityFence(loss);
  }

  private static List<WeakReference<?>> passedToBackward(
      CrossEntropy loss, Tensor logits, Tensor labels, Tensor gradient) {
    LossOutputs outputs = LossOutputs.create().saveStatistics(Arena.ofAuto());
    loss.on(logits, labels).outputs(outputs).run();
    Arena arena = Arena.ofAuto();
    Tensor upstream = Tensor.allocate(arena, DType.F32, ROWS);
    loss.onBackward(logits, labels, outputs, upstream, gradient).run();
    return List.of(new WeakReference<>(outputs), new WeakReference<>(arena.scope()));
  }

  @Test
  void theExecutorOfAnEarlierCall() throws InterruptedException {
    assertCollected("executors", List.of(executorOfACall()));
  }

  private static WeakReference<Executor> executorOfACall() {
    Executor executor = new OwnThreads();
    Tensor logits = Tensor.of(new float[ROWS * 1000], ROWS, 1000);
    Execution execution = Execution.defaults().withThreads(2).withExecutor(executor);
    Softmax.builder().execution(execution).build().forward(logits, logits);
    return new WeakReference<>(executor);
  }

  private static final class OwnThreads implements Executor {
    @Override
    public void execute(Runnable task) {
      Thread.ofPlatform().daemon().start(task);
    }
  }
}
