// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.adapter.Sharing.unusable;
import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.internal.kernels.DistinctElements;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.MemoryScopes;
import dev.xent.internal.load.Backends;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.ByteOrder;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Access checks and element access for memory, and its allocation. */
public final class Memory {
  /**
   * The alignment of memory that this class allocates: that of the widest vectors, and of cache
   * lines.
   */
  private static final long ALIGNMENT = 64;

  /** The largest size that can be aligned. */
  private static final long MOST_BYTES = Long.MAX_VALUE - ALIGNMENT;

  private Memory() {}

  /** The memory at an address. This is the only method that trusts the caller's bounds. */
  public static MemorySegment at(long address, long byteSize) {
    if (byteSize < 0) {
      throw new MemoryException("byte size " + byteSize + " is negative; expected 0 or more");
    }
    requireAddress(address, byteSize);
    try {
      return MemorySegment.ofAddress(address).reinterpret(byteSize);
    } catch (IllegalCallerException e) {
      throw denied(e);
    }
  }

  /** Rejects the null pointer, which stands for memory that does not exist. */
  static void requireAddress(long address, long byteSize) {
    if (address == 0 && byteSize > 0) {
      throw new MemoryException(
          "address 0 has no memory; expected the address of the first element");
    }
  }

  /**
   * The exception for a JVM that denies this module restricted methods, which can reach arbitrary
   * memory.
   */
  private static MemoryException denied(IllegalCallerException cause) {
    return new MemoryException(
        "native access is denied; run java with --enable-native-access="
            + Backends.moduleName()
            + ": tensors over an address, or with an owner, need it",
        cause);
  }

  /**
   * The memory of a view as a segment that keeps the view's owner reachable. Its arena is never
   * closed and is referenced only by the segment, so one garbage collection frees both owner and
   * segment.
   */
  public static MemorySegment kept(View view) {
    Object owner = view.owner;
    if (owner == null) {
      return view.segment;
    }
    try {
      MemorySegment kept =
          view.segment.reinterpret(Arena.ofShared(), closed -> Reference.reachabilityFence(owner));
      return view.segment.isReadOnly() ? kept.asReadOnly() : kept; // JDK 21 drops the flag
    } catch (IllegalCallerException e) {
      throw denied(e);
    }
  }

  /**
   * The same memory for the calling thread, even if it is confined to another thread that waits for
   * this one. A segment that is not confined is returned as it is, so that its arena cannot be
   * closed while a kernel runs.
   */
  public static MemorySegment accessible(MemorySegment segment) {
    return segment.isAccessibleBy(Thread.currentThread())
        ? segment
        : at(segment.address(), segment.byteSize());
  }

  /** Whether {@link #accessible} works for memory that is confined to another thread. */
  public static boolean canBeLentToHelpers() {
    return Lending.ALLOWED;
  }

  /**
   * The permission to use such memory. It is looked up once, on first use, because the JVM may
   * print a warning and the result does not change.
   */
  private static final class Lending {
    static final boolean ALLOWED = isAllowed();

    private static boolean isAllowed() {
      try {
        at(0, 0);
        return true;
      } catch (MemoryException e) {
        return false;
      }
    }
  }

  /** Allocates zeroed memory for a number of elements. */
  public static MemorySegment allocate(Arena arena, ElementType type, long elements) {
    if (elements > MOST_BYTES / type.byteSize()) {
      throw new MemoryException(
          elements
              + " elements of "
              + type
              + " are more than memory can be; expected a smaller shape");
    }
    return allocate(arena, elements * type.byteSize());
  }

  /**
   * Allocates zeroed memory for many rows.
   *
   * @param bytes the size of each row
   * @param what the contents of a row, for an error message
   */
  public static MemorySegment allocateRows(Arena arena, long rows, long bytes, String what) {
    if (rows > MOST_BYTES / bytes) {
      throw new MemoryException(
          message(
              "%s of %d rows, %d bytes each, are more than memory can be; expected fewer rows at"
                  + " once",
              what, rows, bytes));
    }
    return allocate(arena, rows * bytes);
  }

  private static MemorySegment allocate(Arena arena, long bytes) {
    try {
      return usable(arena.allocate(bytes, ALIGNMENT), bytes);
    } catch (OutOfMemoryError e) {
      throw explained(bytes, e);
    } catch (IllegalStateException | WrongThreadException e) {
      throw unusable(e);
    }
  }

