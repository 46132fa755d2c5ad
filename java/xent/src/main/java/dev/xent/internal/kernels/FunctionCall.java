// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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

  private final CallStruct struct;

  /** In the order of the function; NULL for an absent array. */
  final MemorySegment[] arrays = new MemorySegment[Function.MOST_ARRAYS];

  /** The Java arrays under the segments, where native methods may be passed them. */
  private final @Nullable Object[] bases = new Object[Function.MOST_ARRAYS];

  /** The present arrays without gaps, if the last one's place is beyond the first few. */
  private final MemorySegment[] few = new MemorySegment[FEW_ARRAYS];

  private final @Nullable Object[] fewBases = new Object[FEW_ARRAYS];

  private final long[] addresses = new long[Function.MOST_ARRAYS];

  private int fewCount;

  /** Whether to pass the present arrays without gaps even if their places would fit. */
  private boolean withoutGaps;

  /** One past the place of the last array that was set. */
  private int end;

  private boolean onHeap;

  /** Whether no other thread can close the memory of any array. */
  private boolean isHeld = true;

  private final CallRate rate = new CallRate();

  private @Nullable ArrayBlocks blocks;

  private Function function = Function.SOFTMAX;
  private MemorySegment shape = MemorySegment.NULL;
  private MemorySegment options = MemorySegment.NULL;
  private MemorySegment report = MemorySegment.NULL;
  private MemorySegment sampling = MemorySegment.NULL;
  private long rowBegin;
  private long rowEnd;
  private long classBegin;
  private long classEnd;

  /** Bit i is set if array i is present. */
  private int mask;

  /** Whether the sampling parameters or any of the fields below are set. */
  private boolean special;

  private int choice;
  private long workspaceSize;

  // The values in the struct.
  private @Nullable Function writtenFunction;
  private @Nullable MemorySegment writtenOptions;
  private @Nullable MemorySegment writtenReport;
  private long writtenRowBegin;
  private long writtenRowEnd;
  private long writtenClassBegin;
  private long writtenClassEnd;
  private boolean writtenSpecial;

  /** An instance for many calls. */
  public FunctionCall() {
    this(Arena.ofAuto());
  }

  /** An instance for many calls, in memory that lives as long as the arena's. */
  public FunctionCall(Arena arena) {
    struct = new CallStruct(arena);
    java.util.Arrays.fill(arrays, MemorySegment.NULL);
    java.util.Arrays.fill(few, MemorySegment.NULL);
  }

  /**
   * Begins a call without arrays.
   *
   * @param newShape {@link ShapeStruct}
   * @param newOptions xent_options
   * @param newReport xent_report, or NULL
   */
  public FunctionCall begin(
      Function newFunction,
      MemorySegment newShape,
      MemorySegment newOptions,
      MemorySegment newReport) {
    clear();
    if (special) {
      special = false;
      choice = 0;
      workspaceSize = 0;
      sampling = MemorySegment.NULL;
    }
    function = newFunction;
    shape = newShape;
    options = newOptions;
    report = newReport;
    return this;
  }

  /** Replaces the structs. */
  public FunctionCall structs(MemorySegment newShape, MemorySegment newOptions) {
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
    special = true;
    workspaceSize = size;
    offer(Array.WORKSPACE, room, null, true);
    return this;
  }

  /** Sets the sampling parameters: xent_sampling, one for all rows or one per row. */
  public FunctionCall sampling(MemorySegment newSampling, boolean perRow) {
    special = true;
    sampling = newSampling;
    choice = perRow ? 1 : 0;
    return this;
  }

  /** Sets the function's choice: whether this is the second round of finish. */
  public FunctionCall choice(int newChoice) {
    special = true;
    choice = newChoice;
    return this;
  }

  public Function function() {
    return function;
  }

  public MemorySegment shape() {
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
    return end <= FEW_ARRAYS || Integer.bitCount(mask) <= FEW_ARRAYS;
  }

  /** From now on the present arrays are passed without gaps. */
  void passOnlyThese() {
    withoutGaps = true;
  }

  /** Whether the arrays are passed by place, with NULL for absent arrays. */
  private boolean passesPlaces() {
    return !withoutGaps && end <= FEW_ARRAYS;
  }

  /** The arrays to pass if there are few, in the order of the function. */
  MemorySegment[] fewArrays() {
    if (passesPlaces()) {
      return arrays;
    }
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
    return few;
  }

  /** The Java arrays under those of the last call of {@link #fewArrays}. */
  @Nullable Object[] fewBases() {
    return passesPlaces() ? bases : fewBases;
  }

  /** The Java arrays under all arrays, by place. */
  @Nullable Object[] bases() {
    return bases;
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

  CallRate rate() {
    return rate;
  }

  /** Whether any array is a Java array. */
  boolean isOnHeap() {
    return onHeap;
  }

  /** The arrays that are passed: a bit for each place, all places up to the last or only these. */
  long passed() {
    if (!hasFewArrays()) {
      return (1L << function.count()) - 1;
    }
    return passesPlaces() ? (1L << end) - 1 : mask & 0xffffffffL;
  }

  /** Sets the counts of a text's tokens in the struct, for the next run of a prepared call. */
  void text(long promptCount, long outputCount, boolean continues) {
    struct.text(promptCount, outputCount, continues);
  }

  /**
   * The address of the function's struct, without arrays. Writes only fields that changed, since
   * most calls repeat the previous one, and the shape, whose contents may have changed.
   */
  long struct() {
    boolean other = function != writtenFunction;
    if (other) {
      writtenFunction = function;
      struct.begin(function);
    }
    if (other || options != writtenOptions || report != writtenReport) {
      writtenOptions = options;
      writtenReport = report;
      struct.structs(function, options, report);
    }
    if (rowBegin != writtenRowBegin) {
      writtenRowBegin = rowBegin;
      struct.rowBegin(rowBegin);
    }
    if (rowEnd != writtenRowEnd) {
      writtenRowEnd = rowEnd;
      struct.rowEnd(rowEnd);
    }
    if (classBegin != writtenClassBegin) {
      writtenClassBegin = classBegin;
      struct.classBegin(classBegin);
    }
    if (classEnd != writtenClassEnd) {
      writtenClassEnd = classEnd;
      struct.classEnd(classEnd);
    }
    if (special || writtenSpecial) {
      writtenSpecial = special;
      struct.special(function, choice, sampling, workspaceSize);
    }
    struct.shape(function, shape);
    return struct.address();
  }
}
