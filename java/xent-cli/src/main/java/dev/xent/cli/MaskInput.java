// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Inputs;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A file that masks classes. */
class MaskInput {
  @Option(
      names = "--mask",
      paramLabel = "M.npy",
      description =
          "Which classes take part: booleans or u8 in the shape of the input, or one per class. An"
              + " axis of size 1 holds for all.")
  private @Nullable Path mask;

  /** The files of this option. */
  Stream<Path> files() {
    return Stream.ofNullable(mask);
  }

  /** Adds the contents of the mask file. */
  final Inputs addTo(Inputs inputs, FileMemory memory) {
    return mask == null ? inputs : inputs.classMask(InputFiles.flags(mask, memory));
  }
}
