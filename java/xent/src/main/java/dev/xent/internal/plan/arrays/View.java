// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.ArrayMemory;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.MemoryScopes;
import dev.xent.internal.text.Messages;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A tensor's memory, shape and strides, and the properties of the memory that every call needs,
 * computed once.
 *
 * <p>The arrays are shared, not copied: no class of this package changes them.
 */
public final class View extends ArrayMemory implements Tensor, Messages.Subject {
  private static final int HEAP_ALIGNMENT_HINT = 8;

  public final ElementType type;

  /** The sizes; there is at least one. */
  public final long[] shape;

  /** The strides in elements, never negative. */
  public final long[] strides;

  /** An object that stays reachable as long as this view and during every call; or null. */
  public final @Nullable Object owner;

  /**
   * Called before each use; returns the reason if the memory is no longer available, null if it is.
   * Null if the memory has no guard.
   */
  public final @Nullable Supplier<@Nullable String> guard;

  public final long elements;

  /** The bytes from the start of the first element to the end of the last one. */
  public final long bytes;

  /** Whether the elements are in row-major order without gaps. */
  public final boolean contiguous;

  /** Whether no two indices share an element, so that the view can be written. */
  public final boolean distinct;

  public final boolean heap;

  /**
   * Whether only a thread that may use the memory can free it, and no garbage collector moves it.
   */
  public final boolean fixed;

  /** Whether the memory is known to stay open while it is reachable. */
  public final boolean everOpen;

  /** Whether it is the library's own memory, which lives as long as the view: {@link #room}. */
  final boolean isRoom;

  final boolean readOnly;

  /** The properties of the memory, in addition to its address, that a prepared call depends on. */
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
      @Nullable Supplier<@Nullable String> guard,
      boolean isRoom) {
    super(segment, array);
    this.type = type;
    this.shape = shape;
    this.strides = strides;
    this.elements = elements;
    this.bytes = bytes;
    this.owner = owner;
    this.guard = guard;
    this.contiguous = Strides.areRowMajor(shape, strides);
    this.distinct = contiguous || Strides.areDistinct(shape, strides);
    this.heap = !segment.isNative();
    this.isRoom = isRoom;
    this.everOpen = heap || isRoom || MemoryScopes.isNeverClosed(segment);
    this.fixed = !heap && (everOpen || MemoryScopes.isConfined(segment));
    this.readOnly = segment.isReadOnly();
    boolean hidden = heap && array == null;
    this.facts =
        (heap ? 1 : 0)
            | (fixed ? 2 : 0)
            | (readOnly ? 4 : 0)
            | (guard == null ? 0 : 8)
            | (hidden ? 16 : 0);
  }

  /** The view of an argument. */
  public static View of(Tensor tensor, String name) {
    // Every call asks this for each tensor, so a tensor costs no further call.
    return (View) (tensor == null ? NullChecks.require(tensor, name, "a tensor") : tensor);
  }

  /**
   * A view that begins with the first byte of {@code segment}.
   *
   * @throws ShapeException for an invalid shape or invalid strides
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

  /** Zeroed memory that this library allocates, which lives as long as the view. */
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
      @Nullable Supplier<@Nullable String> guard,
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
    if (segment.isNative()) {
      Memory.requireAddress(segment.address(), bytes);
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
        guard,
        isRoom);
  }

  /**
   * Whether a segment is aligned to {@code bytes}; replaces {@code MemorySegment.maxByteAlignment},
   * which JDK 21 and 22 do not have.
   */
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
            "address 0x%x is not aligned to the %d bytes of %s: align the memory, as"
                + " arena.allocate(byteSize, %d) does, or copy it",
            segment.address(), type.byteSize(), type, type.byteSize())
        : message(
            "%s needs memory aligned to %d bytes, this part of a heap array is aligned to %d: use"
                + " an array of the element type or off-heap memory",
            type, type.byteSize(), heapAlignment(segment));
  }

  /** The same memory from element {@code offset} on, with another shape. */
  public View with(long offset, long[] newShape, long[] newStrides) {
    boolean empty = Strides.elements(newShape) == 0;
    MemorySegment rest = segment.asSlice(empty ? 0 : offset * type.byteSize());
    return over(rest, array, type, newShape, newStrides, owner, guard, isRoom);
  }

  /**
   * The rest of this memory, from element {@code offset} on, as a tensor of its first element. For
   * a call that has the number of its elements apart, so that they all have one layout.
   */
  public View from(long offset, int newRank) {
    MemorySegment rest = segment.asSlice(offset * type.byteSize());
    long[] ones = new long[newRank];
    Arrays.fill(ones, 1);
    long one = type.byteSize();
    return new View(rest, array, type, ones, ones, 1, one, owner, guard, isRoom);
  }

  public View readOnly() {
    return new View(
        segment.asReadOnly(), array, type, shape, strides, elements, bytes, owner, guard, isRoom);
  }

  /** The same memory with a guard that is asked before each use. */
  public View guardedBy(Supplier<@Nullable String> newGuard) {
    return new View(segment, array, type, shape, strides, elements, bytes, owner, newGuard, isRoom);
  }

  @Override
  public int rank() {
    return shape.length;
  }

  /** Whether no other thread can close the memory, and a native method can use it. */
  public boolean isHeld() {
    return heap ? array != null : fixed;
  }

  /** Whether the memory ranges from the first to the last byte intersect. */
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
    return sharing(other) >= 0;
  }

  /**
   * Compares the memory with that of another view, or null. The Java array of neither is hidden.
   *
   * @return -1 if no byte is shared, 0 if both begin with the same byte, 1 if they overlap
   *     otherwise
   */
  public int sharing(@Nullable View other) {
    if (other == null || array != other.array || heap != other.heap) {
      return -1;
    }
    // Compares differences, not ends: an address may have its highest bit set.
    long distance = other.address - address;
    if (distance == 0) {
      return 0;
    }
    return (distance > 0 ? distance < bytes : -distance < other.bytes) ? 1 : -1;
  }

  /** Whether each index refers to the same element in both views, which overlap. */
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

  /** The text of a type and a shape: "F32 [3, 4]". */
  public static String describe(ElementType type, long[] shape) {
    return type + " " + Arrays.toString(shape);
  }

  @Override
  public String described() {
    return describe(type, shape);
  }

  @Override
  public String describe() {
    return described()
        + (contiguous ? "" : " strides " + Arrays.toString(strides))
        + (heap ? " on the heap" : " off the heap")
        + (readOnly ? ", read-only" : "");
  }

  @Override
  public String toString() {
    return ViewText.of(this);
  }
}
