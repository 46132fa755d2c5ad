// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of further inputs of a call, each with the name of a file. */
interface InputOptions {

  /** Adds the contents of the file, if the option is set. */
  Inputs addTo(Inputs inputs, CommandFiles files);

  /** The inputs of rows, with those of options. */
  static Inputs of(Rows rows, CommandFiles files, InputOptions... options) {
    Inputs inputs = rows.inputs();
    for (InputOptions option : options) {
      inputs = option.addTo(inputs, files);
    }
    return inputs;
  }

  /** Which classes take part. */
  class Mask implements InputOptions {
    @Option(
        names = "--class-mask",
        paramLabel = "M.npy",
        description =
            "Which classes take part: booleans or u8 in the shape of the input, or one per class."
                + " An axis of size 1 holds for all.")
    private @Nullable InputFile mask;

    @Override
    public final Inputs addTo(Inputs inputs, CommandFiles files) {
      return mask == null ? inputs : inputs.withClassMask(files.flags(mask));
    }
  }

  /** The classes of each row: a mask, and the offsets of ragged rows. */
  final class Classes extends Mask {
    @Option(
        names = "--row-offsets",
        paramLabel = "O.npy",
        description =
            "Ragged rows: the input has one dimension, and row r is x[O[r]:O[r+1]]; i32 or i64.")
    private @Nullable InputFile offsets;

    /** The rows along an axis of an input; ragged if the option is set. */
    Rows rows(Tensor input, int axis, CommandFiles files) {
      return Rows.of(input, axis, offsets == null ? null : files.integers(offsets));
    }
  }

  /** An extra logit. */
  final class Sink implements InputOptions {
    @Option(
        names = "--sink",
        paramLabel = "S.npy",
        description = "Extra logit in the denominator of each row, or one number for all rows.")
    private @Nullable InputFile sink;

    @Override
    public Inputs addTo(Inputs inputs, CommandFiles files) {
      return sink == null ? inputs : inputs.withSink(files.floats(sink));
    }
  }

  /** Weights of rows. */
  final class RowWeights implements InputOptions {
    @Option(
        names = "--row-weights",
        paramLabel = "U.npy",
        description =
            "Weight of each row, or booleans; rows of weight 0 are ignored with any"
                + " targets; a mean divides by the weights.")
    private @Nullable InputFile rowWeights;

    @Override
    public Inputs addTo(Inputs inputs, CommandFiles files) {
      return rowWeights == null ? inputs : inputs.withRowWeights(files.weights(rowWeights));
    }
  }
}
