// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Files that set the classes of rows: a mask, and the offsets of ragged rows. */
final class ClassInputs extends MaskInput {
  @Option(
      names = "--row-offsets",
      paramLabel = "O.npy",
      description =
          "Ragged rows: the input has one dimension, and row r is x[O[r]:O[r+1]]; i32 or i64.")
  private @Nullable Path rowOffsets;

  @Override
  Stream<Path> files() {
    return Stream.concat(super.files(), Stream.ofNullable(rowOffsets));
  }

  /** The offsets of ragged rows, or null. */
  @Nullable Tensor offsets(FileMemory memory) {
    return rowOffsets == null ? null : InputFiles.integers(rowOffsets, memory);
  }

  /**
   * Reads the contents of the files.
   *
   * @param offsets as returned by {@link #offsets}
   */
  Inputs read(@Nullable Tensor offsets, FileMemory memory) {
    return addTo(Rows.inputs(offsets), memory);
  }
}
