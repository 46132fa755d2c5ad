// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.xent_work;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A call of one function: its structs, its ranges and its arrays. Used again and again, by one
 * thread, so that a call allocates nothing.
 *
 * <p>Structs are off-heap segments in the C layouts; whoever gives them keeps them open and
 * reachable until the call returns. Arrays are off-heap segments, or segments of Java arrays, that
 * begin at the element (row 0, class 0).
 */
public final class Work {
  /** As many arrays as the shorter entry point takes. */
  static final int FEW_ARRAYS = 6;

  private final MemorySegment struct = Arena.ofAuto().allocate(xent_work.layout());

  /** In the order of the function; NULL where the call is without one. */
  final MemorySegment[] arrays = new MemorySegment[Function.MOST_ARRAYS];

  /** The Java arrays below them, as far as native methods may be passed these. */
  private final @Nullable Object[] bases = new Object[Function.MOST_ARRAYS];

  /** Those that there are, where the places of the first ones are not enough. */
  private final MemorySegment[] few = new MemorySegment[FEW_ARRAYS];

  private final @Nullable Object[] fewBases = new Object[FEW_ARRAYS];

  private int fewCount;

  /** Whether the first arrays are those that there are, though fewer places would do. */
  private boolean withoutGaps;

  /** Behind the last array that was given. */
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

  /** Whether a function is told any of these. */
  private boolean special;

  /** Bit i: there is an array i. */
  private int mask;

  private int choice;
  private long shards;
  private long workspaceSize;

  // What the struct says.
  private @Nullable Function writtenFunction;
  private @Nullable MemorySegment writtenShape;
  private @Nullable MemorySegment writtenOptions;
  private @Nullable MemorySegment writtenReport;
  private long writtenRowBegin;
  private long writtenRowEnd;
  private long writtenClassBegin;
  private long writtenClassEnd;
  private boolean writtenSpecial;
  private int writtenPassed;

  /** Made once, for many calls. */
  public Work() {
    java.util.Arrays.fill(arrays, MemorySegment.NULL);
    java.util.Arrays.fill(few, MemorySegment.NULL);
    xent_work.size(struct, xent_work.sizeof());
  }

  /**
   * Begins a call, which has no arrays yet.
   *
   * @param newShape xent_shape
   * @param newOptions xent_options
   * @param newReport xent_report, or NULL
   */
  public Work begin(
      Function newFunction,
      MemorySegment newShape,
      MemorySegment newOptions,
      MemorySegment newReport) {
    clear();
    if (special) {
      special = false;
      choice = 0;
      shards = 0;
      workspaceSize = 0;
      sampling = MemorySegment.NULL;
    }
    function = newFunction;
    shape = newShape;
    options = newOptions;
    report = newReport;
    return this;
  }

  /** Other structs than it began with. */
  public Work structs(MemorySegment newShape, MemorySegment newOptions) {
    shape = newShape;
    options = newOptions;
    return this;
  }

  /** Lets go of all tensors. What is said beside them stays for the same call once more. */
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

  /** Gives an array, which the function takes, or takes it back with NULL. */
  public Work set(Array array, MemorySegment segment) {
    give(function.place(array), segment);
    isHeld &= segment == MemorySegment.NULL;
    return this;
  }

  /** Gives an array if the function takes it. */
  public void offer(Array array, MemorySegment segment) {
    offer(array, segment, null, false);
  }

  /**
   * Gives an array if the function takes it.
   *
   * @param base the Java array below it, or null
   * @param held whether nobody can close its memory before the call, nor another thread during it
   */
  public void offer(Array array, MemorySegment segment, @Nullable Object base, boolean held) {
    int place = function.place(array);
    if (place >= 0) {
      give(place, segment);
      bases[place] = base;
      isHeld &= segment == MemorySegment.NULL || held && segment.isNative() == (base == null);
    }
  }

