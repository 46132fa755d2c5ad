// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.errors.MemoryException;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Cost;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.MemoryScopes;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Pieces;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A thread's part in a checked call of several kernels: pieces of strided arrays, parts of Java
 * arrays, class ranges of long rows, the rows of several threads. The calling thread has one, and
 * so has each thread that helps ({@link Team}): its own arguments of kernels, report, exact sum and
 * memory. Everything else it only reads.
 */
public final class Run {
  /**
   * The maximum {@link Cost} of a kernel call on Java arrays, which takes some microseconds. Such a
   * kernel stalls the garbage collector while it runs.
   */
  public static final long HEAP_ELEMENTS = 16384;

  /**
   * The maximum cost if the arrays are copied, so that the collector does not wait: two copies stay
   * in a cache.
   */
  private static final long COPIED_ELEMENTS = 1 << 17;

  /** The value of {@link #claimed} without a claim. */
  static final long UNCLAIMED = -1;

  private static final @Nullable View[] NO_VIEWS = {};

  final Site site;

  // ---- of this thread --------------------------------------------------------------------------

  /** The arguments of the current kernel call. */
  public final FunctionCall functionCall;

  public final MemorySegment report;

  /**
   * The exact sum of this thread. A loss uses it twice: first for the weights of its rows, and
   * after {@link #dropExactSum} for the losses.
   */
  private final MemorySegment exactSum;

  private final MemorySegment[] whole = new MemorySegment[Array.COUNT];
  private final MemorySegment[] piece = new MemorySegment[Array.COUNT];
  private final CallMemory workspace = new CallMemory(false);
  private final Map<Class<?>, Object> scratch = new HashMap<>();

  /** The number of rows that this thread found valid. */
  public long validRows;

  /** The number of rows before the current piece. */
  public long firstRow;

  /** The first row or chunk of the current claim of this thread, if several threads work. */
  long claimed = UNCLAIMED;

  /** The threads that work on this call, if there are several. */
  @Nullable Team team;

  /** Whether this thread helps another one, which waits for it and keeps the memory open. */
  private boolean helps;

  // ---- of the call, the same for all threads ---------------------------------------------------

  public Checked call;
  private Operation operation;
  private @Nullable View[] views = NO_VIEWS;

  /** What else the caller passed. */
  public @Nullable Extras extras;

  /** The counter of tokens. */
  public long step;

  /** Whether the caller passed the states, which may then be inconsistent. */
  public boolean statesOfCaller;

  /** The sums of the caller that the losses are added to; null for none. */
  @Nullable Sums sums;

  /** Whether this pass writes the gradient. */
  public boolean writesGradient;

  /** Whether the kernels add to the exact sum. */
  private boolean addsExactSum;

  /** The statistics of all rows that the caller keeps, or NULL. */
  public MemorySegment saved = MemorySegment.NULL;

  /** The statistics of the rows of the current piece, for class ranges of a row. */
  public MemorySegment statistics = MemorySegment.NULL;

  /** The logits of all rows of a linear layer that are kept for its gradients, or NULL. */
  public MemorySegment logits = MemorySegment.NULL;

  /** Whether states are computed a second time, for rows with a shift. */
  public boolean secondRound;

  /** The states of rows of the current piece, starting with {@link #firstState}. */
  private MemorySegment states = MemorySegment.NULL;

  private long firstState;
  private long endOfStates;

  // ---- of the calling thread -------------------------------------------------------------------

  private final CallMemory ofStatistics = new CallMemory(true);
  private final CallMemory ofStates = new CallMemory(true);
  private final CallMemory ofLogits = new CallMemory(true);
  private @Nullable Team own;

  /** The number of threads that have worked on the call so far. */
  int threads;

  Run(Site site) {
    this.site = site;
    Arena arena = Arena.ofAuto();
    functionCall = new FunctionCall(arena);
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    exactSum = arena.allocate(xent_exact_sum.layout());
  }