  /**
   * Adds the likely cause to an error: the JVM limits off-heap memory, and frees that of tensors
   * only at a garbage collection.
   */
  private static OutOfMemoryError explained(long bytes, OutOfMemoryError e) {
    if (!String.valueOf(e.getMessage()).contains("direct buffer memory")) {
      return e;
    }
    OutOfMemoryError explained =
        new OutOfMemoryError(
            message(
                "a tensor of %d bytes: %s; tensors that are no longer used keep their memory until"
                    + " a garbage collection, which -XX:+DisableExplicitGC prevents: pass outputs"
                    + " or an arena, leave that option out, or raise -XX:MaxDirectMemorySize",
                bytes, e.getMessage()));
    explained.initCause(e);
    return explained;
  }

  /** Checks the memory that an arena returned: the arena may be a caller's own implementation. */
  private static MemorySegment usable(MemorySegment memory, long bytes) {
    if (memory.byteSize() < bytes
        || memory.isReadOnly()
        || !memory.isNative()
        || memory.address() % ALIGNMENT != 0) {
      throw new MemoryException(
          message(
              "the arena returned %s%s of %d bytes; expected %d bytes off the heap that can be"
                  + " written, aligned to %d: use an arena of the JDK",
              memory.isReadOnly() ? "read-only " : "",
              memory.isNative() ? "memory" : "a Java array",
              memory.byteSize(),
              bytes,
              ALIGNMENT));
    }
    return memory;
  }

  /** Rejects big-endian buffers. */
  public static void requireNativeOrder(ByteOrder order) {
    if (order != ByteOrder.nativeOrder()) {
      throw new MemoryException(
          "the buffer is "
              + order
              + ", this machine is "
              + ByteOrder.nativeOrder()
              + ": call order(ByteOrder.nativeOrder()) of the ByteBuffer, before asFloatBuffer()");
    }
  }

  /** A group of accessor methods, with one method per kind of element type. */
  public enum Use {
    /** {@code getFloat}, {@code getDouble} and {@code getLong}. */
    GET("get", ""),

    /** {@code setFloat}, {@code setDouble} and {@code setLong}. */
    SET("set", ""),

    /** {@code toFloatArray}, {@code toDoubleArray} and {@code toLongArray}. */
    TO_ARRAY("to", "Array");

    private final String verb;
    private final String suffix;

    Use(String verb, String suffix) {
      this.verb = verb;
      this.suffix = suffix;
    }

    /** The name of the method for a type, for example {@code getLong}. */
    public String methodFor(ElementType type) {
      return verb
          + (type.isInteger() ? "Long" : type == ElementType.F64 ? "Double" : "Float")
          + suffix;
    }
  }

  /** Rejects types whose elements a float cannot represent exactly. */
  public static void requireFloat(View view, Use use) {
    if (view.type == ElementType.F64) {
      throw wrongMethod(view, use, " has elements that no float holds: use ", "F32, F16 or BF16");
    }
    if (!view.type.isFloat()) {
      throw wrongMethod(view, use, " has no floating-point elements: use ", "F32, F16 or BF16");
    }
  }

  /** Rejects integer types. */
  public static void requireDouble(View view, Use use) {
    if (!view.type.isFloat()) {
      throw wrongMethod(
          view, use, " has no floating-point elements: use ", "F32, F64, F16 or BF16");
    }
  }

  /** Rejects all types other than integers. */
  public static void requireInteger(View view, Use use) {
    if (!view.type.isInteger()) {
      throw wrongMethod(view, use, " has no integer elements: use ", "I8 to I64 or U8 to U64");
    }
  }

  private static DTypeException wrongMethod(View view, Use use, String why, String types) {
    return new DTypeException(
        view.described() + why + use.methodFor(view.type) + "(), or a tensor of type " + types);
  }

  /** Rejects closed memory, memory of another thread, and memory that its owner has taken back. */
  public static void requireAccess(View view, String name) {
    if (!view.heap) {
      requireAccess(view.segment, name);
    }
    if (view.guard != null) {
      requireAvailableFrom(view.guard, name);
    }
  }

  /** Rejects inaccessible memory that has an owner; other memory is checked when it is used. */
  public static void requireAvailable(View view, String name) {
    if (view.guard != null) {
      requireAccess(view, name);
    }
  }

  private static void requireAvailableFrom(Supplier<@Nullable String> guard, String name) {
    String refusal = guard.get();
    if (refusal != null) {
      throw new MemoryException(name + " is in memory that its owner has taken back: " + refusal);
    }
  }

