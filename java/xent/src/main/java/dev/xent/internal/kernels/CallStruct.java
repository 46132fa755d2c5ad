// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xent.internal.ffi.xent_layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The struct of a function, {@code xent_softmax_call} and the others, without the addresses of its
 * arrays, in memory that every function's fits in. tools/functions.py finds the offsets in xent.h,
 * and AbiFactsTest compares them with the compiler's.
 */
final class CallStruct {
  // The numbers of Function.struct: the size, offsets of members, sizes in the order of
  // ShapeStruct, and of arrays in the order of the function.
  private static final int SIZE = 0;
  private static final int CHOICE = 1;
  private static final int REPORT = 2;
  private static final int SAMPLING = 3;
  private static final int WORKSPACE_SIZE = 4;
  private static final int LOGITS_TYPE = 5;
  private static final int CONTINUES = 6;
  private static final int SIZES = 7;
  private static final int PROMPT_COUNT = SIZES + 4;
  private static final int OUTPUT_COUNT = SIZES + 5;
  private static final int SIZES_COUNT = 7;
  private static final int ARRAYS = SIZES + SIZES_COUNT;

  private static final long AT_OUTER = 8;
  private static final long THREE_SIZES = 24;
  private static final long AT_ROWS = AT_OUTER + THREE_SIZES;
  private static final long BEHIND_ADDRESS = 8;
  private static final long LAYOUT = xent_layout.sizeof();

  private static final long MOST_BYTES = mostBytes();
  private static final long AT_ROW_RANGE = MOST_BYTES;
  private static final long AT_CLASS_RANGE = AT_ROW_RANGE + 2 * Long.BYTES;

  private static long mostBytes() {
    int most = 0;
    for (Function function : Function.values()) {
      most = Math.max(most, function.struct[SIZE]);
    }
    return most;
  }

  private final MemorySegment memory;
  private final MemorySegment rows;
  private final MemorySegment classes;

  CallStruct(Arena arena) {
    memory = arena.allocate(AT_CLASS_RANGE + 2 * Long.BYTES, Long.BYTES);
    rows = memory.asSlice(AT_ROW_RANGE);
    classes = memory.asSlice(AT_CLASS_RANGE);
  }

  long address() {
    return memory.address();
  }

  /** Begins the struct of a function. */
  void begin(Function function) {
    for (long i = 0; i < function.struct[SIZE]; i += Long.BYTES) {
      memory.set(JAVA_LONG, i, 0);
    }
    memory.set(JAVA_LONG, 0, function.struct[SIZE]);
    memory.set(JAVA_LONG, AT_ROWS, rows.address());
    if (function.hasClasses) {
      memory.set(JAVA_LONG, AT_ROWS + BEHIND_ADDRESS, classes.address());
    }
  }

  void structs(Function function, MemorySegment options, MemorySegment report) {
    memory.set(
        JAVA_LONG, AT_ROWS + (function.hasClasses ? 2 : 1) * BEHIND_ADDRESS, options.address());
    memory.set(JAVA_LONG, function.struct[REPORT], report.address());
  }

  void rowBegin(long value) {
    memory.set(JAVA_LONG, AT_ROW_RANGE, value);
  }

  void rowEnd(long value) {
    memory.set(JAVA_LONG, AT_ROW_RANGE + Long.BYTES, value);
  }

  void classBegin(long value) {
    memory.set(JAVA_LONG, AT_CLASS_RANGE, value);
  }

  void classEnd(long value) {
    memory.set(JAVA_LONG, AT_CLASS_RANGE + Long.BYTES, value);
  }

  /** Copies the sizes and layouts of the function from a {@link ShapeStruct}. */
  void shape(Function function, MemorySegment shape) {
    int[] at = function.struct;
    MemorySegment.copy(shape, ShapeStruct.SIZES, memory, AT_OUTER, THREE_SIZES);
    long from = ShapeStruct.SIZES + THREE_SIZES;
    for (int i = SIZES; i < ARRAYS; i++, from += Long.BYTES) {
      if (at[i] != 0) {
        memory.set(JAVA_LONG, at[i], shape.get(JAVA_LONG, from));
      }
    }
    if (at[CONTINUES] != 0) {
      memory.set(JAVA_INT, at[CONTINUES], (int) ShapeStruct.continues(shape));
    }
    if (at[LOGITS_TYPE] != 0) {
      MemorySegment.copy(shape, ShapeStruct.TYPE_OF_LOGITS, memory, at[LOGITS_TYPE], Integer.BYTES);
    }
    for (int place = 0; place < function.count(); place++) {
      Array array = function.array(place);
      if (array.ordinal() < Array.LAYOUTS) {
        long to = at[ARRAYS + place] + BEHIND_ADDRESS;
        MemorySegment.copy(shape, ShapeStruct.offset(array), memory, to, LAYOUT);
      }
    }
  }

  /** Sets the counts of a text's tokens, which a prepared call reads again. */
  void text(long promptCount, long outputCount, boolean continues) {
    int[] at = Function.SAMPLE.struct;
    memory.set(JAVA_LONG, at[PROMPT_COUNT], promptCount);
    memory.set(JAVA_LONG, at[OUTPUT_COUNT], outputCount);
    memory.set(JAVA_INT, at[CONTINUES], continues ? 1 : 0);
  }

  /** Sets what only some functions have. */
  void special(Function function, int choice, MemorySegment sampling, long workspaceSize) {
    int[] at = function.struct;
    if (at[CHOICE] != 0) {
      memory.set(JAVA_INT, at[CHOICE], choice);
    }
    if (at[SAMPLING] != 0) {
      memory.set(JAVA_LONG, at[SAMPLING], sampling.address());
    }
    if (at[WORKSPACE_SIZE] != 0) {
      memory.set(JAVA_LONG, at[WORKSPACE_SIZE], workspaceSize);
    }
  }
}
