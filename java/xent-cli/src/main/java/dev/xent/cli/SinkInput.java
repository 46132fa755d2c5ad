// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The file of a sink. */
final class SinkInput {
  @Option(
      names = "--sink",
      paramLabel = "S.npy",
      description = "Extra logit in the denominator of each row, or one number for all rows.")
  private @Nullable Path sink;

  /** The file of this option. */
  Stream<Path> files() {
    return Stream.ofNullable(sink);
  }

  /** Adds the contents of the file. */
  Inputs addTo(Inputs inputs, FileMemory memory) {
    return sink == null ? inputs : inputs.sink(InputFiles.floats(sink, memory));
  }
}