  /** Rejects closed memory and memory of another thread. */
  public static void requireAccess(MemorySegment segment, String name) {
    if (!MemoryScopes.isAccessible(segment)) {
      throw inaccessible(segment, name, null);
    }
  }

  /** Whether the memory is open and this thread may use it. */
  public static boolean isAccessible(View view) {
    return view.everOpen || MemoryScopes.isAccessible(view.segment);
  }

  private static MemoryException inaccessible(
      MemorySegment segment, String name, @Nullable RuntimeException cause) {
    return segment.scope().isAlive()
        ? new MemoryException(
            name
                + " is in an arena confined to another thread than "
                + nameOf(Thread.currentThread())
                + ": use Arena.ofShared() and one tensor per thread, or call from the thread that"
                + " opened the arena",
            cause)
        : new MemoryException(
            name + " is in a closed arena: keep the arena open during the call", cause);
  }

  /**
   * The name of a thread for an error message; a number if it has no name, as virtual threads by
   * default.
   */
  private static String nameOf(Thread thread) {
    return thread.getName().isEmpty()
        ? (thread.isVirtual() ? "virtual thread #" : "thread #") + thread.threadId()
        : thread.getName();
  }

  /** Rejects memory that is read-only, and views whose indices share elements. */
  public static void requireWritable(View view, String name) {
    if (view.readOnly) {
      throw new MemoryException(name + " is read-only; expected writable memory");
    }
    if (!view.distinct) {
      throw new MemoryException(
          name
              + " "
              + view.described()
              + " has strides that put several indices on one element"
              + (view.rank() > DistinctElements.MOST_INTERLEAVED
                  ? ", or interleave more than " + DistinctElements.MOST_INTERLEAVED + " dimensions"
                  : "")
              + "; expected separate memory for each element that is written");
    }
  }

  /**
   * The element at an offset, of a type that float represents exactly; an F32 element keeps all its
   * bits.
   */
  public static float getFloat(View view, long offset) {
    try {
      return view.type == ElementType.F32
          ? view.segment.getAtIndex(ValueLayout.JAVA_FLOAT, offset)
          : (float) view.type.get(view.segment, offset);
    } catch (IllegalStateException | WrongThreadException e) {
      throw inaccessible(view.segment, "the tensor", e);
    }
  }

  /**
   * Writes the element at an offset, of a type that float represents exactly; an F32 element gets
   * all bits.
   */
  public static void setFloat(View view, long offset, float value) {
    try {
      if (view.type == ElementType.F32) {
        view.segment.setAtIndex(ValueLayout.JAVA_FLOAT, offset, value);
      } else {
        view.type.set(view.segment, offset, value);
      }
    } catch (IllegalStateException | WrongThreadException e) {
      throw inaccessible(view.segment, "the tensor", e);
    }
  }

  /** The element at an offset, of a floating-point type. */
  public static double getDouble(View view, long offset) {
    try {
      return view.type.get(view.segment, offset);
    } catch (IllegalStateException | WrongThreadException e) {
      throw inaccessible(view.segment, "the tensor", e);
    }
  }

  /** Writes the element at an offset, rounded to the floating-point type. */
  public static void setDouble(View view, long offset, double value) {
    try {
      view.type.set(view.segment, offset, value);
    } catch (IllegalStateException | WrongThreadException e) {
      throw inaccessible(view.segment, "the tensor", e);
    }
  }

  /** The integer at an offset. */
  public static long getLong(View view, long offset) {
    try {
      return view.type.getInteger(view.segment, offset);
    } catch (IllegalStateException | WrongThreadException e) {
      throw inaccessible(view.segment, "the tensor", e);
    }
  }

  /** Rejects an integer out of the range of the element type. */
  public static void requireHolds(View view, long value) {
    int bits = view.type.byteSize() * Byte.SIZE;
    boolean unsigned = view.type.isUnsigned();
    long least = unsigned ? 0 : -1L << bits - 1;
    long most = unsigned && bits < Long.SIZE ? (1L << bits) - 1 : ~(-1L << bits - 1);
    if (value < least || value > most) {
      throw new DTypeException(
          message(
              "%d is no element of %s; expected a number from %d to %d", value, view, least, most));
    }
  }

