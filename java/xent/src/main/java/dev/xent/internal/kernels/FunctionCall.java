// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A call of one function: its structs, ranges and arrays. One thread reuses an instance for many
 * calls, so that a call allocates nothing.
 *
 * <p>Structs are off-heap segments in the C layouts. The caller keeps them open and reachable until
 * the call returns. Arrays are off-heap segments or segments of Java arrays, and begin at element
 * (row 0, class 0).
 */
public final class FunctionCall {
  /** The number of arrays of the shorter entry point. */
  static final int FEW_ARRAYS = 6;

  // The numbers of Function.struct: the size, offsets of members, and those of the arrays.
  private static final int SIZE = 0;
  private static final int CHOICE = 1;
  private static final int REPORT = 2;
  private static final int SAMPLING = 3;
  private static final int WORKSPACE_SIZE = 4;
  private static final int LOGITS_TYPE = 5;
  private static final int CONTINUES = 6;
  private static final int TARGET_COUNT = 7;
  private static final int TOP_COUNT = 8;
  private static final int FIRST_CLASS = 9;
  private static final int ALL_CLASSES = 10;
  private static final int PROMPT_COUNT = 11;
  private static final int OUTPUT_COUNT = 12;
  private static final int FEATURES = 13;
  private static final int ARRAYS = 14;

  /** The longs of the ranges of rows and classes, which follow the struct. */
  private static final int RANGES = 4;

  private static final int MOST_LONGS = mostLongs();

  private static int mostLongs() {
    int most = 0;
    for (Function function : Function.values()) {
      most = Math.max(most, function.struct[SIZE] / Long.BYTES);
    }
    return most + RANGES;
  }

  /**
   * The struct of the function, {@code xent_softmax_call} and the others, without the addresses of
   * its arrays. tools/functions.py finds the offsets in xent.h, and CallStructTest compares them
   * with the compiler's.
   */
  private final MemorySegment struct;

  /** What {@link #struct()} copies there, and the function that it is of. */
  private final long[] image = new long[MOST_LONGS];

  private @Nullable Function written;

  /** In the order of the function; NULL for an absent array. */
  final MemorySegment[] arrays = new MemorySegment[Function.MOST_ARRAYS];

  /** The Java arrays under the segments, where native methods may be passed them. */
  final @Nullable Object[] bases = new Object[Function.MOST_ARRAYS];

  /** The present arrays, if there are few, as of the last {@link #struct()}; then NULL. */
  final MemorySegment[] few = new MemorySegment[FEW_ARRAYS];

  final @Nullable Object[] fewBases = new Object[FEW_ARRAYS];

  private final long[] addresses = new long[Function.MOST_ARRAYS];

  private int fewCount;

  /** One past the place of the last array that was set. */
  private int end;

  private boolean onHeap;

  /** Whether no other thread can close the memory of any array. */
  private boolean isHeld = true;

  final CallRate rate = new CallRate();

  private @Nullable ArrayBlocks blocks;

  private Function function = Function.SOFTMAX;
  private CallShape shape;
  private MemorySegment options = MemorySegment.NULL;
  private MemorySegment report = MemorySegment.NULL;
  private MemorySegment sampling = MemorySegment.NULL;
  private long rowBegin;
  private long rowEnd;
  private long classBegin;
  private long classEnd;

  /** Bit i is set if array i is present. */
  private int mask;

  private int choice;
  private long workspaceSize;

  /** An instance for many calls. */
  public FunctionCall() {
    this(Arena.ofAuto());
  }

  /** An instance for many calls, in memory that lives as long as the arena's. */
  public FunctionCall(Arena arena) {
    struct = arena.allocate(MOST_LONGS * Long.BYTES, Long.BYTES);
    Arrays.fill(arrays, MemorySegment.NULL);
    Arrays.fill(few, MemorySegment.NULL);
  }

  /**
   * Begins a call without arrays.
   *
   * @param newOptions xent_options
   * @param newReport xent_report, or NULL
   */
  public FunctionCall begin(
      Function newFunction, CallShape newShape, MemorySegment newOptions, MemorySegment newReport) {
    clear();
    choice = 0;
    workspaceSize = 0;
    sampling = MemorySegment.NULL;
    function = newFunction;
    shape = newShape;
    options = newOptions;
    report = newReport;
    return this;
  }

