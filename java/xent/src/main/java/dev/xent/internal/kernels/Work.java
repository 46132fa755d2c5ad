// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_work;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
  static final long NOT_KEPT = -1;

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

  /** Counts what the structs have held, if this call is made often as it is; else NOT_KEPT. */
  private long keptVersion = NOT_KEPT;

  private long keptClasses;

  /** Whether all arrays are where they were, as long as the version is the same. */
  private boolean fixed;

  /** What a prepared call is kept in; NULL before the first. */
  private MemorySegment prepared = MemorySegment.NULL;

  private boolean preparedCritical;

  // What was prepared.
  private long preparedVersion = NOT_KEPT;
  private int preparedMask;
  private MemorySegment preparedSampling = MemorySegment.NULL;
  private long preparedRuns;

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
    keptVersion = NOT_KEPT;
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

  /**
   * This call is made often, with all its classes: the core may check it once.
   *
   * @param version another number whenever the structs hold something else or the arrays are others
   * @param areFixed whether the memory of all arrays stays where it is, and cannot be freed by
   *     another thread
   */
  public Work keep(long version, boolean areFixed) {
    keptVersion = version;
    keptClasses = classEnd;
    fixed = areFixed;
    return this;
  }

  /** Other structs than it began with. */
  public Work structs(MemorySegment newShape, MemorySegment newOptions) {
    keptVersion = NOT_KEPT;
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
    if (array.isRecords() && segment != MemorySegment.NULL) {
      keptVersion = NOT_KEPT; // the next call may have them elsewhere
    }
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

  // ---- calls that are prepared -----------------------------------------------------------------

  /** Whether it can be prepared: the linker holds the memory of few arrays alone. */
  boolean isKept() {
    return keptVersion != NOT_KEPT
        && classBegin == 0
        && classEnd == keptClasses
        && (fixed || hasFewArrays());
  }

  /** Another number for each call that is kept. */
  long keptVersion() {
    return keptVersion;
  }

  /** Whether the core knows this call, arrays that have moved aside. */
  boolean isPrepared() {
    return preparedVersion == keptVersion && preparedMask == mask && preparedSampling == sampling;
  }

  /** Room for this call to be prepared in. Nothing is prepared until {@link #prepared()}. */
  MemorySegment prepare(boolean critical) {
    preparedVersion = NOT_KEPT;
    if (prepared == MemorySegment.NULL) {
      prepared = Arena.ofAuto().allocate(XentH.XENT_PREPARED_BYTES(), Long.BYTES);
      prepared.set(ValueLayout.JAVA_LONG, 0, XentH.XENT_PREPARED_BYTES());
    }
    preparedCritical = critical;
    return prepared;
  }

  /** The core has checked this call. */
  void prepared() {
    preparedMask = mask;
    preparedSampling = sampling;
    preparedVersion = keptVersion;
  }

  /**
   * Whether {@link Kernels#runPrepared} can make it, as this version: {@link #keep} was the last
   * that was said of it, and {@link Kernels#run} made it since.
   */
  public boolean isPreparedAs(long version) {
    return preparedVersion == version;
  }

  /** Whether it still has its arrays, or needs none. */
  public boolean hasArrays() {
    return end > 0 || needsNoArrays();
  }

  /** Whether it can be made once more without any array: that memory is where it was. */
  public boolean needsNoArrays() {
    return fixed && preparedCritical;
  }

  /** Whether it has the arrays that it was prepared with, wherever they are now. */
  public boolean hasPreparedArrays() {
    return mask == preparedMask || end == 0 && hasArrays();
  }

  long preparedAddress() {
    return prepared.address();
  }

  void countPrepared() {
    preparedRuns++;
  }

  boolean isPreparedCritical() {
    return preparedCritical;
  }

  /** How often it ran without a check by the core. */
  public long preparedRuns() {
    return preparedRuns;
  }

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
