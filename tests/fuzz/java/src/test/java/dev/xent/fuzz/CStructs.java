// SPDX-License-Identifier: Apache-2.0
package dev.xent.fuzz;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * An array and its schema in the C Data Interface, with fields as the fuzzer likes them. Their
 * release callbacks count. As the interface does not tell how much memory is behind an address,
 * arrays that are long and right in themselves have none of the memory that a view reads.
 */
final class CStructs {
  private static final int MOST_DEPTH = 4;
  private static final int LONGEST_FORMAT = 64;

  /** Behind every buffer; what lengths and offsets below SMALL ask for, at most. */
  private static final int MEMORY = 1024;

  private static final int SMALL = 40;

  private static final long[] LARGE = {
    1L << 16, 1L << 31, 1L << 32, 1L << 59, 1L << 60, 1L << 61, 1L << 62
  };
  private static final long[] IMPOSSIBLE = {
    -1, -2, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 1, (1L << 62) + 1
  };
  private static final String[] FORMATS = {"e", "f", "g", "c", "C", "s", "i", "l"};
  private static final MemorySegment RELEASE_ARRAY = stub("releaseArray");
  private static final MemorySegment RELEASE_SCHEMA = stub("releaseSchema");

  private static final String[] SIZES = {
    "0",
    "1",
    "2",
    "3",
    "4",
    "03",
    "4294967296",
    "999999999999999999",
    "1000000000000000000",
    "-1",
    ""
  };

  private static int arraysReleased;
  private static int schemasReleased;

  final long array;
  final long schema;

  private final FuzzedDataProvider data;
  private final Arena arena;
  private final List<MemorySegment> memories = new ArrayList<>();

  CStructs(FuzzedDataProvider data, Arena arena) {
    this.data = data;
    this.arena = arena;
    int depth = data.consumeInt(0, MOST_DEPTH);
    boolean lists = data.consumeBoolean();
    array = array(depth, lists);
    schema = schema(depth, lists);
    arraysReleased = 0;
    schemasReleased = 0;
  }

  /** True with one chance in sixteen. */
  private boolean rarely() {
    return data.consumeInt(0, 15) == 15;
  }

  private long or0(MemorySegment memory) {
    return rarely() ? 0 : memory.address();
  }

  /** A length or an offset; a large one is possible where nothing is read by it. */
  private long length(boolean read) {
    if (!rarely()) {
      return data.consumeInt(0, SMALL);
    }
    return read || data.consumeBoolean() ? data.pickValue(IMPOSSIBLE) : data.pickValue(LARGE);
  }

  private long array(int depth, boolean lists) {
    MemorySegment struct = arena.allocate(80, 8);
    boolean hasOffsets = lists && depth > 0;
    long length = length(hasOffsets);
    long offset = data.consumeBoolean() ? 0 : length(hasOffsets);
    struct.setAtIndex(JAVA_LONG, 0, length);
    struct.setAtIndex(JAVA_LONG, 1, data.consumeInt(0, 7) < 6 ? 0 : data.consumeInt(-2, SMALL));
    struct.setAtIndex(JAVA_LONG, 2, offset);
    int buffers = depth > 0 && !lists ? 1 : 2;
    struct.setAtIndex(JAVA_LONG, 3, rarely() ? data.consumeLong() : buffers);
    struct.setAtIndex(JAVA_LONG, 4, rarely() ? data.consumeLong() : depth > 0 ? 1 : 0);
    MemorySegment addresses = arena.allocate(16, 8);
    boolean small = length <= SMALL && offset <= SMALL;
    addresses.setAtIndex(JAVA_LONG, 0, small && data.consumeBoolean() ? bitmap() : 0);
    addresses.setAtIndex(JAVA_LONG, 1, or0(hasOffsets ? offsets() : memory()));
    struct.setAtIndex(JAVA_LONG, 5, or0(addresses));
    if (depth > 0) {
      boolean own = rarely(); // a child of itself
      long child = own ? struct.address() : rarely() ? 0 : array(depth - 1, false);
      struct.setAtIndex(JAVA_LONG, 6, or0(arena.allocateFrom(JAVA_LONG, child)));
    }
    struct.setAtIndex(JAVA_LONG, 7, rarely() ? struct.address() : 0);
    struct.setAtIndex(JAVA_LONG, 8, or0(RELEASE_ARRAY));
    return struct.address();
  }