  /** Replaces the structs. */
  public FunctionCall structs(CallShape newShape, MemorySegment newOptions) {
    shape = newShape;
    options = newOptions;
    return this;
  }

  /** Removes all arrays. Everything else stays set, to repeat the call. */
  public void clear() {
    for (; end > 0; end--) {
      arrays[end - 1] = MemorySegment.NULL;
      bases[end - 1] = null;
    }
    for (; fewCount > 0; fewCount--) {
      few[fewCount - 1] = MemorySegment.NULL;
      fewBases[fewCount - 1] = null;
    }
    mask = 0;
    onHeap = false;
    isHeld = true;
  }

  /** Sets an array of the function; NULL removes it. */
  public FunctionCall set(Array array, MemorySegment segment) {
    put(function.place(array), segment);
    isHeld &= segment == MemorySegment.NULL || (segment.isNative() && MemoryScopes.isHeld(segment));
    return this;
  }

  /** Sets an array if the function has it. */
  public void offer(Array array, MemorySegment segment) {
    offer(array, segment, null, false);
  }

  /**
   * Sets an array if the function has it.
   *
   * @param base the Java array under the segment, or null
   * @param held whether its memory cannot be closed before the call, nor by another thread during
   *     the call
   */
  public void offer(Array array, MemorySegment segment, @Nullable Object base, boolean held) {
    int place = function.place(array);
    if (place >= 0) {
      put(place, segment);
      bases[place] = base;
      isHeld &= segment == MemorySegment.NULL || held && segment.isNative() == (base == null);
    }
  }

  private void put(int place, MemorySegment segment) {
    if (segment == MemorySegment.NULL) {
      if (place < end) {
        arrays[place] = segment;
        bases[place] = null;
        mask &= ~(1 << place);
      }
      return;
    }
    arrays[place] = segment;
    mask |= 1 << place;
    onHeap |= !segment.isNative();
    if (place >= end) {
      end = place + 1;
    }
  }

  /** Sets the range of rows; {@code behind} is exclusive. */
  public FunctionCall rows(long begin, long behind) {
    rowBegin = begin;
    rowEnd = behind;
    return this;
  }

  /** Sets the range of classes; all classes if the function has no range. */
  public FunctionCall classes(long begin, long behind) {
    classBegin = begin;
    classEnd = behind;
    return this;
  }

  /** Sets the workspace, which the caller allocated for itself, and its size in bytes. */
  public FunctionCall workspace(MemorySegment room, long size) {
    workspaceSize = size;
    offer(Array.WORKSPACE, room, null, true);
    return this;
  }

  /** Sets the sampling parameters: xent_sampling, one for all rows or one per row. */
  public FunctionCall sampling(MemorySegment newSampling, boolean perRow) {
    sampling = newSampling;
    choice = perRow ? 1 : 0;
    return this;
  }

  /** Sets the function's choice: whether this is the second round of finish. */
  public FunctionCall choice(int newChoice) {
    choice = newChoice;
    return this;
  }

  public Function function() {
    return function;
  }

  public CallShape shape() {
    return shape;
  }

  public MemorySegment options() {
    return options;
  }

  public MemorySegment report() {
    return report;
  }

  public MemorySegment sampling() {
    return sampling;
  }

  public long rowBegin() {
    return rowBegin;
  }

  public long rowEnd() {
    return rowEnd;
  }

  public long classBegin() {
    return classBegin;
  }

  public long classEnd() {
    return classEnd;
  }

  public int choice() {
    return choice;
  }

  /** The array at a place; NULL if absent. */
  public MemorySegment array(int place) {
    return arrays[place];
  }

  // ---- arguments of the entry points -----------------------------------------------------------

  int count() {
    return end;
  }

  /** The off-heap blocks that replace Java arrays. */
  ArrayBlocks blocks() {
    if (blocks == null) {
      blocks = new ArrayBlocks();
    }
    return blocks;
  }

  boolean hasFewArrays() {
    return Integer.bitCount(mask) <= FEW_ARRAYS;
  }

