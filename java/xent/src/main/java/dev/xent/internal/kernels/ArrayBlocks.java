// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Off-heap copies of the elements of Java arrays that a call reads and writes, where neither the
 * linker nor a native method takes the arrays: on JDK 21, in calls that also use memory that
 * another thread could close, and in a JVM that does not pin arrays.
 *
 * <p>Each array gets a separate address range of its full size, because the C code compares the
 * byte ranges of whole arrays, which must not overlap. Only the elements that the call's rows and
 * classes need are copied, so other threads may use the others. The memory is kept for the next
 * call of the same {@link FunctionCall}.
 */
final class ArrayBlocks {
  private static final long ALIGNMENT = 64;

  /** The elements of one array that are copied. */
  private static final class Block {
    /** The Java array of the call in progress; NULL if the array is absent or off the heap. */
    MemorySegment array = MemorySegment.NULL;

    /** The copy of the array. */
    MemorySegment memory = MemorySegment.NULL;

    /** Whether the call has a Java array here. */
    boolean isArray;

    Form form = Form.PER_ROW;
    long size;
    long outer;
    long classes;
    long inner;
    boolean read;
    boolean written;

    /** The first entry of each row that is copied, and the number of entries. */
    long from;

    long entries;

    /** The offset of the array's address range in the memory of all blocks. */
    long base;

    /** The memory of all blocks that the copy is a part of. */
    private MemorySegment room = MemorySegment.NULL;

    /** Places the copy at its offset. Most calls repeat the places of the call before. */
    void place(MemorySegment ofAll) {
      long bytes = array.byteSize();
      if (room != ofAll
          || memory.byteSize() != bytes
          || memory.address() != ofAll.address() + base) {
        memory = ofAll.asSlice(base, bytes);
        room = ofAll;
      }
    }
  }

  private final Block[] blocks = new Block[Function.MOST_ARRAYS];

  /** The number of arrays of the call, including arrays off the heap. */
  private int count;

  private MemorySegment room = MemorySegment.NULL;

  // The rows of the call.
  private long rowBegin;
  private long rowEnd;
  private long inner;
  private long features;
  private long raggedBegin;
  private long raggedEnd;

