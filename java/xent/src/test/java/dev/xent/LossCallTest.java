// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.ConcurrentModificationException;
import java.util.concurrent.atomic.AtomicReference;

/** A loss that is bound once: each run sees what its memory holds then. See also CallTest. */
class LossCallTest {
  private static final int CLASSES = 10;

  private static CrossEntropy mean(Backend backend) {
    return CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
  }

  private static Tensor matrix(Arena arena, int rows) {
    return Samples.matrix(arena, rows, CLASSES);
  }

  @OnEveryBackend
  void runsGiveWhatTheShortFormsGive(Backend backend) {
    CrossEntropy loss =
        CrossEntropy.builder().execution(Execution.sequential().withBackend(backend)).build();
    for (int rows : new int[] {1, 3, 64, 4000}) {
      for (Arena arena : new Arena[] {Arena.global(), Arena.ofAuto()}) {
        Tensor x = matrix(arena, rows);
        Tensor y = matrix(arena, rows);
        Tensor expected = matrix(arena, rows);
        Tensor labels = Tensor.of(Samples.labels(rows, CLASSES, 6));
        LossOutputs numbers = LossOutputs.create();
        LossOutputs others = LossOutputs.create();
        LossCall gradient = loss.on(x, labels, y).outputs(numbers);
        for (int run = 0; run < 4; run++) {
          x.setFloat(run, rows - 1, run);
          double mean = gradient.run();
          assertThat(mean).isEqualTo(loss.on(x, labels, expected).outputs(others).run());
          assertThat(mean).isEqualTo(loss.forwardBackward(x, labels, expected));
          assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));
          assertThat(numbers).hasToString(others.toString());
        }
      }
    }
  }

  @OnEveryBackend
  void whatIsAddedAfterRunsCounts(Backend backend) {
    CrossEntropy loss = mean(backend);
    Tensor x = matrix(Arena.ofAuto(), 3);
    Tensor y = matrix(Arena.ofAuto(), 3);
    Tensor labels = Tensor.of(new int[] {1, 2, 3});
    LossCall call = loss.on(x, labels);
    assertThat(call.run()).isEqualTo(call.run()).isEqualTo(loss.forward(x, labels));
    Inputs weights = Inputs.none().withRowWeights(Tensor.of(new float[] {1, 0, 2}));
    double weighted = loss.on(x, labels).inputs(weights).run();
    call.inputs(weights);
    assertThat(call.run()).isEqualTo(call.run()).isEqualTo(weighted);
    LossCall writing = loss.on(x, labels, y);
    assertThat(writing.run()).isEqualTo(writing.inputs(Inputs.none()).run());
    assertThat(writing.inputs(weights).run()).isEqualTo(weighted);
    assertThat(y.getFloat(1, 2)).isZero();
    assertThat(call.inputs(Inputs.none()).run()).isEqualTo(loss.forward(x, labels));
  }

  @OnEveryBackend
  void gradientsOfSavedStatistics(Backend backend) {
    CrossEntropy loss = mean(backend);
    Tensor x = matrix(Arena.ofAuto(), 3);
    Tensor y = matrix(Arena.ofAuto(), 3);
    Tensor expected = matrix(Arena.ofAuto(), 3);
    Tensor labels = Tensor.of(new int[] {1, 2, 3});
    LossOutputs saved = LossOutputs.create().saveStatistics(Arena.ofAuto());
    LossCall call = loss.on(x, labels).outputs(saved);
    call.run();
    loss.forwardBackward(x, labels, expected);
    loss.onBackward(x, labels, saved, null, y).run();
    assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));
    Tensor upstream = Tensor.of(new float[] {1, 2, 0});
    BoundCall backward = loss.onBackward(x, labels, saved, upstream, y);
    backward.run();
    backward.run();
    loss.onBackward(x, labels, saved, upstream, expected).run();
    assertThat(Samples.bits(y)).isEqualTo(Samples.bits(expected));
  }

  @OnEveryBackend
  void labelsAreLookedAtInEachRun(Backend backend) {
    for (int rows : new int[] {1, 3}) {
      int[] labels = new int[rows];
      Tensor x = matrix(Arena.global(), rows);
      Tensor dx = matrix(Arena.global(), rows);
      LossCall call = mean(backend).on(x, Tensor.of(labels), dx);
      for (int run = 0; run < 3; run++) {
        call.run();
        int[] before = Samples.bits(dx);
        labels[rows - 1] = CLASSES;
        assertThatThrownBy(call::run)
            .isInstanceOf(LabelException.class)
            .hasMessageContaining("row " + (rows - 1));
        assertThat(Samples.bits(dx)).isEqualTo(before);
        labels[rows - 1] = run;
      }
    }
  }

  /** Two threads change and run one call: no run computes with half of a change. */
  @OnEveryBackend
  void twoThreadsOnOneCall(Backend backend) throws InterruptedException {
    int rows = 3;
    Tensor x = matrix(Arena.global(), rows);
    Inputs ones = Inputs.none().withRowWeights(Tensor.of(new float[] {1, 1, 1}));
    Tensor labels = Tensor.of(new int[] {1, 2, 3});
    CrossEntropy loss = mean(backend);
    double expected = loss.forward(x, labels);
    LossCall call = loss.on(x, labels);
    AtomicReference<Throwable> wrong = new AtomicReference<>();
    Runnable body =
        () -> {
          for (int i = 0; i < 20_000 && wrong.get() == null; i++) {
            try {
              call.inputs(i % 2 == 0 ? Inputs.none() : ones);
              double result = call.run();
              if (result != expected) {
                wrong.set(new AssertionError("loss " + result + ", not " + expected));
              }
            } catch (ConcurrentModificationException e) {
              // as promised
            } catch (RuntimeException | Error e) {
              wrong.set(e);
            }
          }
        };
    Thread[] threads = {new Thread(body), new Thread(body)};
    for (Thread thread : threads) {
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(wrong.get()).isNull();
    assertThat(call.run()).isEqualTo(expected);
  }
}
