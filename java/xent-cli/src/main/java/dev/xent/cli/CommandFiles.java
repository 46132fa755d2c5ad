// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.files.NpyFile;
import dev.xent.files.NpyOutput;
import dev.xent.files.WholeFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The files of a command. An output cannot replace an input, and none has its name before {@link
 * #commit}. Read all inputs before you create an output.
 */
final class CommandFiles implements AutoCloseable {
  private final FileMemory memory = new FileMemory();
  private final List<Path> inputs = new ArrayList<>();
  private final List<NpyOutput> outputs = new ArrayList<>();
  private final Set<Path> targets = new HashSet<>();
  private final List<Result> shown = new ArrayList<>();

  private record Result(Tensor tensor, String option) {}

  /** The numbers of a file of any type. */
  Tensor numbers(Path path) {
    return memory.tensor(open(path));
  }

  /** The numbers of a file of floats. */
  Tensor floats(Path path) {
    return read(path, DType::isFloat, CommandFiles::kind, "floats: save x.astype('<f4')");
  }

  /** The numbers of a file of floats that an output may replace. */
  Tensor replaceableFloats(Path path) {
    Tensor floats = floats(path);
    inputs.removeLast();
    return floats;
  }

  /** The numbers of a file of floats, or of one tensor of a file. */
  Tensor floats(TensorFile file) {
    if (file.name() == null) {
      return floats(file.path());
    }
    inputs.add(file.path());
    return memory.tensor(file.path(), file.name());
  }

  /** The numbers of a file of integers. */
  Tensor integers(Path path) {
    return read(path, DType::isInteger, CommandFiles::kind, "integers: save x.astype('<i8')");
  }

  /** The flags of a file: booleans, or bytes, where any value other than 0 is true. */
  Tensor flags(Path path) {
    return read(path, type -> type == DType.U8, Converters::name, "a mask: save m.astype(bool)");
  }

  /** The weights of a file: floats, or flags that are 0 or 1. */
  Tensor weights(Path path) {
    return read(
        path,
        type -> type.isFloat() || type == DType.U8,
        CommandFiles::kind,
        "weights: save w.astype('<f4'), or a mask as booleans");
  }

  private NpyFile open(Path path) {
    inputs.add(path);
    return memory.open(path);
  }

  private Tensor read(
      Path path, Predicate<DType> accepted, Function<DType, String> kind, String expected) {
    NpyFile file = open(path);
    if (!accepted.test(file.type())) {
      throw new CommandException(
          message("%s holds %s; expected %s", path, kind.apply(file.type()), expected));
    }
    return memory.tensor(file);
  }

  private static String kind(DType type) {
    String kind =
        type.isFloat() ? "floats" : type == DType.U8 ? "booleans or integers" : "integers";
    return message("%s (%s)", kind, Converters.name(type));
  }

  /** Memory for an intermediate result. */
  Tensor allocate(DType type, long[] shape) {
    return memory.allocate(type, shape);
  }

  /** Creates a file that is written through the tensor; null without a path. */
  @Nullable Tensor create(@Nullable Path path, DType type, long[] shape) {
    if (path == null) {
      return null;
    }
    if (inputs.stream().anyMatch(input -> same(path, input))) {
      throw new CommandException(path + " is an input of this command; name another output file");
    }
    if (!targets.add(WholeFile.target(path, ".npy"))) {
      throw new CommandException(
          path + " is named for two outputs; name a different file for each");
    }
    WholeFile.sweep(path);
    // This writes every byte once, which takes seconds for a large file.
    Progress.during("making room", () -> outputs.add(memory.create(path, type, shape)));
    return outputs.getLast().tensor();
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

  /** Writes all output files before the first one gets its name. */
  void commit() {
    Progress.during("writing", () -> outputs.forEach(NpyOutput::write));
    outputs.forEach(NpyOutput::commit);
  }

  @Override
  public void close() {
    try (memory) {
      outputs.forEach(NpyOutput::close);
    }
  }
}
