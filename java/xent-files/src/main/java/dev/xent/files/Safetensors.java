// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.adapter.Sharing.unusable;
import static dev.xent.internal.text.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A .safetensors file, which stores tensors by name, such as the weights of a model. The file is
 * mapped into memory and can have any size.
 *
 * <table>
 *   <caption>Types</caption>
 *   <tr><th>file</th><th>type</th></tr>
 *   <tr><td>F32, F64, F16, BF16</td><td>the same</td></tr>
 *   <tr><td>I8, I16, I32, I64, U16, U32, U64</td><td>the same</td></tr>
 *   <tr><td>U8, BOOL</td><td>U8</td></tr>
 * </table>
 *
 * <p>{@code tensor} and {@code copy} reject a tensor of another type of the format (F8_E4M3, C64,
 * ...) by name; the other tensors of the file can be read. A type that the format does not define
 * makes the file damaged. A tensor without axes becomes a tensor of shape [1].
 *
 * <p>Opening a file checks the whole header: its length, its UTF-8 and JSON, that each name and
 * each key appears once, that the size of each tensor matches its shape, and that the tensors are
 * contiguous and fill the file. Keys of a tensor that the format does not define are ignored.
 *
 * <p>Lifetimes, errors and threads: {@link dev.xent.files}. Instances are immutable.
 */
public final class Safetensors {
  /** The longest header, as in the format's own library. */
  static final int MAX_HEADER = 100_000_000;

  private static final int SHORTEST_HEADER = 2;

  /** The largest number of names in a message. */
  private static final int MOST_NAMES = 3;

  private final Path path;
  private final SafetensorsHeader header;
  private final long start;
  private final MemorySegment data;

  private Safetensors(Path path, SafetensorsHeader header, long start, MemorySegment data) {
    this.path = path;
    this.header = header;
    this.start = start;
    this.data = data;
  }