  // ---- the call --------------------------------------------------------------------------------

  /** Computes a call on the calling thread and its helpers. */
  double compute(
      Operation by,
      Checked of,
      @Nullable View[] arguments,
      @Nullable Extras with,
      long stepOfTokens) {
    operation = by;
    call = of;
    views = arguments;
    extras = with;
    step = stepOfTokens;
    threads = 1;
    xent_report.path(report, 0); // of the call before
    try {
      for (int i = 0; i < of.count; i++) {
        Layout array = of.present[i];
        whole[array.id.ordinal()] = segmentOf(array);
        piece[array.id.ordinal()] = segmentOf(array);
      }
      return by.compute(this);
    } catch (IllegalStateException | WrongThreadException e) {
      requireSavedOpen();
      throw e;
    } finally {
      end();
    }
  }

  private MemorySegment segmentOf(Layout array) {
    return array.id == Array.ROW_OFFSETS ? call.rowOffsets : viewOf(array).segment;
  }

  private void requireSavedOpen() {
    try {
      operation.requireOpen(mask(), views);
    } catch (MemoryException closed) {
      return; // an argument comes first
    }
    Memory.requireAccess(saved, "the saved statistics");
  }

  private int mask() {
    int mask = 0;
    for (int i = 0; i < call.count; i++) {
      Layout array = call.present[i];
      mask |= array.argument < 0 ? 0 : 1 << operation.function.place(array.id);
    }
    return mask;
  }

  /** Follows the run of the calling thread, which waits until {@link #end}. */
  void follow(Run caller) {
    operation = caller.operation;
    call = caller.call;
    views = caller.views;
    extras = caller.extras;
    step = caller.step;
    statesOfCaller = caller.statesOfCaller;
    writesGradient = caller.writesGradient;
    saved = Memory.accessible(caller.saved);
    statistics = Memory.accessible(caller.statistics);
    logits = caller.logits;
    secondRound = caller.secondRound;
    states = caller.states;
    firstState = caller.firstState;
    endOfStates = caller.endOfStates;
    team = caller.team;
    helps = true;
    claimed = UNCLAIMED;
    validRows = 0;
    firstRow = caller.firstRow;
    for (int i = 0; i < call.count; i++) {
      int index = call.present[i].id.ordinal();
      whole[index] = Memory.accessible(caller.whole[index]);
      piece[index] = Memory.accessible(caller.piece[index]);
    }
    if (caller.addsExactSum) {
      emptyExactSum();
    }
  }

  /** Drops all references to the caller's objects. */
  void end() {
    functionCall.clear();
    workspace.endCall();
    for (int i = 0; i < call.count; i++) {
      int index = call.present[i].id.ordinal();
      whole[index] = MemorySegment.NULL;
      piece[index] = MemorySegment.NULL;
    }
    views = NO_VIEWS;
    extras = null;
    sums = null;
    statesOfCaller = false;
    writesGradient = false;
    addsExactSum = false;
    validRows = 0;
    firstRow = 0;
    states = MemorySegment.NULL;
    logits = MemorySegment.NULL;
    saved = MemorySegment.NULL;
    statistics = MemorySegment.NULL;
    team = null;
    helps = false;
    ofStatistics.endCall();
  }

  public Engine engine() {
    return operation.engine;
  }

  public Kernels kernels() {
    return operation.kernels;
  }

  // ---- arrays ----------------------------------------------------------------------------------

  public boolean has(Array id) {
    return call.has(id);
  }

  /** An array of the call. */
  public Layout array(Array id) {
    return call.array(id);
  }

  /** The view of an array; null if the call does not have it. */
  public @Nullable View view(Array id) {
    return call.has(id) ? viewOf(call.array(id)) : null;
  }

  private View viewOf(Layout array) {
    return array.argument < 0 ? array.own : views[array.argument];
  }

