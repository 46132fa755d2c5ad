// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.xent.internal.ffi.xent_layout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap copies of the parts of Java arrays that a call reads and writes, for JDK 21, whose
 * linker does not accept Java arrays.
 *
 * <p>Each array gets a separate address range of its full size, because the C code compares the
 * byte ranges of whole arrays, which must not overlap. Only a block of the range is used: the
 * elements that the call's rows and classes need. The block is at the same address in every call,
 * so little memory is touched and it stays in the cache. The rest of the range is reserved and
 * never touched.
 *
 * <p>All allocations are kept for the next call of the same {@link FunctionCall}.
 */
final class ArrayBlocks {
  /**
   * The size in bytes up to which every element has a fixed address. Blocks of larger arrays all
   * begin at the same address.
   */
  private static final long SMALL = 1 << 16;

  private static final long ALIGNMENT = 64;

  /** Maximum number of cached address segments; the cache is cleared when it is full. */
  private static final int MOST_ADDRESSES = 1 << 13;

  private static final long HASH = 0x9e3779b97f4a7c15L;

  /** Allocates without touching the memory; an arena would zero it. */
  private static final MethodHandle MALLOC =
      of("malloc", FunctionDescriptor.of(ADDRESS, JAVA_LONG));

  private static final Consumer<MemorySegment> FREE = free();