  /** Rejects a number that is no integer, or out of the range of the integer type. */
  public static void requireHolds(View view, double value) {
    if (value != Math.rint(value) || Math.abs(value) >= 0x1p63) {
      throw new DTypeException(
          message("%s is no element of %s; expected an integer of this type", value, view));
    }
    requireHolds(view, (long) value);
  }

  /** Writes the integer at an offset; it must be in the range of the element type. */
  public static void setLong(View view, long offset, long value) {
    try {
      view.type.setInteger(view.segment, offset, value);
    } catch (IllegalStateException | WrongThreadException e) {
      throw inaccessible(view.segment, "the tensor", e);
    }
  }

  /** Whether the view is contiguous and has this element type. */
  private static boolean isBlock(View view, ElementType type) {
    return view.contiguous && view.type == type;
  }

  /** Copies elements from index {@code first} on until the destination is full. */
  private static void copyBlock(View view, long first, MemorySegment to) {
    try {
      MemorySegment.copy(view.segment, first * view.type.byteSize(), to, 0, to.byteSize());
    } catch (IllegalStateException | WrongThreadException e) {
      throw inaccessible(view.segment, "the tensor", e);
    }
  }

  /** All elements in row-major order, of a type that float represents exactly. */
  public static float[] toFloatArray(View view) {
    float[] values = new float[arrayLength(view)];
    copyRow(view, 0, new ElementOffsets(view), values);
    return values;
  }

  /** One array per row along the last axis, of a type that float represents exactly. */
  public static float[][] toFloatArrays(View view) {
    float[][] values =
        new float[rowsOfArrays(view)][arrayLength(view, view.shape[view.rank() - 1])];
    ElementOffsets offsets = new ElementOffsets(view);
    for (int row = 0; row < values.length; row++) {
      copyRow(view, (long) row * values[row].length, offsets, values[row]);
    }
    return values;
  }

  /** Copies elements from index {@code first} on, the next ones of the offsets. */
  private static void copyRow(View view, long first, ElementOffsets offsets, float[] to) {
    if (isBlock(view, ElementType.F32)) {
      copyBlock(view, first, MemorySegment.ofArray(to));
      return;
    }
    for (int i = 0; i < to.length; i++) {
      to[i] = getFloat(view, offsets.next());
    }
  }

  private static int rowsOfArrays(View view) {
    long rows = 1;
    for (int d = 0; d < view.rank() - 1; d++) {
      rows *= view.shape[d];
    }
    return arrayLength(view, rows);
  }

  /** All elements of a floating-point type in row-major order. */
  public static double[] toDoubleArray(View view) {
    double[] values = new double[arrayLength(view)];
    copyRow(view, 0, new ElementOffsets(view), values);
    return values;
  }

  /** One array per row along the last axis, of a floating-point type. */
  public static double[][] toDoubleArrays(View view) {
    double[][] values =
        new double[rowsOfArrays(view)][arrayLength(view, view.shape[view.rank() - 1])];
    ElementOffsets offsets = new ElementOffsets(view);
    for (int row = 0; row < values.length; row++) {
      copyRow(view, (long) row * values[row].length, offsets, values[row]);
    }
    return values;
  }

  /** Copies elements from index {@code first} on, the next ones of the offsets. */
  private static void copyRow(View view, long first, ElementOffsets offsets, double[] to) {
    if (isBlock(view, ElementType.F64)) {
      copyBlock(view, first, MemorySegment.ofArray(to));
      return;
    }
    for (int i = 0; i < to.length; i++) {
      to[i] = getDouble(view, offsets.next());
    }
  }

  /** All integer elements in row-major order; each must fit an int. */
  public static int[] toIntArray(View view) {
    int[] values = new int[arrayLength(view)];
    if (isBlock(view, ElementType.I32)) {
      copyBlock(view, 0, MemorySegment.ofArray(values));
      return values;
    }
    ElementOffsets odometer = new ElementOffsets(view);
    for (int i = 0; i < values.length; i++) {
      long value = getLong(view, odometer.next());
      values[i] = (int) value;
      if (values[i] != value || value < 0 && view.type.isUnsigned()) {
        throw new DTypeException(
            message(
                "element %d of %s is %s, which no int holds: use toLongArray()",
                i,
                view,
                view.type.isUnsigned() ? Long.toUnsignedString(value) : Long.toString(value)));
      }
    }
    return values;
  }

