// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.BoundCall;
import dev.xent.Inputs;
import dev.xent.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Divides large work into parts of whole rows, to update a progress bar. Rows do not depend on each
 * other: the bits are those of one call.
 */
final class RowBlocks {
  /** Elements of a part: a few milliseconds of work. */
  private static final long BLOCK = 1 << 22;

  private RowBlocks() {}

  /**
   * Runs calls on slices of tensors, in order; one on the whole tensors if they have different
   * shapes or if there are inputs, which may have numbers per row.
   *
   * @param axis the class axis, which is not divided
   */
  static void run(
      String task,
      int axis,
      List<Tensor> tensors,
      Inputs inputs,
      Function<List<Tensor>, BoundCall> calls) {
    Consumer<List<Tensor>> work = part -> calls.apply(part).inputs(inputs).run();
    Tensor first = tensors.getFirst();
    boolean sameShapes =
        tensors.stream().allMatch(tensor -> Arrays.equals(tensor.shape(), first.shape()));
    if (inputs != Inputs.none() || first.rank() == 1 || first.elements() <= BLOCK || !sameShapes) {
      Progress.during(task, () -> work.accept(tensors)); // rejects other shapes
      return;
    }
    int cut = axis == 0 ? 1 : 0;
    long size = first.dim(cut);
    long step = Math.max(1, BLOCK / (first.elements() / size));
    try (Progress progress = Progress.of(task, (size + step - 1) / step)) {
      for (long from = 0; from < size; from += step) {
        long begin = from;
        long end = Math.min(from + step, size);
        work.accept(tensors.stream().map(tensor -> tensor.slice(cut, begin, end)).toList());
        progress.step();
      }
    }
  }
}
