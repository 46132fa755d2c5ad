// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The file of row weights. */
final class RowWeightInput {
  @Option(
      names = "--row-weight",
      paramLabel = "U.npy",
      description =
          "Weight of each row, or booleans; rows of weight 0 are ignored with any"
              + " targets; a mean divides by the weights.")
  private @Nullable Path rowWeights;

  /** The file of this option. */
  Stream<Path> files() {
    return Stream.ofNullable(rowWeights);
  }

  /** Adds the contents of the file. */
  Inputs addTo(Inputs inputs, FileMemory memory) {
    return rowWeights == null ? inputs : inputs.rowWeights(InputFiles.weights(rowWeights, memory));
  }
}
