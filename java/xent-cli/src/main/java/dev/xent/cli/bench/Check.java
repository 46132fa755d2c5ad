// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import dev.xent.Tensor;
import dev.xent.cli.CommandException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Compares the bits of every kernel with those of the reference before it is timed. */
final class Check implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();
  private final Operation operation;
  private final Problem problem;
  private final double loss;
  private final MemorySegment expected;

  Check(Operation operation, Problem problem) {
    this.operation = operation;
    this.problem = problem;
    MemorySegment output = problem.output().segment();
    loss = operation.on(problem, Tier.REFERENCE, 1).repeat(1);
    if (!Double.isFinite(loss + sum(output))) {
      throw new CommandException(
          message(
              "the reference gives numbers that are not finite for %s %s; please report it",
              operation, problem.shape()));
    }
    expected = arena.allocate(output.byteSize()).copyFrom(output);
  }

  private static double sum(MemorySegment floats) {
    double sum = 0;
    for (long i = 0; i < floats.byteSize() / Float.BYTES; i++) {
      sum += floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }
    return sum;
  }

  /**
   * Does the work once and compares its result.
   *
   * @throws CommandException if a bit differs
   */
  void verify(Work work, Tier tier) {
    Tensor output = problem.output();
    output.segment().fill((byte) -1);
    double ours = work.repeat(1);
    long mismatch = operation.isReadOnly() ? -1 : expected.mismatch(output.segment());
    if (Double.doubleToRawLongBits(ours) != Double.doubleToRawLongBits(loss) || mismatch >= 0) {
      throw new CommandException(
          message(
              "%s %s on %s is not what the reference gives (%s); nothing was timed, please report it",
              operation,
              problem.shape(),
              tier.label(),
              mismatch < 0
                  ? message("loss %s, not %s", ours, loss)
                  : "element " + mismatch / Float.BYTES));
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