  /** The memory of the current piece of an array; NULL if the call does not have it. */
  public MemorySegment segment(Array id) {
    return call.has(id) ? piece[id.ordinal()] : MemorySegment.NULL;
  }

  /** The number of a row of the current piece, in an array with one number per row. */
  public double number(Array id, long row) {
    Layout array = call.array(id);
    return array.storedType().get(piece[id.ordinal()], array.at(call.pieces, row));
  }

  /** Writes the number of a row of the current piece. */
  public void number(Array id, long row, double value) {
    Layout array = call.array(id);
    array.storedType().set(piece[id.ordinal()], array.at(call.pieces, row), value);
  }

  /** Moves all arrays to a piece. */
  public void enter(long index) {
    Pieces pieces = call.pieces;
    if (pieces.count == 1) {
      return;
    }
    firstRow = index * pieces.rows;
    for (int i = 0; i < call.count; i++) {
      Layout array = call.present[i];
      int at = array.id.ordinal();
      MemorySegment all = whole[at];
      piece[at] =
          all.byteSize() == 0 // of no entries, which may have strides
              ? all
              : all.asSlice(pieces.offset(index, array) * array.type.byteSize());
    }
  }

  /** Whether any memory of the call is confined to this thread. */
  boolean isConfined() {
    boolean confined = MemoryScopes.isConfined(saved);
    for (int i = 0; i < call.count; i++) {
      Layout array = call.present[i];
      confined |= array.argument >= 0 && MemoryScopes.isConfined(viewOf(array).segment);
    }
    return confined;
  }

  // ---- kernels ---------------------------------------------------------------------------------

  /**
   * The arguments of a kernel call on some rows of the current piece and all classes, with every
   * array of this call that the function takes.
   */
  public FunctionCall kernel(Function function, long row, long rowEnd) {
    functionCall
        .begin(function, call.shape, call.options, report)
        .rows(row, rowEnd)
        .classes(0, call.dimensions.classes);
    for (int i = 0; i < call.count; i++) {
      Layout array = call.present[i];
      if (function.place(array.id) >= 0) {
        offer(array);
      }
    }
    return functionCall;
  }

  private void offer(Layout array) {
    MemorySegment memory = piece[array.id.ordinal()];
    if (array.id == Array.ROW_OFFSETS) {
      functionCall.offer(array.id, memory, null, true);
      return;
    }
    View view = viewOf(array);
    // A thread that works for another one cannot lose the memory, as that thread waits.
    boolean held = view.everOpen || view.isHeld() && (helps || Memory.isAccessible(view));
    functionCall.offer(array.id, memory, view.array, held);
  }

  /** Runs a kernel. */
  public void run(FunctionCall kernel) {
    Failures.check(operation.kernels.run(kernel), this);
  }

  /** Runs a kernel over some rows of the current piece, in batches of the maximum size. */
  public void rows(Function function, long begin, long end) {
    long most = rowsPerKernel();
    for (long row = begin; row < end && !isInVain(); row += most) {
      run(kernel(function, row, Math.min(row + most, end)));
    }
  }

  /** The maximum {@link Cost} of a kernel call on Java arrays. */
  private static long heapElements(Kernels kernels) {
    return kernels.copiesArrays() ? COPIED_ELEMENTS : HEAP_ELEMENTS;
  }

  /**
   * The maximum number of rows of a piece per kernel call; 0 if even one row is too large and can
   * be divided.
   */
  public long rowsPerKernel() {
    return rowsPerKernel(operation.kernels, call);
  }

  static long rowsPerKernel(Kernels kernels, Checked call) {
    long classes = call.dimensions.classes;
    if (call.dimensions.hasElements()) {
      return call.onHeap ? HEAP_ELEMENTS : call.pieces.rows;
    }
    return call.onHeap && classes > heapElements(kernels) && isDivisible(call)
        ? 0
        : rowsPerKernel(kernels, call, classes);
  }