  /** Bytes of the fuzzer's, and behind them no nulls. */
  private long bitmap() {
    MemorySegment bits = arena.allocate(MEMORY, 8);
    bits.fill((byte) -1);
    write(bits, data.consumeBytes(data.consumeInt(0, 8)));
    return bits.address();
  }

  /** Rarely not aligned. */
  private MemorySegment memory() {
    int shift = data.consumeInt(0, 15) < 14 ? 0 : data.consumeInt(1, 7);
    MemorySegment memory = arena.allocate(MEMORY + 8, 64);
    memories.add(memory);
    return memory.asSlice(shift);
  }

  /** Whether all of a segment lies in memory that there is. */
  boolean hasMemoryOf(MemorySegment segment) {
    return memories.stream()
        .anyMatch(
            memory ->
                segment.address() >= memory.address()
                    && segment.byteSize() <= memory.byteSize()
                    && segment.address() + segment.byteSize()
                        <= memory.address() + memory.byteSize());
  }

  /** Offsets of lists, of either size. */
  private MemorySegment offsets() {
    MemorySegment memory = memory();
    boolean large = data.consumeBoolean();
    long last = 0;
    for (int i = 0; i < 2 * SMALL + 1; i++) {
      long step =
          data.remainingBytes() == 0 ? 0 : rarely() ? data.consumeLong() : data.consumeInt(0, 3);
      last += step;
      if (large) {
        memory.set(JAVA_LONG_UNALIGNED, i * 8L, last);
      } else {
        memory.set(JAVA_INT_UNALIGNED, i * 4L, (int) last);
      }
    }
    return memory;
  }

  private long schema(int depth, boolean lists) {
    MemorySegment struct = arena.allocate(72, 8);
    String format =
        depth == 0
            ? data.pickValue(FORMATS)
            : lists ? data.pickValue(new String[] {"+l", "+L"}) : "+w:" + data.pickValue(SIZES);
    byte[] bytes =
        rarely() ? data.consumeBytes(LONGEST_FORMAT) : format.getBytes(StandardCharsets.US_ASCII);
    MemorySegment text = arena.allocate(LONGEST_FORMAT);
    write(text, bytes);
    struct.setAtIndex(JAVA_LONG, 0, or0(text));
    struct.setAtIndex(JAVA_LONG, 4, rarely() ? data.consumeLong() : depth > 0 ? 1 : 0);
    if (depth > 0) {
      boolean own = rarely();
      long child = own ? struct.address() : rarely() ? 0 : schema(depth - 1, false);
      struct.setAtIndex(JAVA_LONG, 5, or0(arena.allocateFrom(JAVA_LONG, child)));
    }
    struct.setAtIndex(JAVA_LONG, 6, rarely() ? struct.address() : 0);
    struct.setAtIndex(JAVA_LONG, 7, or0(RELEASE_SCHEMA));
    return struct.address();
  }

  private static void write(MemorySegment memory, byte[] bytes) {
    MemorySegment.copy(
        MemorySegment.ofArray(bytes), 0, memory, 0, Math.min(bytes.length, memory.byteSize()));
  }

  /** Fails unless array and schema have been released so many times. */
  static void requireReleased(int arrays, int schemas) {
    Found.unless(
        arraysReleased == arrays && schemasReleased == schemas,
        "the array was released %d times, not %d, the schema %d times, not %d"
            .formatted(arraysReleased, arrays, schemasReleased, schemas));
  }

  private static void releaseArray(MemorySegment struct) {
    arraysReleased++;
  }

  private static void releaseSchema(MemorySegment struct) {
    schemasReleased++;
  }

  private static MemorySegment stub(String method) {
    try {
      return Linker.nativeLinker()
          .upcallStub(
              MethodHandles.lookup()
                  .findStatic(
                      CStructs.class,
                      method,
                      MethodType.methodType(void.class, MemorySegment.class)),
              FunctionDescriptor.ofVoid(ADDRESS),
              Arena.global());
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("the method is in this class", e);
    }
  }
}
