// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Times the loss and gradient of a batch with the size of a language model's, and a copy of the
 * same bytes: one read and one write of memory each.
 */
final class Timing implements AutoCloseable {
  static final int ROWS = 64;
  static final int CLASSES = 128256;
  static final int RUNS = 15;

  private static final float SPREAD = 8;

  private final Arena arena = Arena.ofConfined();
  private final Tensor logits = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
  private final Tensor gradient = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
  private final Tensor labels = Tensor.allocate(arena, DType.I32, ROWS);

  Timing() {
    SplittableRandom random = new SplittableRandom(1);
    MemorySegment values = logits.segment();
    for (long i = 0; i < logits.elements(); i++) {
      values.setAtIndex(ValueLayout.JAVA_FLOAT, i, SPREAD * (2 * (float) random.nextDouble() - 1));
    }
    for (int r = 0; r < ROWS; r++) {
      labels.segment().setAtIndex(ValueLayout.JAVA_INT, r, random.nextInt(CLASSES));
    }
  }

  Tensor logits() {
    return logits;
  }

  Tensor labels() {
    return labels;
  }

  /**
   * Times both in turns, one run of each after the other, so that other work on the machine affects
   * both.
   *
   * @param threads of the loss
   */
  Medians measure(Backend backend, Isa isa, int threads) {
    CrossEntropy operation =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend).isa(isa).threads(threads))
            .build();
    Runnable loss = () -> operation.forwardBackward(logits, labels, gradient);
    Runnable copy = () -> gradient.segment().copyFrom(logits.segment());
    loss.run();
    copy.run();
    double[] lossTimes = new double[RUNS];
    double[] copyTimes = new double[RUNS];
    for (int i = 0; i < RUNS; i++) {
      lossTimes[i] = nanosecondsPerElement(loss);
      copyTimes[i] = nanosecondsPerElement(copy);
    }
    return new Medians(median(lossTimes), median(copyTimes));
  }

  /**
   * Nanoseconds per element.
   *
   * @param loss of the loss with its gradient
   * @param copy of a copy from one tensor to the other
   */
  record Medians(double loss, double copy) {}

  private double nanosecondsPerElement(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / (double) logits.elements();
  }

  private static double median(double[] times) {
    Arrays.sort(times);
    return times[times.length / 2];
  }

  @Override
  public void close() {
    arena.close();
  }
}
