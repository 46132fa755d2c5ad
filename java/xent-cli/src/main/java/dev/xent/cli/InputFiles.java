// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.files.NpyFile;
import java.nio.file.Path;

/** Reads the input files of a command. */
final class InputFiles {
  private InputFiles() {}

  /** A file of numbers of any type. */
  static Tensor numbers(Path path, FileMemory memory) {
    return tensor(memory.open(path), memory);
  }

  /** A file of floats. */
  static Tensor floats(Path path, FileMemory memory) {
    NpyFile file = memory.open(path);
    if (file.type().isInteger()) {
      throw new CommandException(
          message("%s holds %s; expected floats: save x.astype('<f4')", path, kind(file)));
    }
    return tensor(file, memory);
  }

  /** The type of a file without floats, for messages. */
  private static String kind(NpyFile file) {
    String kind = file.type() == DType.U8 ? "booleans or integers" : "integers";
    return kind + " (" + Converters.name(file.type()) + ")";
  }

  /** A file of flags: booleans, or bytes, where any value other than 0 is true. */
  static Tensor flags(Path path, FileMemory memory) {
    NpyFile file = memory.open(path);
    if (file.type() != DType.U8) {
      throw new CommandException(
          message(
              "%s holds %s; expected a mask: save m.astype(bool)",
              path, Converters.name(file.type())));
    }
    return tensor(file, memory);
  }

  /** A file of weights: floats, or flags that are 0 or 1. */
  static Tensor weights(Path path, FileMemory memory) {
    NpyFile file = memory.open(path);
    if (file.type().isInteger() && file.type() != DType.U8) {
      throw new CommandException(
          message(
              "%s holds %s; expected weights: save w.astype('<f4'), or a mask as booleans",
              path, kind(file)));
    }
    return tensor(file, memory);
  }

  /** A file of integers. */
  static Tensor integers(Path path, FileMemory memory) {
    NpyFile file = memory.open(path);
    if (!file.type().isInteger()) {
      throw new CommandException(
          message(
              "%s holds floats (%s); expected integers: save x.astype('<i8')",
              path, Converters.name(file.type())));
    }
    return tensor(file, memory);
  }

  /** A view of the file; a copy if the numbers are not aligned in it. */
  private static Tensor tensor(NpyFile file, FileMemory memory) {
    return file.isAligned() ? file.tensor() : memory.copy(file);
  }
}
