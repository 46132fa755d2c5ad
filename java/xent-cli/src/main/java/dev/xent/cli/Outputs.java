// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.cli.npy.NpyOutput;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The files that a command writes: none of them is seen before {@link #commit}. */
final class Outputs implements AutoCloseable {
  private final Arena arena;
  private final List<NpyOutput> files = new ArrayList<>();

  Outputs(Arena arena) {
    this.arena = arena;
  }

  /** A float32 file to be written through the tensor; null when no file was asked for. */
  @Nullable Tensor create(@Nullable Path path, long[] shape) {
    if (path == null) {
      return null;
    }
    NpyOutput file = NpyOutput.create(path, DType.F32, shape, arena);
    boolean taken = files.stream().anyMatch(other -> other.target().equals(file.target()));
    files.add(file);
    if (taken) {
      throw new CommandException(
          path + " is named for two outputs; give each output a file of its own");
    }
    return file.tensor();
  }

  void commit() {
    files.forEach(NpyOutput::commit);
  }

  @Override
  public void close() {
    files.forEach(NpyOutput::close);
  }
}
