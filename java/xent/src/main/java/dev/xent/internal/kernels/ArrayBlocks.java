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
 * Copies of what a call reads and writes of Java arrays, off the heap, where the linker takes no
 * arrays: on JDK 21. A call is told that each array lies at an address of its own, and only what
 * its rows and classes need is there: a block, always at the same place. So little memory is ever
 * touched, and it stays in the cache; that between the blocks is reserved, as C compares the bytes
 * of whole arrays, which must not meet.
 *
 * <p>All that is made is kept for the next call of the same {@link Work}.
 */
final class ArrayBlocks {
  /** An array of no more bytes has each element at a place of its own. */
  private static final long SMALL = 1 << 16;

  private static final long ALIGNMENT = 64;

  /** Of blocks at different elements; more are forgotten and made again. */
  private static final int MOST_ADDRESSES = 1 << 13;

  private static final long HASH = 0x9e3779b97f4a7c15L;

  /** As an arena would touch all of the memory. */
  private static final MethodHandle MALLOC =
      of("malloc", FunctionDescriptor.of(ADDRESS, JAVA_LONG));

  private static final Consumer<MemorySegment> FREE = free();

  private static MethodHandle of(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), descriptor);
  }

  /**
   * Of classes of the JDK alone: the JVM's cleaner keeps it as long as there is memory to be freed,
   * which is as long as there is the class loader of this class.
   */
  @SuppressWarnings("unchecked")
  private static Consumer<MemorySegment> free() {
    MethodHandle free = of("free", FunctionDescriptor.ofVoid(ADDRESS));
    Thread thread = Thread.currentThread();
    ClassLoader context = thread.getContextClassLoader();
    thread.setContextClassLoader(ClassLoader.getSystemClassLoader()); // which gets a class of it
    try {
      return MethodHandleProxies.asInterfaceInstance(Consumer.class, free);
    } finally {
      thread.setContextClassLoader(context);
    }
  }

  /** Elements along three axes: of each a count and a stride. */
  private static final class Box {
    long first;
    long outerCount;
    long outer;
    long middleCount;
    long middle;
    long innerCount;
    long inner;

    /** How many elements without gaps each of them is. */
    long run;
  }

  /** What is copied of one array. */
  private static final class Block {
    /** The Java array of the call in progress; NULL: it has none here. */
    MemorySegment array = MemorySegment.NULL;

    /** Whether the call has an array here. */
    boolean isArray;

    long bytes;

    /** An array before this one that is the same memory; -1: none. */
    int twin;

    boolean read;
    boolean written;
    Form form = Form.PER_CLASS;
    int size;

    // Its strides, in elements.
    long outer;
    long classes;
    long inner;

    /** Where the entries of a row begin, and how many there are. */
    long from;

    long entries;

    /** Where the array seems to begin, in the memory of all blocks. */
    long base;

    /** The same as an address. */
    MemorySegment address = MemorySegment.NULL;

    /** The rows of a part of an outer index, of whole ones, and of a part. */
    final Box[] boxes = {new Box(), new Box(), new Box()};

    int boxCount;
  }

  private final Block[] blocks = new Block[Function.MOST_ARRAYS];

  /** How many arrays the call has, others among them. */
  private int count;

  private MemorySegment room = MemorySegment.NULL;

  /** Segments of no size by their addresses, so that the same block needs no new one. */
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

  /** Finds what is to be copied for a call, and where. */
  void describe(Work work) {
    inner = Math.max(ShapeStruct.inner(work.shape()), 1);
    rowBegin = work.rowBegin();
    rowEnd = work.rowEnd();
    findRagged(work);
    count = work.count();
    long needed = 0;
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      MemorySegment array = work.arrays[i];
      block.isArray = !array.isNative();
      if (!block.isArray) {
        continue;
      }
      describe(block, work, i);
      block.bytes = array.byteSize();
      block.twin = twin(work, i);
      int place = block.twin >= 0 ? block.twin : overwritten(work, i);
      if (place >= 0) {
        block.base = blocks[place].base;
        continue;
      }
      long whole = (block.bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      boolean small = whole <= SMALL;
      // So that the block of a large one, wherever it begins, is at the same place.
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

  /** Gives the call that was described blocks in place of arrays. */
  void enter(Work work) {
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      if (block.isArray) {
        block.array = work.arrays[i];
        work.arrays[i] = block.address;
        if (block.read) {
          copy(block, true);
        }
      }
    }
  }

  /**
   * Gives the call its arrays again, also where it did not get all blocks.
   *
   * @param written whether they get what the call wrote
   */
  void leave(Work work, boolean written) {
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      if (block.array != MemorySegment.NULL) {
        MemorySegment array = block.array;
        if (written && block.written) {
          copy(block, false);
        }
        work.arrays[i] = array;
        block.array = MemorySegment.NULL;
      }
    }
  }

  /** An array before this one that is the same memory, as an output may be an input's. */
  private int twin(Work work, int place) {
    MemorySegment array = work.arrays[place];
    for (int i = 0; i < place; i++) {
      if (blocks[i].isArray && areSame(work.arrays[i], array)) {
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
   * The logits, if the call can write an output over its copy of them; -1: it cannot. That is one
   * block less in the cache, and the core does not store past the caches, from which the block is
   * read at once.
   */
  private int overwritten(Work work, int place) {
    Function function = work.function();
    Array array = function.array(place);
    int logits = function.place(Array.LOGITS);
    if (array != Array.OUTPUT && array != Array.GRADIENT || logits < 0 || logits >= place) {
      return -1;
    }
    for (int i = 0; i < count; i++) {
      if (i != logits && areSame(work.arrays[i], work.arrays[logits])) {
        return -1;
      }
    }
    return !blocks[place].read
            && typeOf(work, array) == typeOf(work, Array.LOGITS)
            && areAlike(blocks[place], blocks[logits])
        ? logits
        : -1;
  }

  /** Whether each entry of one array is where it is in the other. */
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

  private void findRagged(Work work) {
    int place = work.function().place(Array.ROW_OFFSETS);
    raggedEnd = -1;
    if (place >= 0 && work.arrays[place] != MemorySegment.NULL) {
      MemorySegment offsets = work.arrays[place];
      ElementType type = ElementType.of(typeOf(work, Array.ROW_OFFSETS));
      raggedBegin = type.getInteger(offsets, rowBegin);
      raggedEnd = type.getInteger(offsets, rowEnd);
    }
  }

  /** Where the layout of an array is in the shape. */
  private static long layoutAt(Array array) {
    return ShapeStruct.offset(Array.LOGITS) + array.ordinal() * xent_layout.sizeof();
  }

  private static int typeOf(Work work, Array array) {
    return work.shape().get(JAVA_INT, layoutAt(array) + xent_layout.type$offset());
  }

  private void describe(Block block, Work work, int place) {
    Function function = work.function();
    Array array = function.array(place);
    MemorySegment shape = work.shape();
    long layout = layoutAt(array);
    Form form = function.rule(place).form;
    if (form == Form.OF_TARGETS) {
      form = ofTargets(work);
    } else if (function.rule(place).isOfBits(typeOf(work, array))) {
      form = Form.PER_WORD;
    }
    block.form = form;
    block.size = ElementType.of(typeOf(work, array)).byteSize();
    block.outer = shape.get(JAVA_LONG, layout + xent_layout.outer$offset());
    block.classes = shape.get(JAVA_LONG, layout + xent_layout.classes$offset());
    block.inner = shape.get(JAVA_LONG, layout + xent_layout.inner$offset());
    block.written = function.rule(place).written;
    // Outputs of rows are written whole; of other arrays a call may leave something as it was.
    block.read =
        !block.written || form != Form.PER_CLASS || function == Function.LINEAR_CROSS_ENTROPY;
    boolean ranged = form == Form.PER_CLASS || form == Form.OF_CLASSES || form == Form.ONE_ROW;
    boolean whole = !ranged || array == Array.CLASS_WEIGHTS || isMaskOfTargets(work, array);
    block.from = whole ? 0 : work.classBegin();
    block.entries = whole ? form.entries(shape) : work.classEnd() - block.from;
    block.boxCount = 0;
    describeBoxes(block, ShapeStruct.features(shape));
  }

  /** Of which the classes of targets are read, also those that are not in the range. */
  private static boolean isMaskOfTargets(Work work, Array array) {
    int targets = work.function().place(Array.TARGETS);
    return array == Array.CLASS_MASK && targets >= 0 && work.arrays[targets] != MemorySegment.NULL;
  }

  private static Form ofTargets(Work work) {
    if (ShapeStruct.targetCount(work.shape()) != 0) {
      return Form.PER_TARGET;
    }
    int type = typeOf(work, Array.TARGETS);
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

  /** The entries of all rows: of a part of an outer index, of whole ones, of a part. */
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

  /** All elements along three axes, each of a count and a stride, in runs as long as there are. */
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
    // What repeats is one.
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

  /** The first byte that is copied. */
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
      addresses[place] = segment;
      if (2 * ++addressCount > addresses.length) {
        grow();
      }
    }
    return segment;
  }

  /** Where an address is, or is to be. */
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
