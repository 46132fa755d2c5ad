// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_shape;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
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

  private static final MethodHandle FREE = of("free", FunctionDescriptor.ofVoid(ADDRESS));

  private static MethodHandle of(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), descriptor);
  }

  /** What is copied of one array. */
  private static final class Block {
    /** The Java array; NULL: the call has none here. */
    MemorySegment array = MemorySegment.NULL;

    boolean written;

    /** The same array in another place, which an output may be; -1: none. */
    int twin;

    Form form = Form.PER_CLASS;
    int size;

    // Its strides, in elements.
    long outer;
    long classes;
    long inner;

    /** Where the entries of a row begin, and how many there are. */
    long from;

    long entries;

    long features;

    /** The first byte that is copied. */
    long first;

    /** Where the array seems to begin, in the memory of all blocks. */
    long base;
  }

  private final Block[] blocks = new Block[Function.MOST_ARRAYS];
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

  /** Gives the call blocks in place of arrays. */
  void enter(Work work) {
    Function function = work.function();
    MemorySegment shape = work.shape();
    inner = xent_shape.inner(shape);
    rowBegin = work.rowBegin();
    rowEnd = work.rowEnd();
    findRagged(work);
    long needed = 0;
    for (int i = 0; i < work.count(); i++) {
      Block block = blocks[i];
      MemorySegment array = work.arrays[i];
      if (array.isNative()) {
        continue;
      }
      describe(block, work, i);
      block.array = array;
      block.written = Forms.isWritten(function, i);
      block.twin = twin(array, i);
      if (block.twin < 0) {
        long whole = (array.byteSize() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        boolean small = whole <= SMALL;
        // So that the block of a large one, wherever it begins, is at the same place.
        block.base = small ? needed : needed + whole - block.first / ALIGNMENT * ALIGNMENT;
        needed += small ? whole : 2 * whole;
      } else {
        block.base = blocks[block.twin].base;
      }
    }
    reserve(needed);
    for (int i = 0; i < work.count(); i++) {
      Block block = blocks[i];
      if (block.array != MemorySegment.NULL) {
        if (block.twin < 0 && isRead(block, function)) {
          copy(block, true);
        }
        work.arrays[i] = at(room.address() + block.base);
      }
    }
  }

  /** Brings back what the call wrote, and gives it its arrays again. */
  void leave(Work work, boolean succeeded) {
    for (int i = 0; i < work.count(); i++) {
      Block block = blocks[i];
      if (block.array != MemorySegment.NULL) {
        if (succeeded && block.written) {
          copy(block, false);
        }
        work.arrays[i] = block.array;
        block.array = MemorySegment.NULL;
      }
    }
  }

  /** Outputs of rows are written whole; of other arrays a call may leave something as it was. */
  private static boolean isRead(Block block, Function function) {
    return !block.written
        || block.form != Form.PER_CLASS
        || function == Function.LINEAR_CROSS_ENTROPY;
  }

  /** An array before this one that is the same memory. */
  private int twin(MemorySegment array, int place) {
    for (int i = 0; i < place; i++) {
      MemorySegment other = blocks[i].array;
      if (other != MemorySegment.NULL
          && other.address() == array.address()
          && other.byteSize() == array.byteSize()
          && (other == array || other.asOverlappingSlice(array).isPresent())) {
        return i;
      }
    }
    return -1;
  }

  // ---- which elements --------------------------------------------------------------------------

  private void findRagged(Work work) {
    int place = work.function().place(Array.ROW_OFFSETS);
    raggedEnd = -1;
    if (place >= 0 && work.arrays[place] != MemorySegment.NULL) {
      MemorySegment offsets = work.arrays[place];
      ElementType type = ElementType.of(xent_layout.type(layout(work, Array.ROW_OFFSETS)));
      raggedBegin = type.getInteger(offsets, rowBegin);
      raggedEnd = type.getInteger(offsets, rowEnd);
    }
  }

  private static MemorySegment layout(Work work, Array array) {
    long size = xent_layout.sizeof();
    return work.shape().asSlice(xent_shape.logits$offset() + array.ordinal() * size, size);
  }

  private void describe(Block block, Work work, int place) {
    Array array = work.function().array(place);
    Form form = Forms.of(work.function(), place);
    MemorySegment layout = layout(work, array);
    MemorySegment shape = work.shape();
    ElementType type = ElementType.of(xent_layout.type(layout));
    if (form == Form.OF_TARGETS) {
      form = ofTargets(work);
    }
    block.form = form;
    block.size = type.byteSize();
    block.outer = xent_layout.outer(layout);
    block.classes = xent_layout.classes(layout);
    block.inner = xent_layout.inner(layout);
    boolean ranged = form == Form.PER_CLASS || form == Form.OF_CLASSES || form == Form.ONE_ROW;
    // A row reads the weight of any class.
    ranged &= array != Array.CLASS_WEIGHTS;
    block.from = ranged ? work.classBegin() : 0;
    block.entries = ranged ? work.classEnd() - block.from : form.entries(shape);
    block.features = xent_shape.features(shape);
    block.first = first(block) * block.size;
  }

  private static Form ofTargets(Work work) {
    if (xent_shape.target_count(work.shape()) != 0) {
      return Form.PER_TARGET;
    }
    int type = xent_layout.type(layout(work, Array.TARGETS));
    return ElementType.holds(type, ElementType.LABELS) ? Form.PER_ROW : Form.PER_CLASS;
  }

  /** The first element that is copied, or one before it. */
  private long first(Block block) {
    return switch (block.form) {
      case OFFSETS -> rowBegin;
      case ONE_ROW -> block.from * block.classes;
      case OF_CLASSES -> block.from * block.outer;
      default -> {
        if (block.form == Form.PER_CLASS && raggedEnd >= 0) {
          yield raggedBegin * block.classes;
        }
        long row = rowBegin / inner;
        long here = row * block.outer + rowBegin % inner * block.inner;
        yield block.from * block.classes
            + (rowEnd <= (row + 1) * inner ? here : Math.min(here, (row + 1) * block.outer));
      }
    };
  }

  // ---- copies ----------------------------------------------------------------------------------

  private void copy(Block block, boolean in) {
    long classes = block.classes;
    switch (block.form) {
      case OFFSETS -> box(block, in, rowBegin, rowEnd + 1 - rowBegin, 1, 1, 0, 1, 0);
      case ONE_ROW -> box(block, in, block.from * classes, block.entries, classes, 1, 0, 1, 0);
      case OF_CLASSES -> {
        long first = block.from * block.outer;
        box(block, in, first, block.entries, block.outer, block.features, classes, 1, 0);
      }
      case PER_CLASS -> {
        if (raggedEnd >= 0) {
          long count = raggedEnd - raggedBegin;
          box(block, in, raggedBegin * classes, count, classes, 1, 0, 1, 0);
        } else {
          rows(block, in);
        }
      }
      default -> rows(block, in);
    }
  }

  /** The entries of all rows: of a part of an outer index, of whole ones, of a part. */
  private void rows(Block block, boolean in) {
    long outer = rowBegin / inner;
    long from = rowBegin % inner;
    long end = rowEnd / inner;
    long to = rowEnd % inner;
    if (outer == end) {
      rows(block, in, outer, 1, from, to - from);
      return;
    }
    if (from > 0) {
      rows(block, in, outer, 1, from, inner - from);
      outer++;
    }
    rows(block, in, outer, end - outer, 0, inner);
    rows(block, in, end, 1, 0, to);
  }

  private void rows(Block b, boolean in, long outer, long count, long from, long inners) {
    long first = outer * b.outer + from * b.inner + b.from * b.classes;
    box(b, in, first, count, b.outer, b.entries, b.classes, inners, b.inner);
  }

  /** All elements along three axes, each of a count and a stride, in runs as long as there are. */
  private void box(
      Block block, boolean in, long first, long n0, long s0, long n1, long s1, long n2, long s2) {
    if (n0 <= 0 || n1 <= 0 || n2 <= 0) {
      return;
    }
    // What repeats is one.
    long outer = s0 == 0 ? 1 : n0;
    long middle = s1 == 0 ? 1 : n1;
    long nested = s2 == 0 ? 1 : n2;
    long run = 1;
    for (int i = 0; i < 3; i++) {
      if (nested > 1 && s2 == run) {
        run *= nested;
        nested = 1;
      }
      if (middle > 1 && s1 == run) {
        run *= middle;
        middle = 1;
      }
      if (outer > 1 && s0 == run) {
        run *= outer;
        outer = 1;
      }
    }
    for (long i = 0; i < outer; i++) {
      for (long j = 0; j < middle; j++) {
        long element = first + i * s0 + j * s1;
        for (long k = 0; k < nested; k++) {
          move(block, in, (element + k * s2) * block.size, run);
        }
      }
    }
  }

  private void move(Block block, boolean in, long from, long count) {
    long to = block.base + from;
    if (count > 1) {
      if (in) {
        MemorySegment.copy(block.array, from, room, to, count * block.size);
      } else {
        MemorySegment.copy(room, to, block.array, from, count * block.size);
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
        throw new OutOfMemoryError("no room for copies of Java arrays of " + bytes + " bytes");
      }
      long aligned = (made.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      room =
          made.reinterpret(bytes + ALIGNMENT, Arena.ofAuto(), ArrayBlocks::free)
              .asSlice(aligned - made.address(), bytes);
    } catch (Throwable thrown) {
      throw NativeKernels.unchecked(thrown);
    }
  }

  private static void free(MemorySegment memory) {
    try {
      FREE.invokeExact(memory);
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