  /**
   * The maximum number of rows per kernel call, if rows are not divided.
   *
   * @param perRow the cost of a row, in elements
   */
  public long rowsPerKernel(long perRow) {
    return rowsPerKernel(operation.kernels, call, perRow);
  }

  private static long rowsPerKernel(Kernels kernels, Checked call, long perRow) {
    long most = heapElements(kernels);
    if (!call.onHeap || Cost.of(call.dimensions.rows, perRow) <= most) {
      return call.pieces.rows;
    }
    long rows = Cost.rows(most, perRow);
    return rows < Team.ROWS_SIDE_BY_SIDE ? rows : rows - rows % Team.ROWS_SIDE_BY_SIDE;
  }

  /** Whether rows can be divided into class ranges. */
  private static boolean isDivisible(Checked call) {
    return !call.needsWholeRows && !call.dimensions.ragged;
  }

  /** The maximum number of rows per kernel call that reads targets. */
  public long targetsPerKernel() {
    return call.onHeap
        ? Math.max(1, HEAP_ELEMENTS / Math.max(call.shape.targetCount, 1))
        : call.pieces.rows;
  }

  // ---- division of the work --------------------------------------------------------------------

  /** Processes all rows without dividing any. */
  public void run(RowTask rows) {
    run(rows, rows);
  }

  /**
   * Processes all rows.
   *
   * @param rows the task of each thread on separate rows
   * @param split the task of the caller on rows whose classes several threads divide
   */
  public void run(RowTask rows, RowTask split) {
    if (isAlone()) {
      runAlone(rows);
    } else if (splitsRows()) {
      runAlone(split);
    } else if (call.dimensions.rows == 1) { // helpers cannot divide one row
      runAlone(rows);
    } else {
      team().rows(rows, call.dimensions.classes);
    }
  }

  /**
   * Processes all rows without dividing any.
   *
   * @param perRow the cost of a row, in elements
   */
  public void run(RowTask rows, long perRow) {
    long all = call.dimensions.rows;
    if (all == 1 || Team.isAlone(engine().threads(), all * perRow)) {
      runAlone(rows);
    } else {
      team().rows(rows, perRow);
    }
  }

  /** Processes all rows, piece by piece, on this thread. A task that divides rows uses helpers. */
  public void runAlone(RowTask rows) {
    for (long index = 0; index < call.pieces.count; index++) {
      enter(index);
      rows.run(this, 0, call.pieces.rows);
    }
  }

  /** Whether the call is faster without helper threads. */
  public boolean isAlone() {
    return Team.isAlone(engine().threads(), call.present[0].elements());
  }

  /**
   * Whether there are too few rows to use all threads well, and rows are long enough to be divided.
   */
  private boolean splitsRows() {
    long most = engine().threads().number(call.present[0].elements());
    long rows = call.dimensions.rows;
    long rounds = (rows + most - 1) / most;
    return isDivisible(call)
        && call.dimensions.classes > Chunks.SIZE
        && rows * 5 < rounds * most * 4;
  }

  /** The threads of this call. */
  public Team team() {
    if (own == null) {
      own = new Team(this);
    }
    return own;
  }

  /** Whether another thread failed, so that the result of this one is not needed. */
  public boolean isInVain() {
    return team != null && team.isInVain(claimed);
  }

  /** Processes rows of all pieces. */
  void rows(RowTask task, long begin, long end) {
    if (call.pieces.count == 1) {
      task.run(this, begin, end);
      return;
    }
    long row = begin;
    while (row < end && !isInVain()) {
      enter(row / call.pieces.rows);
      long pieceEnd = Math.min(end - firstRow, call.pieces.rows);
      task.run(this, row - firstRow, pieceEnd);
      row = firstRow + pieceEnd;
    }
  }