  /** Collects the present arrays, if there are few. */
  private void collect() {
    int count = 0;
    for (int left = mask; left != 0; left &= left - 1) {
      int place = Integer.numberOfTrailingZeros(left);
      few[count] = arrays[place];
      fewBases[count++] = bases[place];
    }
    for (int i = count; i < fewCount; i++) {
      few[i] = MemorySegment.NULL;
      fewBases[i] = null;
    }
    fewCount = count;
  }

  /** The addresses of all arrays, by place; of a Java array, an offset in it. */
  long[] addresses() {
    for (int i = 0; i < addresses.length; i++) {
      addresses[i] = arrays[i].address();
    }
    return addresses;
  }

  /** Whether native methods may be passed the memory of all arrays. */
  boolean isHeld() {
    return isHeld;
  }

  /** Whether any array is a Java array. */
  boolean isOnHeap() {
    return onHeap;
  }

  /** The places of the arrays that are passed: those that are present, or all if there are many. */
  long passed() {
    return hasFewArrays() ? mask & 0xffffffffL : (1L << function.count()) - 1;
  }

  /** Sets the counts of a text's tokens in the struct, for the next run of a prepared call. */
  void text(long promptCount, long outputCount, boolean continues) {
    int[] at = Function.SAMPLE.struct;
    struct.set(JAVA_LONG, at[PROMPT_COUNT], promptCount);
    struct.set(JAVA_LONG, at[OUTPUT_COUNT], outputCount);
    struct.set(JAVA_INT, at[CONTINUES], continues ? 1 : 0);
  }

  /**
   * Writes the function's struct, without the addresses of its arrays, and returns its address.
   * Collects the arrays, if there are few.
   *
   * <p>Offsets of members that it does not have are 0, where its size comes last.
   */
  long struct() {
    int[] at = function.struct;
    long[] to = image;
    if (function != written) {
      written = function;
      Arrays.fill(to, 0);
    }
    if (hasFewArrays()) {
      collect();
    }
    long address = struct.address();
    int behind = at[SIZE] / Long.BYTES;
    to[1] = shape.outer;
    to[2] = shape.classes;
    to[3] = shape.inner;
    int next = 4;
    to[next++] = address + at[SIZE];
    if (function.hasClasses) {
      to[next++] = address + at[SIZE] + 2 * Long.BYTES;
    }
    to[next] = options.address();
    to[at[REPORT] / Long.BYTES] = report.address();
    to[at[SAMPLING] / Long.BYTES] = sampling.address();
    to[at[WORKSPACE_SIZE] / Long.BYTES] = workspaceSize;
    to[at[TARGET_COUNT] / Long.BYTES] = shape.targetCount;
    to[at[TOP_COUNT] / Long.BYTES] = shape.topCount;
    to[at[FIRST_CLASS] / Long.BYTES] = shape.firstClass;
    to[at[ALL_CLASSES] / Long.BYTES] = shape.allClasses;
    to[at[PROMPT_COUNT] / Long.BYTES] = shape.promptCount;
    to[at[OUTPUT_COUNT] / Long.BYTES] = shape.outputCount;
    to[at[FEATURES] / Long.BYTES] = shape.features;
    // Two members of four bytes share a long: the first one clears it.
    to[at[LOGITS_TYPE] / Long.BYTES] = shape.type(Array.LOGITS);
    if (at[CONTINUES] == 0) {
      to[at[CHOICE] / Long.BYTES] |= (long) choice << Integer.SIZE;
    } else {
      to[at[CHOICE] / Long.BYTES] = choice | shape.continues << Integer.SIZE;
    }
    Rule[] rules = function.rules;
    for (int place = 0; place < rules.length; place++) {
      int from = rules[place].array.ordinal() * CallShape.LAYOUT;
      if (from < shape.layouts.length) {
        int behindAddress = at[ARRAYS + place] / Long.BYTES + 1;
        System.arraycopy(shape.layouts, from, to, behindAddress, CallShape.LAYOUT);
      }
    }
    to[0] = at[SIZE];
    to[behind] = rowBegin;
    to[behind + 1] = rowEnd;
    to[behind + 2] = classBegin;
    to[behind + 3] = classEnd;
    MemorySegment.copy(to, 0, struct, JAVA_LONG, 0, behind + RANGES);
    return address;
  }
}
