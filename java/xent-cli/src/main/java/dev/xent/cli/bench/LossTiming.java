// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.Tensor;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.ArrayList;
import java.util.List;

/**
 * Times the loss and gradient of a batch with the size of a language model's, and a copy of the
 * same bytes: one read and one write of memory each.
 */
public final class LossTiming implements AutoCloseable {
  public static final int RUNS = 15;

  private static final Shape SHAPE = Shape.of("64x128256");

  private final Problem problem = new Problem(Operation.CROSS_ENTROPY_GRAD, SHAPE);

  /** Random logits, one row for each label. */
  public Tensor logits() {
    return problem.input();
  }

  /** Random labels. */
  public Tensor labels() {
    return problem.labels();
  }

  /**
   * Medians of nanoseconds per element.
   *
   * @param loss of the loss with its gradient
   * @param copy of a copy from one tensor to the other
   */
  public record Medians(double loss, double copy) {}

  /**
   * Times both in turns, one run of each after the other, so that other work on the machine affects
   * both.
   *
   * @param threads of the loss
   */
  public Medians measure(Backend backend, Isa isa, int threads) {
    Work loss = Operation.CROSS_ENTROPY_GRAD.on(problem, new Tier(backend, isa), threads);
    loss.repeat(1);
    List<Double> lossTimes = new ArrayList<>();
    List<Double> copyTimes = new ArrayList<>();
    try (Memory memory = new Memory(1)) {
      Work copy = problem.copies(memory).getFirst();
      copy.repeat(1);
      for (int run = 0; run < RUNS; run++) {
        lossTimes.add(nanoseconds(loss));
        copyTimes.add(nanoseconds(copy));
      }
    }
    long elements = SHAPE.elements();
    return new Medians(
        Times.of(lossTimes).per(elements).median(), Times.of(copyTimes).per(elements).median());
  }

  private static double nanoseconds(Work work) {
    long start = System.nanoTime();
    work.repeat(1);
    return System.nanoTime() - start;
  }

  @Override
  public void close() {
    problem.close();
  }
}
