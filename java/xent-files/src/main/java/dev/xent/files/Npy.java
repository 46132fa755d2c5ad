// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Objects;

/**
 * NumPy's .npy files as tensors.
 *
 * <p>Versions 1.0, 2.0 and 3.0 are read, in C order and in Fortran order (as strides), of any size:
 *
 * <table>
 *   <caption>Types</caption>
 *   <tr><th>NumPy</th><th>type</th></tr>
 *   <tr><td>f4, f8, f2</td><td>F32, F64, F16</td></tr>
 *   <tr><td>bfloat16 of ml_dtypes ({@code <V2})</td><td>BF16</td></tr>
 *   <tr><td>i1, i2, i4, i8</td><td>I8, I16, I32, I64</td></tr>
 *   <tr><td>u2, u4, u8</td><td>U16, U32, U64</td></tr>
 *   <tr><td>u1, bool</td><td>U8</td></tr>
 * </table>
 *
 * <p>Other types are rejected by name: big-endian numbers, wider unsigned integers, complex
 * numbers, strings, objects, structured types. An array without axes, which NumPy calls
 * 0-dimensional, becomes a tensor of shape [1]. Files are written in version 1.0 and C order, and
 * the numbers begin at a multiple of 64 bytes.
 *
 * <p>Lifetimes, errors and threads: {@link dev.xent.files}.
 */
public final class Npy {
  private Npy() {}

  /**
   * Maps a file and returns its type, its shape and its numbers.
   *
   * @param arena owns the mapping
   * @throws FileException if the file is missing, is not a .npy file, is shorter or longer than its
   *     header says, or has elements of an unsupported type
   * @throws dev.xent.errors.MemoryException if the arena is closed or another thread's
   */
  public static NpyFile open(Path path, Arena arena) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(arena, "arena");
    return InputFile.open(path, ".npy", channel -> NpyFile.map(path, channel, arena));
  }

  /**
   * A read-only view of the numbers of a file, over the mapped memory.
   *
   * @param arena owns the mapping
   * @return in the order of the file: contiguous in C order, with strides in Fortran order
   * @throws FileException as {@link #open}; also if the numbers begin at an offset that is not a
   *     multiple of their size, which NumPy never writes: use {@link #copy} for such files
   * @throws dev.xent.errors.MemoryException if the arena is closed or another thread's
   */
  public static Tensor map(Path path, Arena arena) {
    return open(path, arena).tensor();
  }

  /**
   * Reads a file into memory and returns its type, its shape and its numbers. The file is not
   * mapped, so later changes of the file do not affect the result. If the file becomes shorter
   * during the call, the call throws.
   *
   * @param arena owns the memory
   * @throws FileException as {@link #open}
   * @throws dev.xent.errors.MemoryException if the arena is closed or another thread's
   * @throws OutOfMemoryError if there is not enough memory
   */
  public static NpyFile read(Path path, Arena arena) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(arena, "arena");
    return InputFile.open(path, ".npy", channel -> NpyFile.read(path, channel, arena));
  }

  /**
   * A writable copy of the numbers of a file.
   *
   * @param arena owns the copy; the file is {@link #read}, not mapped
   * @return in the order of the file: contiguous in C order, with strides in Fortran order
   * @throws FileException as {@link #open}
   * @throws dev.xent.errors.MemoryException if the arena is closed or another thread's
   * @throws OutOfMemoryError if there is not enough memory
   */
  public static Tensor copy(Path path, Arena arena) {
    return read(path, arena).own();
  }

  /**
   * Creates a file of zeros that is mapped for writing. The file is not visible under its name
   * before {@link NpyOutput#commit}.
   *
   * @param arena owns the mapping
   * @param shape sizes of the axes; empty for a single number
   * @throws dev.xent.errors.ShapeException for a negative size, more than 64 axes or more than 2^63
   *     bytes
   * @throws FileException if the file cannot be created there, or the disk has no room for it
   * @throws dev.xent.errors.MemoryException if the arena is closed or another thread's
   */
  public static NpyOutput create(Path path, DType type, long[] shape, Arena arena) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(shape, "shape");
    Objects.requireNonNull(arena, "arena");
    return NpyOutput.create(path, type, shape, true, arena);
  }

  /**
   * As {@link #create}, but the tensor is in memory of the arena, and {@link NpyOutput#write} or
   * {@link NpyOutput#commit} writes it to the file. Use it for tensors that fit in memory, and if
   * changes of the file by others must not affect the computation.
   *
   * @param arena owns the memory
   * @param shape sizes of the axes; empty for a single number
   * @throws dev.xent.errors.ShapeException for a negative size, more than 64 axes or more than 2^63
   *     bytes
   * @throws FileException if the file cannot be created there
   * @throws dev.xent.errors.MemoryException if the arena is closed or another thread's
   * @throws OutOfMemoryError if there is not enough memory
   */
  public static NpyOutput createInMemory(Path path, DType type, long[] shape, Arena arena) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(shape, "shape");
    Objects.requireNonNull(arena, "arena");
    return NpyOutput.create(path, type, shape, false, arena);
  }

  /**
   * Writes a tensor of any strides in C order. The file appears complete or not at all, and
   * replaces an existing file.
   *
   * @throws dev.xent.errors.ShapeException for more than 64 axes
   * @throws FileException if the file cannot be created there, or the disk has no room for it
   * @throws dev.xent.errors.MemoryException if the tensor's memory is closed or another thread's
   */
  public static void write(Path path, Tensor tensor) {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(tensor, "tensor is null; expected a tensor");
    try (Arena mapping = Arena.ofConfined();
        NpyOutput output = create(path, tensor.type(), tensor.shape(), mapping)) {
      output.tensor().copyFrom(tensor);
      output.commit();
    }
  }
}