  /** All integer elements in row-major order. */
  public static long[] toLongArray(View view) {
    long[] values = new long[arrayLength(view)];
    if (isBlock(view, ElementType.I64) || isBlock(view, ElementType.U64)) {
      copyBlock(view, 0, MemorySegment.ofArray(values));
      return values;
    }
    ElementOffsets odometer = new ElementOffsets(view);
    for (int i = 0; i < values.length; i++) {
      values[i] = getLong(view, odometer.next());
    }
    return values;
  }

  /** Copies all elements between views of one type and shape, in row-major order of the indices. */
  public static void copy(View from, View to) {
    if (areSame(from, to)) {
      return;
    }
    try {
      copyAccessible(from, to);
    } catch (IllegalStateException e) {
      // Another thread closed the source or the destination during the copy.
      boolean source = !from.heap && !MemoryScopes.isAccessible(from.segment);
      throw inaccessible(
          source ? from.segment : to.segment, source ? "the source" : "the tensor", e);
    }
  }

  /**
   * Whether each element of the source is already at its place in the destination.
   *
   * @throws MemoryException for views that overlap in any other way
   */
  private static boolean areSame(View from, View to) {
    requireAccess(from, "the source");
    requireAccess(to, "the tensor");
    if (!to.overlaps(from)) {
      return false;
    }
    if (!to.isInPlaceOf(from)) {
      throw overlap("the tensor", "the source", true);
    }
    return true;
  }

  /** The exception for an output that overlaps other memory of the same call. */
  public static MemoryException overlap(String written, String other, boolean inPlaceAllowed) {
    return new MemoryException(
        message(
            "%s and %s overlap in memory; expected separate memory for %s%s",
            written, other, written, inPlaceAllowed ? ", or exactly that of " + other : ""));
  }

  private static void copyAccessible(View from, View to) {
    if (from.contiguous && to.contiguous) {
      MemorySegment.copy(from.segment, 0, to.segment, 0, from.bytes);
      return;
    }
    int size = from.type.byteSize();
    ElementOffsets source = new ElementOffsets(from);
    ElementOffsets target = new ElementOffsets(to);
    for (long i = 0; i < from.elements; i++) {
      MemorySegment.copy(
          from.segment, source.next() * size, to.segment, target.next() * size, size);
    }
  }

  /**
   * Copies all elements between floating-point views of one shape, rounded to the destination type.
   */
  public static void convert(View from, View to) {
    if (areSame(from, to)) {
      return;
    }
    ElementOffsets source = new ElementOffsets(from);
    ElementOffsets target = new ElementOffsets(to);
    for (long i = 0; i < from.elements; i++) {
      setDouble(to, target.next(), getDouble(from, source.next()));
    }
  }

  /** Writes a value to all elements; one of an integer type must be in its range. */
  public static void fill(View view, double value) {
    boolean integers = view.type.isInteger();
    ElementOffsets offsets = new ElementOffsets(view);
    for (long i = 0; i < view.elements; i++) {
      if (integers) {
        setLong(view, offsets.next(), (long) value);
      } else {
        setDouble(view, offsets.next(), value);
      }
    }
  }

  /** Writes +0 to all elements, of any type. */
  public static void clear(View view) {
    if (view.contiguous) {
      view.segment.fill((byte) 0);
      return;
    }
    int size = view.type.byteSize();
    ElementOffsets odometer = new ElementOffsets(view);
    for (long i = 0; i < view.elements; i++) {
      view.segment.asSlice(odometer.next() * size, size).fill((byte) 0);
    }
  }

  /** Writes +0 to all elements of a view that is not null. */
  public static void clearIfPresent(@Nullable View view) {
    if (view != null) {
      clear(view);
    }
  }

  /** The sum of all elements of a one-byte type, as unsigned numbers. */
  public static long sumOfBytes(View view) {
    long sum = 0;
    if (view.contiguous) {
      for (long i = 0; i < view.elements; i++) {
        sum += view.segment.get(ValueLayout.JAVA_BYTE, i) & 0xff;
      }
      return sum;
    }
    ElementOffsets odometer = new ElementOffsets(view);
    for (long i = 0; i < view.elements; i++) {
      sum += view.segment.get(ValueLayout.JAVA_BYTE, odometer.next()) & 0xff;
    }
    return sum;
  }

  private static int arrayLength(View view) {
    return arrayLength(view, view.elements);
  }

  private static int arrayLength(View view, long length) {
    if (length > Integer.MAX_VALUE - 8) {
      throw new MemoryException(
          view.described() + " is longer than a Java array can be: copy it in slices");
    }
    return (int) length;
  }
}