  /**
   * Maps a file.
   *
   * @param arena owns the mapping
   * @throws FileException if it is missing, is not a .safetensors file, is damaged, or has a tensor
   *     of a type that the format does not have
   * @throws MemoryException if the arena is closed or another thread's
   */
  public static Safetensors open(Path path, Arena arena) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(arena, "arena");
    return InputFile.open(path, ".safetensors", channel -> map(path, channel, arena));
  }

  private static Safetensors map(Path path, FileChannel channel, Arena arena) throws IOException {
    long size = channel.size();
    if (size < Long.BYTES + SHORTEST_HEADER) {
      throw new FileException("is too short for a .safetensors file; save it again");
    }
    long length = InputFile.read(channel, 0, Long.BYTES).getLong();
    if (Long.compareUnsigned(length, MAX_HEADER) > 0) {
      throw new FileException(
          message(
              "is not a .safetensors file, or has a header of %s bytes; at most %d are read",
              Long.toUnsignedString(length), MAX_HEADER));
    }
    if (length > size - Long.BYTES) {
      throw new FileException("ends within its header; it was cut off, copy or save it again");
    }
    byte[] text = InputFile.read(channel, Long.BYTES, (int) length).array();
    if (!isObject(text)) {
      throw new FileException(
          "is not a .safetensors file (its header does not begin with a brace); make one with safetensors");
    }
    SafetensorsHeader header = SafetensorsParser.parse(text);
    long start = Long.BYTES + length;
    header.requireToFill(size - start);
    MemorySegment data =
        InputFile.map(channel, MapMode.READ_ONLY, start, size - start, arena).asReadOnly();
    return new Safetensors(path, header, start, data);
  }

  /** Whether the first character other than white space is a brace. */
  private static boolean isObject(byte[] text) {
    int at = 0;
    while (at < text.length && " \t\r\n".indexOf(text[at]) >= 0) {
      at++;
    }
    return at < text.length && text[at] == '{';
  }

  /** The path as the caller passed it. */
  public Path path() {
    return path;
  }

  /** The names of all tensors, in the order of the header; unmodifiable. */
  public Set<String> names() {
    return Collections.unmodifiableSet(header.tensors().keySet());
  }

  /** The metadata that the writer of the file stored, often {@code format}; unmodifiable. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /**
   * The type of a tensor as the file names it: {@code BF16}, or an unsupported type such as {@code
   * F8_E4M3}.
   *
   * @throws FileException if there is no such tensor
   */
  public String dtype(String name) {
    return entry(name).type().toString();
  }

  /**
   * The sizes of a tensor's axes, in a new array; empty for a single number.
   *
   * @throws FileException if there is no such tensor
   */
  public long[] shape(String name) {
    return entry(name).shape().clone();
  }

  /**
   * Whether {@link #tensor} can view the tensor, which requires that it is aligned to its element
   * size.
   *
   * @throws FileException if there is no such tensor
   * @throws DTypeException if Xent has no such type
   */
  public boolean isAligned(String name) {
    SafetensorsEntry entry = entry(name);
    return isAligned(bytes(entry), type(name, entry));
  }

  private static boolean isAligned(MemorySegment bytes, DType type) {
    return bytes.byteSize() == 0 || bytes.address() % type.byteSize() == 0;
  }

  /**
   * A tensor over the mapped file: read-only and row-major.
   *
   * @throws FileException if there is no such tensor, or it begins at an offset that is not a
   *     multiple of its element size: use {@link #copy} for such a tensor
   * @throws DTypeException if Xent has no such type
   */
  public Tensor tensor(String name) {
    SafetensorsEntry entry = entry(name);
    DType type = type(name, entry);
    MemorySegment bytes = bytes(entry);
    if (!isAligned(bytes, type)) {
      throw new FileException(
          message(
              "%s has tensor '%s' at byte %d, no multiple of the %d bytes of %s; read it with copy(name, arena), or save the file again",
              path, Shown.word(name), start + entry.begin(), type.byteSize(), type));
    }
    return over(bytes.byteSize() > 0 ? bytes : MemorySegment.NULL.asReadOnly(), entry, type);
  }

  /**
   * A writable copy of a tensor.
   *
   * @param arena owns the copy
   * @throws FileException if there is no such tensor
   * @throws DTypeException if Xent has no such type
   * @throws MemoryException if an arena is closed or another thread's
   */
  public Tensor copy(String name, Arena arena) {
    Objects.requireNonNull(arena, "arena");
    SafetensorsEntry entry = entry(name);
    DType type = type(name, entry);
    MemorySegment bytes = bytes(entry);
    try {
      return over(arena.allocate(bytes.byteSize(), type.byteSize()).copyFrom(bytes), entry, type);
    } catch (IllegalStateException | WrongThreadException e) {
      throw unusable(e);
    }
  }

  private static Tensor over(MemorySegment bytes, SafetensorsEntry entry, DType type) {
    long[] shape = entry.shape();
    return Tensor.of(bytes, type, shape.length == 0 ? new long[] {1} : shape);
  }

  private MemorySegment bytes(SafetensorsEntry entry) {
    return data.asSlice(entry.begin(), entry.end() - entry.begin());
  }

  private SafetensorsEntry entry(String name) {
    SafetensorsEntry entry = header.tensors().get(Objects.requireNonNull(name, "name"));
    if (entry == null) {
      throw new FileException(
          message("%s has no tensor '%s'; %s", path, Shown.word(name), names(name)));
    }
    return entry;
  }

  /** The fix for a missing name: the names that exist, nearest first. */
  private String names(String missing) {
    Set<String> names = header.tensors().keySet();
    if (names.isEmpty()) {
      return "the file has no tensors: use another file";
    }
    String nearest =
        names.stream()
            .sorted(Comparator.comparingInt((String name) -> -alike(name, missing)))
            .limit(MOST_NAMES)
            .map(name -> "'" + Shown.start(name) + "'")
            .collect(Collectors.joining(", "));
    return names.size() <= MOST_NAMES
        ? "name " + (names.size() == 1 ? "" : "one of ") + nearest
        : message("name one of its %d, such as %s", names.size(), nearest);
  }

  /** The length of the common prefix plus the common suffix of two names. */
  private static int alike(String name, String other) {
    int most = Math.min(name.length(), other.length());
    int begin = 0;
    while (begin < most && name.charAt(begin) == other.charAt(begin)) {
      begin++;
    }
    int end = 0;
    while (end < most - begin
        && name.charAt(name.length() - 1 - end) == other.charAt(other.length() - 1 - end)) {
      end++;
    }
    return begin + end;
  }

  private DType type(String name, SafetensorsEntry entry) {
    DType type = entry.type().type;
    if (type == null) {
      throw new DTypeException(
          message(
              "tensor '%s' of %s has dtype %s, which is not read: %s",
              Shown.word(name), Shown.line(path.toString()), entry.type(), entry.type().fix()));
    }
    return type;
  }
}
