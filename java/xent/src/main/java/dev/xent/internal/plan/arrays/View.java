// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.ArrayMemory;
import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a tensor is made of, and the facts about its memory that every call asks for, worked out
 * once.
 *
 * <p>The arrays are shared, not copied: nothing in this package changes them.
 */
public final class View extends ArrayMemory {
  private static final int HEAP_ALIGNMENT_HINT = 8;

  public final ElementType type;

  /** Sizes, at least one. */
  public final long[] shape;

  /** In elements, never negative. */
  public final long[] strides;

  /** Kept reachable while this view is, and during every call; or null. */
  public final @Nullable Object owner;

  /** Says before each use why the memory is no longer there, null while it is; or null. */
  public final @Nullable Supplier<@Nullable String> memoryOwner;

  public final long elements;

  /** From the start of the first element to the end of the last one. */
  public final long bytes;

  /** Row-major without gaps. */
  public final boolean contiguous;

  /** No two indices share an element, so it can be written. */
  public final boolean distinct;

  public final boolean heap;

  /** Whether nobody but a thread that may use it can free its memory, and no collector moves it. */
  public final boolean fixed;

  /** Whether nobody can close its arena. */
  public final boolean everOpen;

  /** Whether it is memory of this library's own. */
  final boolean isRoom;

  final boolean readOnly;

  /** What of the memory a prepared call depends on, beside its address. */
  public final int facts;

  private View(
      MemorySegment segment,
      @Nullable Object array,
      ElementType type,
      long[] shape,
      long[] strides,
      long elements,
      long bytes,
      @Nullable Object owner,
      @Nullable Supplier<@Nullable String> memoryOwner,
      boolean isRoom) {
    super(segment, array);
    this.type = type;
    this.shape = shape;
    this.strides = strides;
    this.elements = elements;
    this.bytes = bytes;
    this.owner = owner;
    this.memoryOwner = memoryOwner;
    this.contiguous = Strides.areRowMajor(shape, strides);
    this.distinct = contiguous || Strides.areDistinct(shape, strides);
    this.heap = !segment.isNative();
    this.isRoom = isRoom;
    this.everOpen = heap || isRoom || Memory.isEverOpen(segment);
    this.fixed = !heap && (everOpen || Memory.isConfined(segment));
    this.readOnly = segment.isReadOnly();
    this.facts =
        (heap ? 1 : 0) | (fixed ? 2 : 0) | (readOnly ? 4 : 0) | (memoryOwner == null ? 0 : 8);
  }

  /**
   * A view that begins with the first byte of {@code segment}.
   *
   * @throws ShapeException for a shape or strides that cannot be
   * @throws MemoryException for a segment that is too small or not aligned to the element type
   */
  public static View of(
      MemorySegment segment,
      ElementType type,
      long[] shape,
      long[] strides,
      @Nullable Object owner) {
    @Nullable Object array = segment.isNative() ? null : segment.heapBase().orElse(null);
    return over(segment, array, type, shape, strides, owner, null, false);
  }

  /** A view of all elements of a Java array, in row-major order. */
  public static View ofArray(
      Object array, MemorySegment segment, ElementType type, long[] shape, long elements) {
    return new View(
        segment,
        array,
        type,
        shape,
        Strides.rowMajor(shape),
        elements,
        segment.byteSize(),
        null,
        null,
        false);
  }

  /** Zeroed memory of this library's own, which is there as long as the view is. */
  public static View room(ElementType type, long... shape) {
    long elements = Strides.elements(shape);
    MemorySegment memory = Memory.allocate(Arena.ofAuto(), type, elements);
    long[] strides = Strides.rowMajor(shape);
    return new View(
        memory, null, type, shape, strides, elements, memory.byteSize(), null, null, true);
  }

  private static View over(
      MemorySegment segment,
      @Nullable Object array,
      ElementType type,
      long[] shape,
      long[] strides,
      @Nullable Object owner,
      @Nullable Supplier<@Nullable String> memoryOwner,
      boolean isRoom) {
    long elements = Strides.elements(shape);
    long span = Strides.span(shape, strides);
    long bytes = Strides.times(span, type.byteSize(), shape);
    if (bytes > segment.byteSize()) {
      throw new MemoryException(
          describe(type, shape)
              + (span == elements ? "" : " with strides " + Arrays.toString(strides))
              + " needs "
              + plural(bytes, "byte")
              + ", the memory has "
              + segment.byteSize()
              + "; expected more memory or a smaller shape");
    }
    if (!isAligned(segment, type.byteSize())) {
      throw new MemoryException(misaligned(segment, type));
    }
    return new View(
        segment.asSlice(0, bytes),
        array,
        type,
        shape,
        strides,
        elements,
        bytes,
        owner,
        memoryOwner,
        isRoom);
  }