  private static MethodHandle of(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), descriptor);
  }

  /**
   * A function made only of JDK classes. The JVM's cleaner keeps it reachable as long as there is
   * memory to free, which is as long as this class's loader lives. If the function referred to that
   * loader, neither would ever be collected.
   */
  @SuppressWarnings("unchecked")
  private static Consumer<MemorySegment> free() {
    MethodHandle free = of("free", FunctionDescriptor.ofVoid(ADDRESS));
    Thread thread = Thread.currentThread();
    ClassLoader context = thread.getContextClassLoader();
    thread.setContextClassLoader(ClassLoader.getSystemClassLoader()); // defines the proxy class
    try {
      return MethodHandleProxies.asInterfaceInstance(Consumer.class, free);
    } finally {
      thread.setContextClassLoader(context);
    }
  }

  /** Elements along three axes, each with a count and a stride. */
  private static final class Box {
    long first;
    long outerCount;
    long outer;
    long middleCount;
    long middle;
    long innerCount;
    long inner;

    /** The number of contiguous elements at each position. */
    long run;
  }

  /** The part of one array that is copied. */
  private static final class Block {
    /** The Java array of the call in progress; NULL if the array is absent or off the heap. */
    MemorySegment array = MemorySegment.NULL;

    /** Whether the call has a Java array here. */
    boolean isArray;

    long bytes;

    /** The index of an earlier array over the same memory, or -1. */
    int twin;

    boolean read;
    boolean written;
    Form form = Form.PER_CLASS;
    int size;

    // Strides in elements.
    long outer;
    long classes;
    long inner;

    /** The first entry of each row that is copied, and the number of entries. */
    long from;

    long entries;

    /** The offset of the array's address range in the memory of all blocks. */
    long base;

    /** The address of that range. */
    MemorySegment address = MemorySegment.NULL;

    /** The rows of a partial outer index, of whole outer indices, and of a partial one. */
    final Box[] boxes = {new Box(), new Box(), new Box()};

    int boxCount;
  }

  private final Block[] blocks = new Block[Function.MOST_ARRAYS];

  /** The number of arrays of the call, including arrays off the heap. */
  private int count;

  private MemorySegment room = MemorySegment.NULL;

  /** Zero-length segments by address, so that a known address needs no new segment. */
  private @Nullable MemorySegment[] addresses = new MemorySegment[64];

  private int addressCount;

  // The rows of the call.
  private long rowBegin;
  private long rowEnd;
  private long inner;
  private long raggedBegin;
  private long raggedEnd;

  ArrayBlocks() {
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = new Block();
    }
  }

  /** Determines the elements to copy for a call, and the addresses of the blocks. */
  void describe(FunctionCall call) {
    inner = Math.max(ShapeStruct.inner(call.shape()), 1);
    rowBegin = call.rowBegin();
    rowEnd = call.rowEnd();
    findRagged(call);
    count = call.count();
    long needed = 0;
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      MemorySegment array = call.arrays[i];
      block.isArray = !array.isNative();
      if (!block.isArray) {
        continue;
      }
      describe(block, call, i);
      block.bytes = array.byteSize();
      block.twin = twin(call, i);
      int place = block.twin >= 0 ? block.twin : overwritten(call, i);
      if (place >= 0) {
        block.base = blocks[place].base;
        continue;
      }
      long whole = (block.bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      boolean small = whole <= SMALL;
      // The block of a large array begins at the same address, for any first element.
      block.base = small ? needed : needed + whole - first(block) / ALIGNMENT * ALIGNMENT;
      needed += small ? whole : 2 * whole;
    }
    reserve(needed);
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      if (block.isArray) {
        block.address = at(room.address() + block.base);
      }
    }
  }

  /** Replaces the Java arrays of the described call by blocks. */
  void enter(FunctionCall call) {
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      if (block.isArray) {
        block.array = call.arrays[i];
        call.arrays[i] = block.address;
        if (block.read) {
          copy(block, true);
        }
      }
    }
  }

  /**
   * Restores the Java arrays of the call, also if only some were replaced.
   *
   * @param written whether to copy the results of the call to them
   */
  void leave(FunctionCall call, boolean written) {
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      if (block.array != MemorySegment.NULL) {
        MemorySegment array = block.array;
        if (written && block.written) {
          copy(block, false);
        }
        call.arrays[i] = array;
        block.array = MemorySegment.NULL;
      }
    }
  }

  /**
   * The index of an earlier array over the same memory, as for an output that is also an input; or
   * -1.
   */
  private int twin(FunctionCall call, int place) {
    MemorySegment array = call.arrays[place];
    for (int i = 0; i < place; i++) {
      if (blocks[i].isArray && areSame(call.arrays[i], array)) {
        return i;
      }
    }
    return -1;
  }

  private static boolean areSame(MemorySegment a, MemorySegment b) {
    return a == b
        || a.address() == b.address()
            && a.byteSize() == b.byteSize()
            && a.asOverlappingSlice(b).isPresent();
  }

  /**
   * The index of the logits if the call can write an output over its copy of them, or -1. Sharing
   * keeps one block less in the cache. It also makes the core use normal stores instead of
   * streaming stores, since the block is read immediately afterwards.
   */
  private int overwritten(FunctionCall call, int place) {
    Function function = call.function();
    Array array = function.array(place);
    int logits = function.place(Array.LOGITS);
    if (array != Array.OUTPUT && array != Array.GRADIENT || logits < 0 || logits >= place) {
      return -1;
    }
    for (int i = 0; i < count; i++) {
      if (i != logits && areSame(call.arrays[i], call.arrays[logits])) {
        return -1;
      }
    }
    return !blocks[place].read
            && typeOf(call, array) == typeOf(call, Array.LOGITS)
            && areAlike(blocks[place], blocks[logits])
        ? logits
        : -1;
  }

  /** Whether both arrays have the same layout and the same entries. */
  private static boolean areAlike(Block a, Block b) {
    return a.isArray
        && b.isArray
        && a.form == b.form
        && a.bytes == b.bytes
        && a.outer == b.outer
        && a.classes == b.classes
        && a.inner == b.inner
        && a.from == b.from
        && a.entries == b.entries;
  }

  // ---- which elements --------------------------------------------------------------------------

  private void findRagged(FunctionCall call) {
    int place = call.function().place(Array.ROW_OFFSETS);
    raggedEnd = -1;
    if (place >= 0 && call.arrays[place] != MemorySegment.NULL) {
      MemorySegment offsets = call.arrays[place];
      ElementType type = ElementType.of(typeOf(call, Array.ROW_OFFSETS));
      raggedBegin = type.getInteger(offsets, rowBegin);
      raggedEnd = type.getInteger(offsets, rowEnd);
    }
  }

  /** The offset of an array's layout in the shape. */
  private static long layoutAt(Array array) {
    return ShapeStruct.offset(Array.LOGITS) + array.ordinal() * xent_layout.sizeof();
  }

  private static int typeOf(FunctionCall call, Array array) {
    return call.shape().get(JAVA_INT, layoutAt(array) + xent_layout.type$offset());
  }

  private void describe(Block block, FunctionCall call, int place) {
    Function function = call.function();
    Array array = function.array(place);
    MemorySegment shape = call.shape();
    long layout = layoutAt(array);
    Form form = function.rule(place).form;
    if (form == Form.OF_TARGETS) {
      form = ofTargets(call);
    } else if (function.rule(place).isOfBits(ElementType.of(typeOf(call, array)))) {
      form = Form.PER_WORD;
    }
    block.form = form;
    block.size = ElementType.of(typeOf(call, array)).byteSize();
    block.outer = shape.get(JAVA_LONG, layout + xent_layout.outer$offset());
    block.classes = shape.get(JAVA_LONG, layout + xent_layout.classes$offset());
    block.inner = shape.get(JAVA_LONG, layout + xent_layout.inner$offset());
    block.written = function.rule(place).written;
    // Outputs per class are written completely. A call may leave elements of other outputs
    // unchanged.
    block.read =
        !block.written || form != Form.PER_CLASS || function == Function.LINEAR_CROSS_ENTROPY;
    boolean ranged = form == Form.PER_CLASS || form == Form.OF_CLASSES || form == Form.ONE_ROW;
    boolean whole = !ranged || array == Array.CLASS_WEIGHTS || isMaskOfTargets(call, array);
    block.from = whole ? 0 : call.classBegin();
    block.entries = whole ? form.entries(shape) : call.classEnd() - block.from;
    block.boxCount = 0;
    describeBoxes(block, ShapeStruct.features(shape));
  }

  /**
   * Whether this is a class mask of a call with targets, which reads the mask at target classes
   * outside the range too.
   */
  private static boolean isMaskOfTargets(FunctionCall call, Array array) {
    int targets = call.function().place(Array.TARGETS);
    return array == Array.CLASS_MASK && targets >= 0 && call.arrays[targets] != MemorySegment.NULL;
  }

  private static Form ofTargets(FunctionCall call) {
    if (ShapeStruct.targetCount(call.shape()) != 0) {
      return Form.PER_TARGET;
    }
    int type = typeOf(call, Array.TARGETS);
    return ElementType.holds(type, ElementType.LABELS) ? Form.PER_ROW : Form.PER_CLASS;
  }

  private void describeBoxes(Block block, long features) {
    long classes = block.classes;
    long first = block.from * classes;
    switch (block.form) {
      case OFFSETS -> box(block, rowBegin, rowEnd + 1 - rowBegin, 1, 1, 0, 1, 0);
      case ONE_ROW -> box(block, first, block.entries, classes, 1, 0, 1, 0);
      case OF_CLASSES -> {
        long row = block.from * block.outer;
        box(block, row, block.entries, block.outer, features, classes, 1, 0);
      }
      case PER_CLASS -> {
        if (raggedEnd >= 0) {
          box(block, raggedBegin * classes, raggedEnd - raggedBegin, classes, 1, 0, 1, 0);
        } else {
          rows(block);
        }
      }
      default -> rows(block);
    }
  }

  /**
   * Describes the entries of all rows: of a partial outer index, of whole ones, of a partial one.
   */
  private void rows(Block block) {
    long outer = rowBegin / inner;
    long from = rowBegin % inner;
    long end = rowEnd / inner;
    long to = rowEnd % inner;
    if (outer == end) {
      rows(block, outer, 1, from, to - from);
      return;
    }
    if (from > 0) {
      rows(block, outer, 1, from, inner - from);
      outer++;
    }
    rows(block, outer, end - outer, 0, inner);
    rows(block, end, 1, 0, to);
  }

  private void rows(Block b, long outer, long outerCount, long from, long innerCount) {
    long first = outer * b.outer + from * b.inner + b.from * b.classes;
    box(b, first, outerCount, b.outer, b.entries, b.classes, innerCount, b.inner);
  }

  /**
   * Describes all elements along three axes, each with a count and a stride, in the longest
   * contiguous runs.
   */
  private static void box(
      Block block, long first, long n0, long s0, long n1, long s1, long n2, long s2) {
    if (n0 <= 0 || n1 <= 0 || n2 <= 0) {
      return;
    }
    Box box = block.boxes[block.boxCount++];
    box.first = first;
    box.outer = s0;
    box.middle = s1;
    box.inner = s2;
    // An axis of stride 0 has one distinct element.
    box.outerCount = s0 == 0 ? 1 : n0;
    box.middleCount = s1 == 0 ? 1 : n1;
    box.innerCount = s2 == 0 ? 1 : n2;
    box.run = 1;
    for (int i = 0; i < 3; i++) {
      if (box.innerCount > 1 && s2 == box.run) {
        box.run *= box.innerCount;
        box.innerCount = 1;
      }
      if (box.middleCount > 1 && s1 == box.run) {
        box.run *= box.middleCount;
        box.middleCount = 1;
      }
      if (box.outerCount > 1 && s0 == box.run) {
        box.run *= box.outerCount;
        box.outerCount = 1;
      }
    }
  }

  /** The offset in bytes of the first element that is copied. */
  private static long first(Block block) {
    long first = block.boxCount == 0 ? 0 : block.boxes[0].first;
    for (int i = 1; i < block.boxCount; i++) {
      first = Math.min(first, block.boxes[i].first);
    }
    return first * block.size;
  }

  // ---- copies ----------------------------------------------------------------------------------

  private void copy(Block block, boolean in) {
    for (int i = 0; i < block.boxCount; i++) {
      Box box = block.boxes[i];
      if (box.outerCount == 1 && box.middleCount == 1 && box.innerCount == 1) {
        move(block, in, box.first * block.size, box.run);
      } else {
        copy(block, box, in);
      }
    }
  }

  private void copy(Block block, Box box, boolean in) {
    for (long i = 0; i < box.outerCount; i++) {
      for (long j = 0; j < box.middleCount; j++) {
        long element = box.first + i * box.outer + j * box.middle;
        for (long k = 0; k < box.innerCount; k++) {
          move(block, in, (element + k * box.inner) * block.size, box.run);
        }
      }
    }
  }

  private void move(Block block, boolean in, long from, long elements) {
    long to = block.base + from;
    if (elements > 1) {
      if (in) {
        MemorySegment.copy(block.array, from, room, to, elements * block.size);
      } else {
        MemorySegment.copy(room, to, block.array, from, elements * block.size);
      }
    } else if (in) {
      moveOne(block.array, from, room, to, block.size);
    } else {
      moveOne(room, to, block.array, from, block.size);
    }
  }

  private static void moveOne(MemorySegment a, long from, MemorySegment b, long to, int size) {
    switch (size) {
      case Byte.BYTES -> b.set(JAVA_BYTE, to, a.get(JAVA_BYTE, from));
      case Short.BYTES -> b.set(JAVA_SHORT_UNALIGNED, to, a.get(JAVA_SHORT_UNALIGNED, from));
      case Integer.BYTES -> b.set(JAVA_INT_UNALIGNED, to, a.get(JAVA_INT_UNALIGNED, from));
      default -> b.set(JAVA_LONG_UNALIGNED, to, a.get(JAVA_LONG_UNALIGNED, from));
    }
  }

  // ---- memory ----------------------------------------------------------------------------------

  private void reserve(long bytes) {
    if (room.byteSize() >= bytes) {
      return;
    }
    try {
      MemorySegment made = (MemorySegment) MALLOC.invokeExact(bytes + ALIGNMENT);
      if (made.address() == 0) {
        throw new OutOfMemoryError(
            "JDK 21 needs copies of Java arrays, for which "
                + bytes
                + " bytes of addresses cannot be had: use Tensor.allocate, or JDK 22 or newer");
      }
      long aligned = (made.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      room =
          MemorySegment.ofAddress(made.address())
              .reinterpret(bytes + ALIGNMENT, Arena.ofAuto(), FREE)
              .asSlice(aligned - made.address(), bytes);
    } catch (Throwable thrown) {
      throw NativeKernels.unchecked(thrown);
    }
  }

  private MemorySegment at(long address) {
    int place = place(address);
    MemorySegment segment = addresses[place];
    if (segment == null) {
      segment = MemorySegment.ofAddress(address);
      if (2 * (addressCount + 1) > addresses.length) {
        grow(); // first: if memory runs out, the table must not fill up
        place = place(address);
      }
      addresses[place] = segment;
      addressCount++;
    }
    return segment;
  }

  /** The slot of an address in the hash table: its own, or the free one to use. */
  private int place(long address) {
    int mask = addresses.length - 1;
    int i = (int) (address * HASH >>> 40) & mask;
    while (addresses[i] != null && addresses[i].address() != address) {
      i = i + 1 & mask;
    }
    return i;
  }

  private void grow() {
    @Nullable MemorySegment[] before = addresses;
    if (before.length == MOST_ADDRESSES) {
      Arrays.fill(before, null);
      addressCount = 0;
      return;
    }
    addresses = new MemorySegment[2 * before.length];
    for (MemorySegment segment : before) {
      if (segment != null) {
        addresses[place(segment.address())] = segment;
      }
    }
  }
}
