// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.files.NpyOutput;
import dev.xent.files.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The files that a command writes: none of them is seen before {@link #commit}. */
final class Outputs implements AutoCloseable {
  private final FileMemory memory;
  private final List<Path> kept = new ArrayList<>();
  private final List<NpyOutput> files = new ArrayList<>();

  /** Outputs whose numbers lie in that memory. */
  Outputs(FileMemory memory) {
    this.memory = memory;
  }

  /** Names an input that no output may replace. */
  void keep(Path input) {
    kept.add(input);
  }

  /** A file to be written through the tensor; null when no file was asked for. */
  @Nullable Tensor create(@Nullable Path path, DType type, long[] shape) {
    if (path == null) {
      return null;
    }
    for (Path input : kept) {
      if (same(path, input)) {
        throw new CommandException(
            path + " is an input of this command; give the output a file of its own");
      }
    }
    WholeFile.sweep(path);
    // Every byte is written once here, which takes seconds where the file is large.
    Progress.during("making room", () -> files.add(memory.create(path, type, shape)));
    NpyOutput file = files.getLast();
    if (files.stream().anyMatch(other -> other != file && other.target().equals(file.target()))) {
      throw new CommandException(
          path + " is named for two outputs; give each output a file of its own");
    }
    return file.tensor();
  }

  private static boolean same(Path output, Path input) {
    try {
      return Files.exists(output) && Files.isSameFile(output, input);
    } catch (IOException e) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "%s and %s cannot be told apart; check their permissions",
              output,
              input));
    }
  }

  /** Writes all of them before the first one gets its name. */
  void commit() {
    Progress.during("writing", () -> files.forEach(NpyOutput::write));
    files.forEach(NpyOutput::commit);
  }

  @Override
  public void close() {
    files.forEach(NpyOutput::close);
  }
}