  /** {@code MemorySegment.maxByteAlignment}, which JDK 21 and 22 are without, of so many bytes. */
  public static boolean isAligned(MemorySegment segment, int bytes) {
    if (segment.isNative()) {
      return segment.address() % bytes == 0;
    }
    try {
      segment.asSlice(0, 0, bytes);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static int heapAlignment(MemorySegment segment) {
    int bytes = HEAP_ALIGNMENT_HINT;
    while (!isAligned(segment, bytes)) {
      bytes /= 2;
    }
    return bytes;
  }

  private static String misaligned(MemorySegment segment, ElementType type) {
    return segment.isNative()
        ? message(
            "address 0x%x is not aligned to the %d bytes of %s: align the memory",
            segment.address(), type.byteSize(), type)
        : message(
            "%s needs memory aligned to %d bytes, this part of a heap array is aligned to %d: use an array of the element type or off-heap memory",
            type, type.byteSize(), heapAlignment(segment));
  }

  /** The same memory from element {@code offset} on, seen with another shape. */
  public View with(long offset, long[] newShape, long[] newStrides) {
    boolean empty = Strides.elements(newShape) == 0;
    MemorySegment rest = segment.asSlice(empty ? 0 : offset * type.byteSize());
    return over(rest, array, type, newShape, newStrides, owner, memoryOwner, isRoom);
  }

  /** The same memory, not to be written. */
  public View readOnly() {
    return new View(
        segment.asReadOnly(),
        array,
        type,
        shape,
        strides,
        elements,
        bytes,
        owner,
        memoryOwner,
        isRoom);
  }

  /** The same memory, of an owner who is asked before each use. */
  public View ownedBy(Supplier<@Nullable String> newOwner) {
    return new View(segment, array, type, shape, strides, elements, bytes, owner, newOwner, isRoom);
  }

  public int rank() {
    return shape.length;
  }

  /** Whether no other thread can close the memory, and a native method can be passed it. */
  public boolean isHeld() {
    return heap || fixed;
  }

  /** Whether a byte of one lies between the first and the last byte of the other. */
  public boolean overlaps(View other) {
    if (bytes == 0 || other.bytes == 0 || heap != other.heap) {
      return false;
    }
    if (heap) {
      if (array == null || other.array == null) {
        return segment.asOverlappingSlice(other.segment).isPresent();
      }
      if (array != other.array) {
        return false;
      }
    }
    return compareMemory(other) >= 0;
  }

  /**
   * Compares memory off the heap, or in the same Java array.
   *
   * @return -1 if no byte is shared, 0 if both begin with the same one, 1 if they overlap otherwise
   */
  private int compareMemory(View other) {
    // Differences, not ends: an address may have its highest bit set.
    long distance = other.address - address;
    if (distance == 0) {
      return 0;
    }
    return (distance > 0 ? distance < bytes : -distance < other.bytes) ? 1 : -1;
  }

  /**
   * How a view whose array is known shares memory with another one, or null.
   *
   * @return -1 if no byte is shared, 0 if both begin with the same one, 1 if they overlap otherwise
   */
  public int sharing(@Nullable View other) {
    return other == null || array != other.array || heap != other.heap ? -1 : compareMemory(other);
  }

  /** Whether each index names the same element in both; they overlap and have the same shape. */
  public boolean isInPlaceOf(View other) {
    if (address != other.address || type != other.type || shape.length != other.shape.length) {
      return false;
    }
    for (int d = 0; d < shape.length; d++) {
      if (shape[d] != other.shape[d] || (shape[d] > 1 && strides[d] != other.strides[d])) {
        return false;
      }
    }
    return true;
  }

  /** "F32 [3, 4]". */
  public static String describe(ElementType type, long[] shape) {
    return type + " " + Arrays.toString(shape);
  }

  @Override
  public String toString() {
    return describe(type, shape);
  }
}
