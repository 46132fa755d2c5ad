// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.lang.reflect.Array;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A view of memory: a segment with an element type, a shape and strides. Writing through it writes
 * the memory it was made from. Of the methods that make a tensor, only {@code copyOf} copies.
 *
 * <p>A tensor can be made from off-heap segments (also of mapped files), a raw address, direct and
 * heap buffers, and Java arrays. Element {@code [i, j, …]} is {@code i * strides[0] + j *
 * strides[1] + …} elements after the first one. Every tensor has at least one dimension; sizes may
 * be 0. Bytes are little-endian, the order of the machines that Xent runs on.
 *
 * <p>Instances are immutable. Threads may share one as far as its memory allows: memory of {@link
 * Arena#ofConfined()} belongs to one thread. Order the writes of one thread before the reads of
 * another by your own synchronisation.
 *
 * <p>A setter takes the value first, then one index per dimension: {@code tensor.setFloat(0.5f, i,
 * j)}.
 *
 * <p>All methods throw {@link ShapeException} for invalid sizes, axes or indices, and {@link
 * MemoryException} for memory that is too small, misaligned or of the wrong byte order. For memory
 * that is closed, confined to another thread or rejected by its {@link MemoryGuard}, the method
 * that uses its elements throws.
 */
@CheckReturnValue
public sealed interface Tensor permits View {
  // ---- from segments and addresses -------------------------------------------------------------

  /**
   * Returns a row-major tensor without gaps at the start of a segment, which may be longer.
   *
   * @param segment off-heap, mapped or heap memory; the tensor of a read-only segment is read-only
   */
  static Tensor of(MemorySegment segment, DType type, long... shape) {
    NullChecks.require(segment, "segment", "a memory segment");
    requireType(type);
    long[] own = fixed(shape);
    Strides.elements(own);
    return View.of(segment, type.element, own, Strides.rowMajor(own), null);
  }

  /**
   * Returns a tensor with these strides.
   *
   * @param strides in elements, 0 or more, one per size; 0 repeats an element, which inputs may
   */
  static Tensor strided(MemorySegment segment, DType type, long[] shape, long[] strides) {
    NullChecks.require(segment, "segment", "a memory segment");
    requireType(type);
    Objects.requireNonNull(shape, "shape");
    Objects.requireNonNull(strides, "strides");
    return View.of(segment, type.element, shape.clone(), strides.clone(), null);
  }

  /**
   * Returns a row-major tensor over memory that something else manages: a tensor of another
   * library, say.
   *
   * @param address of the first element
   * @param byteSize how many bytes may be used from there on; the caller vouches for them
   * @param owner stays reachable as long as this tensor, its views, their segments and calls that
   *     use them; or null when something else keeps the memory
   */
  static Tensor ofAddress(
      long address, long byteSize, @Nullable Object owner, DType type, long... shape) {
    requireType(type);
    long[] own = fixed(shape);
    Strides.elements(own);
    return View.of(Memory.at(address, byteSize), type.element, own, Strides.rowMajor(own), owner);
  }

  /** Returns a new row-major tensor of zeros that lives as long as the arena. */
  static Tensor allocate(Arena arena, DType type, long... shape) {
    NullChecks.require(arena, "arena", "an arena");
    requireType(type);
    long[] own = fixed(shape);
    MemorySegment segment = Memory.allocate(arena, type.element, Strides.elements(own));
    return View.of(segment, type.element, own, Strides.rowMajor(own), null);
  }

  /**
   * Returns a new row-major tensor of zeros, off the heap. The memory is freed some time after the
   * tensor, its views and their segments have become unreachable; to free it at a certain moment,
   * {@link #allocate(Arena, DType, long...)}. Any thread may use it.
   */
  static Tensor allocate(DType type, long... shape) {
    requireType(type);
    return View.room(type.element, fixed(shape));
  }

  // ---- from arrays -----------------------------------------------------------------------------

  /**
   * Returns a tensor F32 over a Java array.
   *
   * @param shape of the array's elements; one size may be -1; without any: one dimension
   */
  static Tensor of(float[] values, long... shape) {
    NullChecks.require(values, "values", "an array");
    return array(values, MemorySegment.ofArray(values), DType.F32, values.length, shape);
  }

  /**
   * Returns a tensor F32 {@code [rows, columns]} over a Java array: for languages that do not make
   * an {@code int} a {@code long}.
   *
   * @param rows their number; one of the two may be -1
   * @param columns the length of a row
   */
  static Tensor of(float[] values, int rows, int columns) {
    return of(values, (long) rows, (long) columns);
  }

  /**
   * Returns a tensor F64 over a Java array.
   *
   * @param shape of the array's elements; one size may be -1; without any: one dimension
   */
  static Tensor of(double[] values, long... shape) {
    NullChecks.require(values, "values", "an array");
    return array(values, MemorySegment.ofArray(values), DType.F64, values.length, shape);
  }

  /**
   * Returns a tensor F64 {@code [rows, columns]} over a Java array: for languages that do not make
   * an {@code int} a {@code long}.
   *
   * @param rows their number; one of the two may be -1
   * @param columns the length of a row
   */
  static Tensor of(double[] values, int rows, int columns) {
    return of(values, (long) rows, (long) columns);
  }

  /**
   * Returns a tensor I32 over a Java array.
   *
   * @param shape of the array's elements; one size may be -1; without any: one dimension
   */
  static Tensor of(int[] values, long... shape) {
    NullChecks.require(values, "values", "an array");
    return array(values, MemorySegment.ofArray(values), DType.I32, values.length, shape);
  }

  /**
   * Returns a tensor I32 {@code [rows, columns]} over a Java array: for languages that do not make
   * an {@code int} a {@code long}.
   *
   * @param rows their number; one of the two may be -1
   * @param columns the length of a row
   */
  static Tensor of(int[] values, int rows, int columns) {
    return of(values, (long) rows, (long) columns);
  }

  /**
   * Returns a tensor I64 over a Java array.
   *
   * @param shape of the array's elements; one size may be -1; without any: one dimension
   */
  static Tensor of(long[] values, long... shape) {
    NullChecks.require(values, "values", "an array");
    return array(values, MemorySegment.ofArray(values), DType.I64, values.length, shape);
  }

  /**
   * Returns a tensor I64 {@code [rows, columns]} over a Java array: for languages that do not make
   * an {@code int} a {@code long}.
   *
   * @param rows their number; one of the two may be -1
   * @param columns the length of a row
   */
  static Tensor of(long[] values, int rows, int columns) {
    return of(values, (long) rows, (long) columns);
  }

  /**
   * Returns a tensor I16 over a Java array; of F16 or BF16: {@link #of(short[], DType, long...)}.
   *
   * @param shape of the array's elements; one size may be -1; without any: one dimension
   */
  static Tensor of(short[] values, long... shape) {
    NullChecks.require(values, "values", "an array");
    return array(values, MemorySegment.ofArray(values), DType.I16, values.length, shape);
  }

  /**
   * Returns a tensor over a Java array of 16-bit numbers, such as the output of a model in half
   * precision.
   *
   * @param type F16, BF16, I16 or U16
   * @param shape of the array's elements; one size may be -1; without any: one dimension
   * @throws DTypeException for a type of another size
   */
  static Tensor of(short[] values, DType type, long... shape) {
    NullChecks.require(values, "values", "an array");
    requireType(type);
    Objects.requireNonNull(shape, "shape");
    if (type.byteSize() != Short.BYTES) {
      throw new DTypeException(
          message("type is %s, a short has 16 bits; expected F16, BF16, I16 or U16", type));
    }
    return array(values, MemorySegment.ofArray(values), type, values.length, shape);
  }

  /**
   * Returns a tensor I8 over a Java array. For other types over bytes: {@link #of(MemorySegment,
   * DType, long...)}.
   *
   * @param shape of the array's elements; one size may be -1; without any: one dimension
   */
  static Tensor of(byte[] values, long... shape) {
    NullChecks.require(values, "values", "an array");
    return array(values, MemorySegment.ofArray(values), DType.I8, values.length, shape);
  }

  /**
   * Copies rows into a tensor F32 {@code [rows, columns]}, because Java keeps each row in its own
   * array. The new memory is off the heap, in an automatic arena: any thread may use it, as long as
   * the tensor is reachable.
   *
   * @param rows of one length; if there may be none, use {@link #copyOf(float[][], int)}
   * @throws ShapeException if they have different lengths
   */
  static Tensor copyOf(float[][] rows) {
    NullChecks.require(rows, "rows", "an array of rows");
    int columns = rows.length == 0 ? 0 : lengthOf(rows, 0);
    return copy(
        DType.F32,
        ValueLayout.JAVA_FLOAT,
        rows,
        columns,
        "rows[0] has %d; expected rows of one length");
  }

  /**
   * Copies rows as {@link #copyOf(float[][])} does. A batch without rows has the shape {@code [0,
   * columns]}, and the results of operations are empty.
   *
   * @param rows any number of them
   * @param columns the length of each
   * @throws ShapeException if a row has another length
   */
  static Tensor copyOf(float[][] rows, int columns) {
    NullChecks.require(rows, "rows", "an array of rows");
    return copy(
        DType.F32,
        ValueLayout.JAVA_FLOAT,
        rows,
        columns,
        "columns is %d; expected rows of that length");
  }

  /**
   * Copies rows into a tensor F64 {@code [rows, columns]}, as {@link #copyOf(float[][])} does.
   *
   * @param rows one or more, of one length
   * @throws ShapeException if they have different lengths
   */
  static Tensor copyOf(double[][] rows) {
    NullChecks.require(rows, "rows", "an array of rows");
    int columns = rows.length == 0 ? 0 : lengthOf(rows, 0);
    return copy(
        DType.F64,
        ValueLayout.JAVA_DOUBLE,
        rows,
        columns,
        "rows[0] has %d; expected rows of one length");
  }

  private static int lengthOf(@Nullable Object[] rows, int i) {
    if (rows[i] == null) {
      throw new NullPointerException(message("rows[%d] is null; expected an array", i));
    }
    return Array.getLength(rows[i]);
  }

  private static Tensor copy(
      DType type, ValueLayout layout, Object[] rows, int columns, String expected) {
    for (int i = 0; i < rows.length; i++) {
      int length = lengthOf(rows, i);
      if (length != columns) {
        throw new ShapeException(
            message("rows[%d] has %s, " + expected, i, plural(length, "element"), columns));
      }
    }
    View tensor = View.room(type.element, rows.length, columns);
    for (int i = 0; i < rows.length; i++) {
      long at = (long) i * columns * layout.byteSize();
      MemorySegment.copy(rows[i], 0, tensor.segment, layout, at, columns);
    }
    return tensor;
  }

  // ---- from buffers ----------------------------------------------------------------------------

  /**
   * Returns a tensor F32 over the elements from the buffer's position to its limit; later changes
   * of these do not matter.
   *
   * @param shape of the elements that remain in the buffer; one size may be -1; without any: one
   *     dimension
   */
  static Tensor of(FloatBuffer buffer, long... shape) {
    requireBuffer(buffer);
    Memory.requireNativeOrder(buffer.order());
    return whole(MemorySegment.ofBuffer(buffer), DType.F32, buffer, shape);
  }

  /**
   * Returns a tensor F64 over the elements from the buffer's position to its limit; later changes
   * of these do not matter.
   *
   * @param shape of the elements that remain in the buffer; one size may be -1; without any: one
   *     dimension
   */
  static Tensor of(DoubleBuffer buffer, long... shape) {
    requireBuffer(buffer);
    Memory.requireNativeOrder(buffer.order());
    return whole(MemorySegment.ofBuffer(buffer), DType.F64, buffer, shape);
  }

  /**
   * Returns a tensor I32 over the elements from the buffer's position to its limit.
   *
   * @param shape of the elements that remain in the buffer; one size may be -1; without any: one
   *     dimension
   */
  static Tensor of(IntBuffer buffer, long... shape) {
    requireBuffer(buffer);
    Memory.requireNativeOrder(buffer.order());
    return whole(MemorySegment.ofBuffer(buffer), DType.I32, buffer, shape);
  }

  /**
   * Returns a tensor I64 over the elements from the buffer's position to its limit.
   *
   * @param shape of the elements that remain in the buffer; one size may be -1; without any: one
   *     dimension
   */
  static Tensor of(LongBuffer buffer, long... shape) {
    requireBuffer(buffer);
    Memory.requireNativeOrder(buffer.order());
    return whole(MemorySegment.ofBuffer(buffer), DType.I64, buffer, shape);
  }

  /**
   * Returns a tensor I16 over the elements from the buffer's position to its limit.
   *
   * @param shape of the elements that remain in the buffer; one size may be -1; without any: one
   *     dimension
   */
  static Tensor of(ShortBuffer buffer, long... shape) {
    requireBuffer(buffer);
    Memory.requireNativeOrder(buffer.order());
    return whole(MemorySegment.ofBuffer(buffer), DType.I16, buffer, shape);
  }

  /**
   * Returns any type over the bytes from the buffer's position to its limit. A buffer on the heap
   * is a {@code byte[]}, which is aligned for types of one byte alone, also under a view such as
   * {@code asFloatBuffer()}: take a direct one for others.
   *
   * @param buffer little-endian ({@code order(ByteOrder.nativeOrder())}) unless the type has one
   *     byte
   * @param shape of the elements that remain in the buffer; one size may be -1; without any: one
   *     dimension
   */
  static Tensor of(ByteBuffer buffer, DType type, long... shape) {
    requireBuffer(buffer);
    requireType(type);
    if (type.byteSize() > 1) {
      Memory.requireNativeOrder(buffer.order());
    }
    if (buffer.remaining() % type.byteSize() != 0) {
      throw new MemoryException(
          message(
              "the buffer has %s left, not a multiple of the %d bytes of %s: set its limit",
              plural(buffer.remaining(), "byte"), type.byteSize(), type));
    }
    return whole(MemorySegment.ofBuffer(buffer), type, buffer, shape);
  }

  private static void requireType(DType type) {
    NullChecks.require(type, "type", "a type such as F32");
  }

  private static void requireBuffer(Buffer buffer) {
    NullChecks.require(buffer, "buffer", "a buffer: that of a tensor of another type may be null");
  }

  /** A tensor of all elements of the segment of a buffer. */
  private static Tensor whole(MemorySegment segment, DType type, Buffer buffer, long[] shape) {
    long[] own = shapeOf(segment.byteSize() / type.byteSize(), shape, buffer.position());
    return View.of(segment, type.element, own, Strides.rowMajor(own), null);
  }

  /** The same of a Java array, whose segment fits it. */
  private static Tensor array(
      Object array, MemorySegment segment, DType type, int length, long[] shape) {
    return View.ofArray(array, segment, type.element, shapeOf(length, shape, 0), length);
  }

  /** A copy of a shape that leaves no size open. */
  private static long[] fixed(long[] shape) {
    long[] own = Objects.requireNonNull(shape, "shape").clone();
    for (long size : own) {
      if (size == -1) {
        throw new ShapeException(
            message(
                "shape %s has a negative size: sizes are 0 or more; -1 is for arrays, buffers and"
                    + " reshape",
                Arrays.toString(own)));
      }
    }
    return own;
  }

  /**
   * The shape of all elements.
   *
   * @param position of the buffer that they remain in; 0 for an array
   */
  private static long[] shapeOf(long length, long[] shape, int position) {
    if (Objects.requireNonNull(shape, "shape").length == 0) {
      return new long[] {length};
    }
    long[] own = Strides.inferred(shape, length, "the memory");
    long elements = Strides.elements(own);
    if (elements != length) {
      String start =
          message("shape %s has %s, ", Arrays.toString(own), plural(elements, "element"));
      throw new ShapeException(
          position == 0
              ? start + message("the memory has %d; expected the same number of elements", length)
              : start
                  + message(
                      "the buffer has %d after its position %d; expected the same number of"
                          + " elements. flip() or rewind() sets the position to 0",
                      length, position));
    }
    return own;
  }

  /** What operations work with. */
  private View view() {
    return (View) this;
  }

  // ---- facts -----------------------------------------------------------------------------------

  /** Returns the element type. */
  default DType type() {
    return DType.of(view().type);
  }

  /** Returns the number of dimensions, at least 1. */
  int rank();

  /** Returns the sizes, in a new array. */
  default long[] shape() {
    return view().shape.clone();
  }

  /**
   * Returns one size.
   *
   * @param axis 0 to rank - 1, or -1 (the last) to -rank
   */
  default long dim(int axis) {
    View view = view();
    return view.shape[Strides.axis(axis, view.shape)];
  }

  /** Returns the strides in elements, in a new array. */
  default long[] strides() {
    return view().strides.clone();
  }

  /** Returns the number of elements: the product of the sizes. */
  default long elements() {
    return view().elements;
  }

  /**
   * Returns whether the memory must not be written; operations reject such a tensor as an output.
   */
  default boolean isReadOnly() {
    return view().segment.isReadOnly();
  }

  /** Returns whether the elements are in row-major order without gaps. */
  default boolean isContiguous() {
    return view().contiguous;
  }

  /**
   * Returns the memory from the first element to the last one. The segment, and a buffer made of
   * it, keeps reachable what keeps the memory of this tensor; a {@link MemoryGuard} is called now,
   * not again when the segment is used.
   */
  default MemorySegment segment() {
    View view = view();
    Memory.requireAvailable(view, "the tensor");
    return Memory.kept(view);
  }

  // ---- views -----------------------------------------------------------------------------------

  /**
   * Returns the same elements in the same row-major order under another shape; contiguous tensors
   * only.
   *
   * @param shape with the same number of elements; one size may be -1 and is inferred
   */
  default Tensor reshape(long... shape) {
    View view = view();
    Objects.requireNonNull(shape, "shape");
    if (!view.contiguous) {
      throw new ShapeException(
          message(
              "%s with strides %s is not contiguous and cannot be reshaped: reshape before slicing,"
                  + " or leave it, as operations read any strides",
              view, Arrays.toString(view.strides)));
    }
    long[] own = Strides.inferred(shape, view.elements, view);
    if (Strides.elements(own) != view.elements) {
      throw new ShapeException(
          message(
              "%s has %s, shape %s has %d; expected the same number of elements",
              view, plural(view.elements, "element"), Arrays.toString(own), Strides.elements(own)));
    }
    return view.with(0, own, Strides.rowMajor(own));
  }

  /**
   * Returns the same elements with the dimensions in another order: dimension {@code i} of the
   * result is dimension {@code axes[i]} of this tensor.
   *
   * @param axes every axis once; negative ones count from the end
   */
  default Tensor permute(int... axes) {
    View view = view();
    Objects.requireNonNull(axes, "axes");
    int rank = view.rank();
    long[] shape = new long[rank];
    long[] strides = new long[rank];
    boolean[] used = new boolean[rank];
    if (axes.length != rank) {
      throw permutation(axes);
    }
    for (int d = 0; d < rank; d++) {
      int axis = Strides.axis(axes[d], view.shape);
      if (used[axis]) {
        throw permutation(axes);
      }
      used[axis] = true;
      shape[d] = view.shape[axis];
      strides[d] = view.strides[axis];
    }
    return view.with(0, shape, strides);
  }

  private ShapeException permutation(int[] axes) {
    return new ShapeException(
        message(
            "axes %s do not order the dimensions of %s: name every axis once",
            Arrays.toString(axes), view()));
  }

  /**
   * Returns the part of one axis from index {@code from} up to, not including, {@code to}.
   *
   * @param axis negative ones count from the end
   */
  default Tensor slice(int axis, long from, long to) {
    View view = view();
    int d = Strides.axis(axis, view.shape);
    if (from < 0 || from > view.shape[d]) {
      throw noSlice("from is " + from, axis, 0, view.shape[d]);
    }
    if (to < from || to > view.shape[d]) {
      throw noSlice("to is " + to + ", from is " + from, axis, from, view.shape[d]);
    }
    long[] shape = view.shape.clone();
    shape[d] = to - from;
    return view.with(from * view.strides[d], shape, view.strides);
  }

  private ShapeException noSlice(String problem, int axis, long least, long most) {
    return new ShapeException(
        message(
            "%s, in a slice of axis %d of %s; expected %d to %d",
            problem, axis, view(), least, most));
  }

  /**
   * Returns one index of one axis, without that axis.
   *
   * @param axis negative ones count from the end; the tensor must have another one
   */
  default Tensor select(int axis, long index) {
    View view = view();
    int d = Strides.axis(axis, view.shape);
    if (view.rank() == 1) {
      throw new ShapeException(
          message(
              "select on %s would leave no dimension: use slice or %s",
              view, Memory.Use.GET.methodFor(view.type)));
    }
    Strides.requireIndex(index, d, view);
    int rank = view.rank();
    long[] shape = new long[rank - 1];
    long[] strides = new long[rank - 1];
    for (int from = 0, to = 0; from < rank; from++) {
      if (from != d) {
        shape[to] = view.shape[from];
        strides[to++] = view.strides[from];
      }
    }
    return view.with(index * view.strides[d], shape, strides);
  }

  /** Returns the same memory as a tensor that operations reject as an output. */
  default Tensor asReadOnly() {
    return view().readOnly();
  }

  /**
   * Returns the same memory as a tensor that asks a guard before each use, as its views do:
   * operations, access to elements, copies and {@link #segment()} are rejected with a {@link
   * MemoryException} once the guard gives a reason. The caller must ensure that the memory does not
   * move during a call.
   *
   * @param guard replaces the guard of this tensor; stays reachable as long as the result and its
   *     views
   */
  default Tensor withGuard(MemoryGuard guard) {
    return view().guardedBy(Objects.requireNonNull(guard, "guard")::unavailableReason);
  }

  // ---- elements --------------------------------------------------------------------------------

  /**
   * Returns one element of a tensor of type F32, F16 or BF16.
   *
   * @param index one per dimension, each 0 or more
   * @throws DTypeException when the type is another
   */
  default float getFloat(long... index) {
    View view = view();
    Objects.requireNonNull(index, "index");
    Memory.requireFloat(view, Memory.Use.GET);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.getFloat(view, Strides.offset(index, view));
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns one element of a tensor of any floating-point type.
   *
   * @param index one per dimension, each 0 or more
   * @throws DTypeException when the type is an integer type
   */
  default double getDouble(long... index) {
    View view = view();
    Objects.requireNonNull(index, "index");
    Memory.requireDouble(view, Memory.Use.GET);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.getDouble(view, Strides.offset(index, view));
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns one element of a tensor of any integer type. U8, U16 and U32 are never negative; U64
   * returns the {@code long} of the same bits, which is negative from 2^63 on.
   *
   * @param index one per dimension, each 0 or more
   * @throws DTypeException unless it is an integer type
   */
  default long getLong(long... index) {
    View view = view();
    Objects.requireNonNull(index, "index");
    Memory.requireInteger(view, Memory.Use.GET);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.getLong(view, Strides.offset(index, view));
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Writes one element of a tensor of type F32, F16 or BF16, rounded once to nearest even.
   *
   * @param index one per dimension, each 0 or more
   * @throws DTypeException when the type is another
   */
  default void setFloat(float value, long... index) {
    View view = view();
    Objects.requireNonNull(index, "index");
    Memory.requireFloat(view, Memory.Use.SET);
    Memory.requireWritable(view, "the tensor");
    Memory.requireAvailable(view, "the tensor");
    try {
      Memory.setFloat(view, Strides.offset(index, view), value);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Writes one element of a tensor of any floating-point type, rounded once to nearest even.
   *
   * @param index one per dimension, each 0 or more
   * @throws DTypeException when the type is an integer type
   */
  default void setDouble(double value, long... index) {
    View view = view();
    Objects.requireNonNull(index, "index");
    Memory.requireDouble(view, Memory.Use.SET);
    Memory.requireWritable(view, "the tensor");
    Memory.requireAvailable(view, "the tensor");
    try {
      Memory.setDouble(view, Strides.offset(index, view), value);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Writes one element of a tensor of any integer type.
   *
   * @param value one that the type holds: U8 takes 0 to 255, U64 all that are not negative
   * @param index one per dimension, each 0 or more
   * @throws DTypeException unless it is an integer type, or does not hold the value
   */
  default void setLong(long value, long... index) {
    View view = view();
    Objects.requireNonNull(index, "index");
    Memory.requireInteger(view, Memory.Use.SET);
    Memory.requireHolds(view, value);
    Memory.requireWritable(view, "the tensor");
    Memory.requireAvailable(view, "the tensor");
    try {
      Memory.setLong(view, Strides.offset(index, view), value);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Writes one value to all elements, rounded once to nearest even.
   *
   * @param value any number; of an integer type an integer that it holds
   * @throws DTypeException for a number that an integer type does not hold
   */
  default void fill(double value) {
    View view = view();
    if (view.type.isInteger()) {
      Memory.requireHolds(view, value);
    }
    Memory.requireWritable(view, "the tensor");
    Memory.requireAvailable(view, "the tensor");
    try {
      Memory.fill(view, value);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Copies all elements of another tensor into this one, index by index, with any strides of the
   * two. Between floating-point types every element is rounded once to nearest even; other types
   * must be the same.
   *
   * @param source of the same shape; may be this memory in the same order, which changes nothing,
   *     but not overlap it in any other way
   * @throws MemoryException if the two overlap, before anything is written
   */
  default void copyFrom(Tensor source) {
    View view = view();
    View from = View.of(source, "source");
    boolean converts = from.type.isFloat() && view.type.isFloat();
    if (from.type != view.type && !converts) {
      throw new DTypeException(
          message("%s cannot be copied into %s; expected a tensor of the same type", from, view));
    }
    if (!Arrays.equals(from.shape, view.shape)) {
      throw new ShapeException(
          message("%s cannot be copied into %s; expected the same shape", from, view));
    }
    Memory.requireWritable(view, "the tensor");
    Memory.requireAvailable(from, "the source");
    Memory.requireAvailable(view, "the tensor");
    try {
      if (from.type == view.type) {
        Memory.copy(from, view);
      } else {
        Memory.convert(from, view);
      }
    } finally {
      Reference.reachabilityFence(from.owner);
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns a copy of all elements in row-major order of the indices.
   *
   * @throws DTypeException when the type is not F32, F16 or BF16
   */
  default float[] toFloatArray() {
    View view = view();
    Memory.requireFloat(view, Memory.Use.TO_ARRAY);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.toFloatArray(view);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns a copy of all elements, an array for each row along the last axis, in row-major order:
   * the inverse of {@link #copyOf(float[][])}.
   *
   * @throws DTypeException when the type is not F32, F16 or BF16
   */
  default float[][] toFloatArrays() {
    View view = view();
    Memory.requireFloat(view, Memory.Use.TO_ARRAY);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.toFloatArrays(view);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns a copy of all elements in row-major order of the indices.
   *
   * @throws DTypeException when the type is an integer type
   */
  default double[] toDoubleArray() {
    View view = view();
    Memory.requireDouble(view, Memory.Use.TO_ARRAY);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.toDoubleArray(view);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns a copy of all elements, an array for each row along the last axis, in row-major order:
   * the inverse of {@link #copyOf(double[][])}.
   *
   * @throws DTypeException when the type is an integer type
   */
  default double[][] toDoubleArrays() {
    View view = view();
    Memory.requireDouble(view, Memory.Use.TO_ARRAY);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.toDoubleArrays(view);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns a copy of all elements in row-major order of the indices, from any integer type.
   *
   * @throws DTypeException unless it is an integer type, or an element does not fit an int
   */
  default int[] toIntArray() {
    View view = view();
    Memory.requireInteger(view, Memory.Use.TO_ARRAY);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.toIntArray(view);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  /**
   * Returns a copy of all elements in row-major order of the indices, each as {@link #getLong}
   * returns it.
   *
   * @throws DTypeException unless it is an integer type
   */
  default long[] toLongArray() {
    View view = view();
    Memory.requireInteger(view, Memory.Use.TO_ARRAY);
    Memory.requireAvailable(view, "the tensor");
    try {
      return Memory.toLongArray(view);
    } finally {
      Reference.reachabilityFence(view.owner);
    }
  }

  // ---- texts -----------------------------------------------------------------------------------

  /**
   * Returns type, shape, strides if they have gaps, and kind of memory, in one line and without any
   * value, for messages and logs: {@code F32 [2, 3] off the heap}.
   */
  String describe();

  /**
   * Returns type, shape and values: all of up to 100, of a larger tensor the first and last three
   * along each axis. If the memory cannot be read now, because it is closed, confined to another
   * thread or rejected by its guard, and if the tensor has very many axes, this is {@link
   * #describe}.
   */
  @Override
  String toString();
}
