// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.cli.npy.NpyFile;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/** Files that a command reads. */
final class Inputs {
  private Inputs() {}

  /** A file of float32 numbers. */
  static Tensor floats(Path path, Arena arena) {
    NpyFile file = NpyFile.open(path, arena);
    if (file.type() != DType.F32) {
      throw new CommandException(
          "%s has integers (%s) where float32 belongs; save x.astype('<f4')"
              .formatted(path, Converters.name(file.type())));
    }
    return file.tensor();
  }
}