  private void give(int place, MemorySegment segment) {
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

  /** The rows from one to before another. */
  public Work rows(long begin, long behind) {
    rowBegin = begin;
    rowEnd = behind;
    return this;
  }

  /** The classes: all of them where the function takes no range. */
  public Work classes(long begin, long behind) {
    classBegin = begin;
    classEnd = behind;
    return this;
  }

  /** Room for the call, of so many bytes. */
  public Work workspace(MemorySegment room, long size) {
    special = true;
    workspaceSize = size;
    return set(Array.WORKSPACE, room);
  }

  /** How tokens are drawn: xent_sampling, one for all rows or one per row. */
  public Work sampling(MemorySegment newSampling, boolean perRow) {
    special = true;
    sampling = newSampling;
    choice = perRow ? 1 : 0;
    return this;
  }

  /** What so many shards said of the rows. */
  public Work gathered(MemorySegment states, long count) {
    special = true;
    shards = count;
    return set(Array.GATHERED, states);
  }

  /** What else a function is told: whether it is the second round of finish. */
  public Work choice(int newChoice) {
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

  public long shards() {
    return shards;
  }

  /** One of the arrays, NULL where the call is without it. */
  public MemorySegment array(int place) {
    return arrays[place];
  }

  // ---- what the entry points are given ----------------------------------------------------------

  int count() {
    return end;
  }

  /** What takes the place of Java arrays. */
  ArrayBlocks blocks() {
    if (blocks == null) {
      blocks = new ArrayBlocks();
    }
    return blocks;
  }

  boolean hasFewArrays() {
    return end <= FEW_ARRAYS || Integer.bitCount(mask) <= FEW_ARRAYS;
  }

  /** From now on the arrays that there are have no gaps between them. */
  void passOnlyThese() {
    withoutGaps = true;
  }

  /** Whether the first places are passed, with NULL where an array is missing. */
  private boolean passesPlaces() {
    return !withoutGaps && end <= FEW_ARRAYS;
  }

  /** Arrays of a call that has few, in the order of the function. */
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

  /** The Java arrays below those of {@link #fewArrays}, which was called before. */
  @Nullable Object[] fewBases() {
    return passesPlaces() ? bases : fewBases;
  }

  /** Whether native methods may be passed the memory of all arrays. */
  boolean isHeld() {
    return isHeld;
  }

  CallRate rate() {
    return rate;
  }

  /** Whether memory of the call is a Java array. */
  boolean isOnHeap() {
    return onHeap;
  }

  /** The call without its arrays, for the entry points. Most calls are like the one before. */
  MemorySegment struct() {
    if (function != writtenFunction
        || shape != writtenShape
        || options != writtenOptions
        || report != writtenReport) {
      writtenFunction = function;
      writtenShape = shape;
      writtenOptions = options;
      writtenReport = report;
      xent_work.function(struct, function.number);
      xent_work.shape(struct, shape);
      xent_work.options(struct, options);
      xent_work.report(struct, report);
    }
    if (rowBegin != writtenRowBegin || rowEnd != writtenRowEnd) {
      writtenRowBegin = rowBegin;
      writtenRowEnd = rowEnd;
      xent_work.row_begin(struct, rowBegin);
      xent_work.row_end(struct, rowEnd);
    }
    if (classBegin != writtenClassBegin || classEnd != writtenClassEnd) {
      writtenClassBegin = classBegin;
      writtenClassEnd = classEnd;
      xent_work.class_begin(struct, classBegin);
      xent_work.class_end(struct, classEnd);
    }
    int passed = !passesPlaces() && hasFewArrays() ? mask : 0;
    if (passed != writtenPassed) {
      writtenPassed = passed;
      xent_work.arrays(struct, passed & 0xffffffffL);
    }
    if (special || writtenSpecial) {
      writtenSpecial = special;
      xent_work.choice(struct, choice);
      xent_work.sampling(struct, sampling);
      xent_work.workspace_size(struct, workspaceSize);
      xent_work.shards(struct, shards);
    }
    return struct;
  }
}
