// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.files.NpyOutput;
import dev.xent.files.WholeFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The output files of a command: none of them has its name before {@link #commit}. */
final class Outputs implements AutoCloseable {
  private final FileMemory memory;
  private final List<Path> kept = new ArrayList<>();
  private final List<NpyOutput> files = new ArrayList<>();
  private final List<Result> shown = new ArrayList<>();

  private record Result(Tensor tensor, String option) {}

  /** Creates outputs in this memory. */
  Outputs(FileMemory memory) {
    this.memory = memory;
  }

  /** Protects an input from being replaced by an output. */
  void keep(Path input) {
    kept.add(input);
  }

  /** Creates a file that is written through the tensor; null without a path. */
  @Nullable Tensor create(@Nullable Path path, DType type, long[] shape) {
    if (path == null) {
      return null;
    }
    for (Path input : kept) {
      if (same(path, input)) {
        throw new CommandException(path + " is an input of this command; name another output file");
      }
    }
    WholeFile.sweep(path);
    // This writes every byte once, which takes seconds for a large file.
    Progress.during("making room", () -> files.add(memory.create(path, type, shape)));
    NpyOutput file = files.getLast();
    if (files.stream().anyMatch(other -> other != file && other.target().equals(file.target()))) {
      throw new CommandException(
          path + " is named for two outputs; name a different file for each");
    }
    return file.tensor();
  }

  /**
   * Creates a file for a result; without a path, allocates memory for a result that {@link #show}
   * prints.
   *
   * @param option that names the file
   */
  Tensor createOrShow(@Nullable Path path, String option, DType type, long[] shape) {
    Tensor file = create(path, type, shape);
    if (file != null) {
      return file;
    }
    shown.add(new Result(memory.allocate(type, shape), option));
    return shown.getLast().tensor();
  }

  /** Prints the results without a file. */
  void show(PrintWriter out) {
    shown.forEach(result -> out.println(Table.of(result.tensor(), result.option())));
  }

  /** The numbers of the only result without a file, or null. */
  @Nullable List<Object> json() {
    return shown.isEmpty() ? null : Table.json(shown.getFirst().tensor());
  }

  private static boolean same(Path output, Path input) {
    try {
      return Files.exists(output) && Files.isSameFile(output, input);
    } catch (IOException e) {
      throw new CommandException(
          message("cannot compare %s with %s; check their permissions", output, input));
    }
  }

  /** Writes all files before the first one gets its name. */
  void commit() {
    Progress.during("writing", () -> files.forEach(NpyOutput::write));
    files.forEach(NpyOutput::commit);
  }

  @Override
  public void close() {
    files.forEach(NpyOutput::close);
  }
}
