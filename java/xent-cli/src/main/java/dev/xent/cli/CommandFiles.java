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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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
  private Tensor result;
  private @Nullable Tensor shown;
  private String optionOfFile = "";
  private @Nullable Path piped;

  /** The numbers of a file of any type. */
  Tensor numbers(InputFile file) {
    if (file.path() != null) {
      inputs.add(file.path());
    }
    return memory.tensor(file);
  }

  /** The numbers of a file of floats. */
  Tensor floats(InputFile file) {
    return read(file, DType::isFloat, CommandFiles::kind, "floats: save x.astype('<f4')");
  }

  /** The numbers of a file of floats that an output may replace. */
  Tensor replaceableFloats(InputFile file) {
    Tensor floats = floats(file);
    inputs.remove(file.path());
    return floats;
  }

  /** The numbers of a file of integers. */
  Tensor integers(InputFile file) {
    return read(file, DType::isInteger, CommandFiles::kind, "integers: save x.astype('<i8')");
  }

  /** The flags of a file: booleans, or bytes, where any value other than 0 is true. */
  Tensor flags(InputFile file) {
    return read(file, type -> type == DType.U8, Converters::name, "a mask: save m.astype(bool)");
  }

  /** The weights of a file: floats, or flags that are 0 or 1. */
  Tensor weights(InputFile file) {
    return read(
        file,
        type -> type.isFloat() || type == DType.U8,
        CommandFiles::kind,
        "weights: save w.astype('<f4'), or a mask as booleans");
  }

  private Tensor read(
      InputFile file, Predicate<DType> accepted, Function<DType, String> kind, String expected) {
    Tensor tensor = numbers(file);
    if (!accepted.test(tensor.type())) {
      throw new CommandException(
          message("%s holds %s; expected %s", file, kind.apply(tensor.type()), expected));
    }
    return tensor;
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
    Path file = path;
    if (path.equals(Converters.STANDARD)) {
      piped = memory.temporary();
      file = piped;
    } else {
      WholeFile.sweep(path);
    }
    Path target = file;
    // This writes every byte once, which takes seconds for a large file.
    Progress.during("making room", () -> outputs.add(memory.create(target, type, shape)));
    return outputs.getLast().tensor();
  }

  /**
   * Creates a file for the result; without a path, allocates memory for a result that {@link #show}
   * prints.
   *
   * @param option that names the file
   */
  Tensor createOrShow(@Nullable Path path, String option, DType type, long[] shape) {
    Tensor file = create(path, type, shape);
    if (file == null) {
      shown = memory.allocate(type, shape);
      optionOfFile = option;
    }
    result = file == null ? shown : file;
    return result;
  }

  /** Prints the result if it has no file. */
  void show(PrintWriter out) {
    if (shown != null) {
      out.println(Table.of(shown, optionOfFile));
    }
  }

  /** The numbers of the result if it has no file, or null. */
  @Nullable List<Object> json() {
    return shown == null ? null : Table.json(shown);
  }

  /** Adds the members of the result to a JSON object. */
  void addTo(Map<String, Object> object) {
    object.put("dtype", Converters.name(result.type()));
    object.put("shape", result.shape());
    if (shown != null) {
      object.put("values", json());
    }
  }

  /** Whether standard output has the bytes of a file. */
  boolean arePiped() {
    return piped != null;
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
    if (piped != null) {
      try {
        Files.copy(piped, System.out);
      } catch (IOException e) {
        throw new CommandException(message("%s cannot be read (%s); name a file", piped, e));
      }
    }
  }

  @Override
  public void close() {
    try (memory) {
      outputs.forEach(NpyOutput::close);
    }
  }
}
