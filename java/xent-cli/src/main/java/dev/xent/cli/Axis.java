// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.Tensor;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The class axis of a command. */
final class Axis {
  @Option(
      names = "--axis",
      paramLabel = "A",
      description = "The class axis; -1 is the last. Default: -1.")
  private @Nullable Integer given;

  /** The axis of a tensor, counted from 0. */
  int in(Tensor tensor, InputFile file) {
    return in(tensor, file, -1);
  }

  /** The axis of a tensor, counted from 0; a negative axis counts from the end. */
  int in(Tensor tensor, InputFile file, int byDefault) {
    int axis = given == null ? byDefault : given;
    int rank = tensor.rank();
    if (axis < -rank || axis >= rank) {
      throw new CommandException(
          message(
              "--axis %d does not fit %s of shape %s; use %d to %d",
              axis, file, Arrays.toString(tensor.shape()), -rank, rank - 1));
    }
    return axis < 0 ? axis + rank : axis;
  }

  /** The shape of an array with one number per row. */
  static long[] without(int axis, long[] shape) {
    return LongStream.concat(
            Arrays.stream(shape, 0, axis), Arrays.stream(shape, axis + 1, shape.length))
        .toArray();
  }
}