  /** Processes chunks of rows of the current piece, numbered through all its rows. */
  public void chunks(ChunkTask task, long begin, long end) {
    long classes = call.dimensions.classes;
    long perRow = Chunks.of(classes);
    long most = call.onHeap ? HEAP_ELEMENTS / Chunks.SIZE : Long.MAX_VALUE;
    long at = begin;
    while (at < end && !isInVain()) {
      long row = at / perRow;
      long rowBegin = row * perRow;
      long atOnce = Math.min(end - at, most);
      long next = Math.min(at + atOnce, rowBegin + perRow);
      long to = Math.min((next - rowBegin) * Chunks.SIZE, classes);
      task.run(this, row, (at - rowBegin) * Chunks.SIZE, to);
      at = next;
    }
  }

  // ---- records ---------------------------------------------------------------------------------

  /** Reserves memory for the statistics of all rows, in a call whose caller does not keep them. */
  public void saveStatistics() {
    saved = ofStatistics.reserveRows(call.dimensions.rows, Records.STATISTICS, "statistics");
  }

  /**
   * Reserves the statistics of the rows of the current piece: the caller's memory, if there is any.
   */
  public void reserveStatistics() {
    statistics =
        saved.byteSize() != 0
            ? savedOfPiece()
            : ofStatistics.reserve(call.pieces.rows * Records.STATISTICS, true);
  }

  /** The saved statistics of the rows of the current piece, or NULL. */
  public MemorySegment savedOfPiece() {
    return call.pieces.count == 1 || saved.byteSize() == 0
        ? saved
        : saved.asSlice(firstRow * Records.STATISTICS);
  }

  /** Reserves memory for the logits of all rows, one row after the other. */
  public void keepLogits() {
    long bytes = call.dimensions.rows * call.dimensions.classes * Float.BYTES;
    logits = ofLogits.reserve(bytes, true);
  }

  /** Reserves memory for the states of some rows. */
  public void reserveStates(long begin, long end) {
    long perRow = Chunks.of(call.dimensions.classes) * Records.STATE;
    states = ofStates.reserve((end - begin) * perRow, true);
    firstState = begin;
    endOfStates = end;
  }

  /** The first row that {@link #reserveStates} reserved states for. */
  public long firstState() {
    return firstState;
  }

  /** The row after the last one with reserved states. */
  public long endOfStates() {
    return endOfStates;
  }

  /** Uses the caller's memory for the states of the rows of the current piece. */
  public void useStates(MemorySegment ofAllRows) {
    states = ofAllRows.asSlice(firstRow * Chunks.of(call.dimensions.classes) * Records.STATE);
    firstState = 0;
  }

  /** The states from a row on. */
  public MemorySegment states(long row) {
    long perRow = Chunks.of(call.dimensions.classes) * Records.STATE;
    return row == firstState ? states : states.asSlice((row - firstState) * perRow);
  }

  // ---- memory of this thread -------------------------------------------------------------------

  /**
   * Memory in which the kernels of this thread work.
   *
   * @param bytes its minimum size
   * @param keep whether the next call reuses it, even if it is large
   */
  public MemorySegment workspace(long bytes, boolean keep) {
    return workspace.reserve(bytes, keep);
  }

  /** An object that each thread of a call has for itself; the first use makes it. */
  public <T> T scratch(Class<T> type, java.util.function.Supplier<T> maker) {
    Object known = scratch.get(type);
    if (known == null) {
      known = maker.get();
      scratch.put(type, known);
    }
    return type.cast(known);
  }

  /** Clears the exact sum; the kernels then add to it. */
  public MemorySegment emptyExactSum() {
    addsExactSum = true;
    Sums.clear(exactSum);
    return exactSum;
  }

  /** Stops the kernels from adding to the exact sum. */
  public void dropExactSum() {
    addsExactSum = false;
  }

  /** The exact sum as it was when it was dropped, until it is cleared. */
  MemorySegment droppedExactSum() {
    return exactSum;
  }

  /** The exact sum that the kernels add to, or NULL. */
  public MemorySegment exactSum() {
    return addsExactSum ? exactSum : MemorySegment.NULL;
  }
}