  ArrayBlocks() {
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = new Block();
    }
  }

  /** Determines the elements to copy for a call, and the addresses of the blocks. */
  void describe(FunctionCall call) {
    inner = Math.max(call.shape().inner, 1);
    features = call.shape().features;
    rowBegin = call.rowBegin();
    rowEnd = call.rowEnd();
    findRagged(call);
    count = call.count();
    long needed = 0;
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      MemorySegment array = call.arrays[i];
      block.isArray = !array.isNative();
      if (block.isArray) {
        describe(block, call, i);
        int twin = twin(call, i);
        block.base = twin >= 0 ? blocks[twin].base : needed;
        needed += twin >= 0 ? 0 : (array.byteSize() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      }
    }
    if (room.byteSize() < needed) {
      room = Arena.ofAuto().allocate(needed, ALIGNMENT);
    }
  }

  /** Replaces the Java arrays of the described call by blocks. */
  void enter(FunctionCall call) {
    for (int i = 0; i < count; i++) {
      Block block = blocks[i];
      if (block.isArray) {
        block.array = call.arrays[i];
        block.place(room);
        call.arrays[i] = block.memory;
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

  // ---- which elements --------------------------------------------------------------------------

  private void findRagged(FunctionCall call) {
    int place = call.function().place(Array.ROW_OFFSETS);
    raggedEnd = -1;
    if (place >= 0 && call.arrays[place] != MemorySegment.NULL) {
      MemorySegment offsets = call.arrays[place];
      ElementType type = ElementType.of(call.shape().type(Array.ROW_OFFSETS));
      raggedBegin = type.getInteger(offsets, rowBegin);
      raggedEnd = type.getInteger(offsets, rowEnd);
    }
  }

  private void describe(Block block, FunctionCall call, int place) {
    Function function = call.function();
    Array array = function.array(place);
    CallShape shape = call.shape();
    int layout = array.ordinal() * CallShape.LAYOUT;
    ElementType type = ElementType.of(shape.type(array));
    Rule rule = function.rules[place];
    Form form = rule.form;
    if (form == Form.OF_TARGETS) {
      form = ofTargets(call);
    } else if (rule.isOfBits(type)) {
      form = Form.PER_WORD;
    }
    block.form = form;
    block.size = type.byteSize();
    block.outer = shape.layouts[layout];
    block.classes = shape.layouts[layout + 1];
    block.inner = shape.layouts[layout + 2];
    block.written = rule.written;
    // Outputs per class are written completely. A call may leave elements of other outputs
    // unchanged.
    block.read =
        !block.written || form != Form.PER_CLASS || function == Function.LINEAR_CROSS_ENTROPY;
    boolean ranged = form == Form.PER_CLASS || form == Form.OF_CLASSES || form == Form.ONE_ROW;
    boolean whole = !ranged || array == Array.CLASS_WEIGHTS || isMaskOfTargets(call, array);
    block.from = whole ? 0 : call.classBegin();
    block.entries = whole ? form.entries(shape) : call.classEnd() - block.from;
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
    if (call.shape().targetCount != 0) {
      return Form.PER_TARGET;
    }
    int type = call.shape().type(Array.TARGETS);
    return ElementType.holds(type, ElementType.LABELS) ? Form.PER_ROW : Form.PER_CLASS;
  }

  // ---- copies ----------------------------------------------------------------------------------

  /** Copies the elements of a block, from the array or to it. */
  private void copy(Block b, boolean in) {
    long first = b.from * b.classes;
    if (b.form == Form.OFFSETS) {
      copy(b, in, rowBegin, rowEnd + 1 - rowBegin, 1);
    } else if (b.form == Form.ONE_ROW) {
      copy(b, in, first, b.entries, b.classes);
    } else if (b.form == Form.OF_CLASSES) {
      for (long k = b.from; k < b.from + b.entries; k++) {
        copy(b, in, k * b.outer, features, b.classes);
      }
    } else if (b.form == Form.PER_CLASS && raggedEnd >= 0) {
      copy(b, in, raggedBegin * b.classes, raggedEnd - raggedBegin, b.classes);
    } else {
      for (long row = rowBegin; row < rowEnd; row++) {
        long begin = row / inner * b.outer + row % inner * b.inner;
        copy(b, in, begin + first, b.entries, b.classes);
      }
    }
  }

  /** Copies elements at equal distances; at a distance of 0 there is only one. */
  private void copy(Block b, boolean in, long first, long elements, long stride) {
    MemorySegment from = in ? b.array : b.memory;
    MemorySegment to = in ? b.memory : b.array;
    if (stride == 1) {
      long at = first * b.size;
      MemorySegment.copy(from, at, to, at, Math.max(elements, 0) * b.size);
      return;
    }
    long last = stride == 0 ? Math.min(elements, 1) : elements;
    for (long i = 0; i < last; i++) {
      copyOne(from, to, (first + i * stride) * b.size, (int) b.size);
    }
  }

  private static void copyOne(MemorySegment a, MemorySegment b, long at, int size) {
    switch (size) {
      case Byte.BYTES -> b.set(JAVA_BYTE, at, a.get(JAVA_BYTE, at));
      case Short.BYTES -> b.set(JAVA_SHORT_UNALIGNED, at, a.get(JAVA_SHORT_UNALIGNED, at));
      case Integer.BYTES -> b.set(JAVA_INT_UNALIGNED, at, a.get(JAVA_INT_UNALIGNED, at));
      default -> b.set(JAVA_LONG_UNALIGNED, at, a.get(JAVA_LONG_UNALIGNED, at));
    }
  }
}
