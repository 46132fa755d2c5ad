// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Files that say which classes rows have. */
final class ClassInputs {
  @Option(
      names = "--mask",
      paramLabel = "M.npy",
      description =
          "Which classes take part: booleans or u1 in the shape of the input, where sizes of 1 hold"
              + " for all, or one per class.")
  private @Nullable Path mask;

  @Option(
      names = "--row-offsets",
      paramLabel = "O.npy",
      description =
          "Ragged rows: the input has one dimension, and row r is x[O[r]:O[r+1]]; i4 or i8.")
  private @Nullable Path rowOffsets;

  /** The files that were given. */
  Stream<Path> files() {
    return Stream.of(mask, rowOffsets).flatMap(Stream::ofNullable);
  }

  /** Where ragged rows begin, or null. */
  @Nullable Tensor offsets(FileMemory memory) {
    return rowOffsets == null ? null : InputFiles.integers(rowOffsets, memory);
  }

  /**
   * What the files hold.
   *
   * @param offsets as they were read
   */
  Inputs read(@Nullable Tensor offsets, FileMemory memory) {
    Inputs inputs = Inputs.none();
    if (mask != null) {
      inputs = inputs.classMask(InputFiles.flags(mask, memory));
    }
    return offsets == null ? inputs : inputs.rowOffsets(offsets);
  }
}
