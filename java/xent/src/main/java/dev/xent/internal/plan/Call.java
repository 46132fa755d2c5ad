// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.DTypeException;
import dev.xent.MemoryException;
import dev.xent.ShapeException;
import dev.xent.internal.events.CallEvent;
import dev.xent.internal.events.Recorder;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_shape;
import dev.xent.internal.ffi.xent_state;
import dev.xent.internal.ffi.xent_statistics;
import dev.xent.internal.ffi.xent_tally;
import dev.xent.internal.kernels.Effort;
import dev.xent.internal.parallel.Threads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One call of an operation, from the tensors it was given to what the kernels take: checks that
 * everything fits, and finds the (outer, classes, inner) that describes all arrays at once.
 *
 * <p>Each thread has one instance and uses it again and again, so that a call allocates nothing;
 * virtual threads take one from {@link Calls}. An operation names the leading array first, then the
 * others, then asks for {@link #ready()}; at the end, whatever happened, it calls {@link #end()}.
 * Helpers of a call have instances of their own, which follow the caller's.
 */
final class Call {
  /** Ranks up to this need no growing of arrays. */
  static final int USUAL_RANK = 8;

  /**
   * A kernel that touches a Java array stalls the garbage collector while it runs; with so much
   * {@link Effort} it takes some microseconds.
   */
  static final long HEAP_ELEMENTS = 16384;

  /** In place of the first row or chunk of a claim. */
  static final long UNCLAIMED = -1;

  private static final ThreadLocal<Call> CURRENT = ThreadLocal.withInitial(() -> new Call(false));

  /** Whether it belongs to no thread. */
  private final boolean spare;

  private final MemorySegment ownShape;
  private final MemorySegment ownOptions;

  /** Its own, or those of the call that it follows. */
  MemorySegment shape;

  MemorySegment options;

  final MemorySegment report;
  private final MemorySegment tally;

  final Part logits;

  /** Leads in place of logits where no kernel is called with them: not part of the struct. */
  final Part logProbabilities;

  final Part output;
  final Part gradient;
  final Part upstream;
  final Part targets;
  final Part losses;
  final Part logSumExp;
  final Part hits;
  private final Part[] all;

  /** Those that take part, in the order in which they came, and what earlier calls left behind. */
  private final Part[] present;

  private int parts;

  /** While a recording wants to know of this call. */
  private @Nullable CallEvent event;

  /** Threads that worked on this call so far. */
  private int workers;

  /** Which arrays take part, with which types. */
  private long signature;

  final FewLosses fewLosses = new FewLosses();

  /** Whether this call is like the one before. */
  final Again again = new Again();

  /** Used where a caller wants nothing but the loss. */
  final Outputs outputs = new Outputs();

  private int rank;
  private int axis;

  /** The number of index combinations before the class axis, and behind it. */
  private long before;

  private long behind;

  /** Classes of every row. */
  long classes;

  /** Rows of all pieces. */
  long rows;

  /** Rows of one piece: its outer times its inner size. */
  long pieceRows;

  /** The inner size of a piece. */
  long innerRows;

  /** Pieces with three strides that the arrays fall into, in the order of the rows. */
  long pieces;

  /** Rows before the current piece. */
  long firstRow;

  // ---- what the operation has to say to all threads --------------------------------------------

  /** Whether the gradient is written in this pass. */
  boolean writesGradient;

  /** What gradients are multiplied by where no kernel knows it from the options. */
  double scale;

  /** Statistics of all rows that the caller keeps, or NULL. */
  MemorySegment saved = MemorySegment.NULL;

  /** Statistics of the rows of the current piece, for class ranges of a row. */
  MemorySegment statistics = MemorySegment.NULL;

  /** States of rows of the current piece, those of {@link #stateRow} first. */
  private MemorySegment states = MemorySegment.NULL;

  private long stateRow;

  /** Whether states are computed once more, for rows with a shift. */
  boolean secondRound;

  /** Whether losses are added to the tally. */
  private boolean tallies;

  // ---- what each thread says -------------------------------------------------------------------

  /** Rows that were found to count. */
  long counted;

  /** The first row or chunk of what this thread works on, when several do. */
  long claimed = UNCLAIMED;

  /** Who works on this call, when several do. */
  private @Nullable Crew crew;

  /** Made when it is needed first. */
  private @Nullable Crew ownCrew;

  private @Nullable NllScratch nllScratch;

  private @Nullable Options writtenOptions;
  private double writtenScale;

  // What the shape says, when it is of arrays without gaps; else the signature is 0.
  private long writtenSignature;
  private long writtenBefore;
  private long writtenClasses;
  private long writtenBehind;

  private boolean onHeap;
  private boolean contiguous;
  private int groupCount;
  private long[] groups = new long[USUAL_RANK];

  private MemorySegment ownStatistics = MemorySegment.NULL;
  private MemorySegment ownStates = MemorySegment.NULL;

  /** One that belongs to a thread, or to none. */
  Call(boolean spare) {
    this.spare = spare;
    Arena arena = Arena.ofAuto();
    ownShape = arena.allocate(xent_shape.layout());
    shape = ownShape;
    xent_shape.size(shape, xent_shape.sizeof());
    ownOptions = arena.allocate(xent_options.layout());
    options = ownOptions;
    xent_options.size(options, xent_options.sizeof());
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    tally = arena.allocate(xent_tally.layout());
    logits = new Part(0, "logits", xent_shape.logits(shape));
    logProbabilities = new Part(1, "logProbabilities", arena.allocate(xent_layout.layout()));
    output = new Part(2, "output", xent_shape.output(shape));
    gradient = new Part(3, "gradient", xent_shape.gradient(shape));
    upstream = new Part(4, "upstream", xent_shape.upstream(shape));
    targets = new Part(5, "targets", xent_shape.targets(shape));
    losses = new Part(6, "losses", xent_shape.losses(shape));
    logSumExp = new Part(7, "logSumExp", xent_shape.log_sum_exp(shape));
    hits = new Part(8, "hits", xent_shape.hits(shape));
    all =
        new Part[] {
          logits, logProbabilities, output, gradient, upstream, targets, losses, logSumExp, hits
        };
    present = new Part[all.length];
  }

  /** An instance for the calling thread, until {@link #end()}. */
  static Call current() {
    if (!Thread.currentThread().isVirtual()) {
      Call call = CURRENT.get();
      // In use when an executor that was given a part of a call computes on the calling thread.
      if (call.parts == 0) {
        return call;
      }
    }
    return Calls.take();
  }

  // ---- what a recording is told ----------------------------------------------------------------

  /** The first thing that a call does, after which {@link #end()} is certain. */
  void begin(String operation, Engine engine) {
    if (Recorder.isOn()) {
      beginEvent(operation, engine);
    }
  }

  private void beginEvent(String operation, Engine engine) {
    event = new CallEvent();
    event.operation = operation;
    event.backend = engine.backendName();
    event.isa = engine.isaName();
    workers = 1;
    event.begin();
  }

  private void endEvent() {
    event.end();
    if (parts > 0 && event.shouldCommit()) {
      event.rows = rows;
      event.classes = classes;
      event.elements = rows * classes;
      event.threads = workers;
      event.commit();
    }
    event = null;
  }

  /** So many threads worked at once. */
  void workedBy(int threads) {
    workers = Math.max(workers, threads);
  }

  // ---- what takes part -------------------------------------------------------------------------

  /** The F32 array whose shape all others follow. */
  void lead(Part part, View view, int classAxis) {
    again.forget();
    requireF32(part, Objects.requireNonNull(view, part.name));
    rank = view.rank();
    axis = Strides.axis(classAxis, view.shape);
    classes = view.shape[axis];
    if (classes == 0) {
      throw new ShapeException(
          "%s %s has zero classes along axis %d: give at least one"
              .formatted(part.name, view, axis));
    }
    before = 1;
    for (int d = 0; d < axis; d++) {
      before *= view.shape[d];
    }
    behind = 1;
    for (int d = axis + 1; d < view.shape.length; d++) {
      behind *= view.shape[d];
    }
    rows = before * behind;
    onHeap = false;
    contiguous = true;
    take(part, view, false);
  }

  /** The array that all others follow. */
  Part leading() {
    return present[0];
  }

  private View lead() {
    return present[0].view;
  }

  /** An F32 array of the leading array's shape. */
  void whole(Part part, View view) {
    requireF32(part, Objects.requireNonNull(view, part.name));
    View lead = lead();
    if (!Arrays.equals(view.shape, lead.shape)) {
      throw new ShapeException(
          "%s is %s, %s is %s: give both the same shape"
              .formatted(part.name, view, present[0].name, lead));
    }
    take(part, view, false);
  }

  /** An F32 array with one number per row. */
  void perRow(Part part, View view) {
    requireF32(part, Objects.requireNonNull(view, part.name));
    requireRowShape(part, view);
    take(part, view, true);
  }

  /** One U8 per row. */
  void flags(Part part, View view) {
    if (view.type != DType.U8) {
      throw new DTypeException(part.name + " is " + view + ": give a tensor of type U8");
    }
    requireRowShape(part, view);
    take(part, view, true);
  }

  /** Class indices per row, or probabilities per row and class. Returns whether they are labels. */
  boolean targets(View view) {
    Objects.requireNonNull(view, targets.name);
    if (view.type.isInteger()) {
      requireRowShape(targets, view);
      take(targets, view, true);
      return true;
    }
    if (view.type != DType.F32) {
      throw new DTypeException(
          "targets is "
              + view
              + ": give class indices (I8, U8, I16, I32, I64) or F32 probability rows");
    }
    View lead = lead();
    if (!Arrays.equals(view.shape, lead.shape)) {
      throw new ShapeException(
          "targets is %s, %s is %s: give probability rows the same shape, or class indices an integer type"
              .formatted(view, present[0].name, lead));
    }
    take(targets, view, false);
    return false;
  }

  /** Whether the targets are class indices. */
  boolean hasLabels() {
    return targets.view.type.isInteger();
  }

  /**
   * Keeps the losses of few rows in memory of this thread, where nobody asked for them. Returns
   * whether it does.
   */
  boolean keepsFewLosses() {
    if (losses.view != null || !contiguous || rows > FewLosses.MOST) {
      return false;
    }
    take(losses, fewLosses.view, true);
    return true;
  }

  private void take(Part part, View view, boolean perRow) {
    Memory.requireAccess(view, part.name);
    part.take(view, perRow, rank);
    onHeap |= view.heap;
    contiguous &= view.contiguous;
    signature |= part.signature();
    if (present[parts] != part) {
      present[parts] = part;
    }
    parts++;
  }

  private static void requireF32(Part part, View view) {
    if (view.type != DType.F32) {
      throw new DTypeException(
          part.name + " is " + view + ": this version computes in F32, give a tensor of type F32");
    }
  }

  private void requireRowShape(Part part, View view) {
    if (!hasRowShape(view.shape)) {
      throw new ShapeException(
          "%s is %s, %s is %s with classes along axis %d: give %s the shape %s"
              .formatted(
                  part.name,
                  view,
                  present[0].name,
                  lead(),
                  axis,
                  part.name,
                  Arrays.toString(rowShape())));
    }
  }

  private boolean hasRowShape(long[] given) {
    long[] full = lead().shape;
    int rank = full.length;
    boolean keptAxis = given.length == rank;
    if (!keptAxis && given.length != rank - 1) {
      return false;
    }
    for (int d = 0; d < rank; d++) {
      if (d == axis) {
        if (keptAxis && given[d] != 1) {
          return false;
        }
      } else if (given[keptAxis || d < axis ? d : d - 1] != full[d]) {
        return false;
      }
    }
    return true;
  }

  /**
   * The leading shape without the class axis; with the axis at size 1 where nothing else is left.
   */
  long[] rowShape() {
    long[] full = lead().shape;
    if (full.length == 1) {
      return new long[] {1};
    }
    long[] row = new long[full.length - 1];
    for (int d = 0; d < row.length; d++) {
      row[d] = full[d < axis ? d : d + 1];
    }
    return row;
  }

  /** Whether the rows have this shape, the axis kept at size 1 or not. */
  boolean rowsHaveShape(View view) {
    return hasRowShape(view.shape);
  }

  // ---- what is written -------------------------------------------------------------------------

  /**
   * Refuses an output that cannot be written or that overlaps another array of the call, other than
   * being exactly one of those named. To be called when all arrays are there.
   */
  void writes(Part part, @Nullable Part inPlace, @Nullable Part orInPlace) {
    View view = part.view;
    Memory.requireWritable(view, part.name);
    for (int i = 0; i < parts; i++) {
      Part other = present[i];
      if (other != part && view.overlaps(other.view)) {
        boolean allowed = other == inPlace || other == orInPlace;
        if (!allowed || !view.isInPlaceOf(other.view)) {
          throw overlap(part, other, allowed);
        }
      }
    }
  }

  /** As {@link #writes}, for an output that need not be there. */
  void writesIfPresent(Part part, @Nullable Part inPlace) {
    if (part.view != null) {
      writes(part, inPlace, null);
    }
  }

  private static MemoryException overlap(Part part, Part other, boolean inPlaceAllowed) {
    return new MemoryException(
        "%s and %s overlap in memory: give %s memory of its own%s"
            .formatted(
                part.name,
                other.name,
                part.name,
                inPlaceAllowed ? ", or exactly that of " + other.name : ""));
  }

  // ---- three strides ---------------------------------------------------------------------------

  /** Finds the pieces. Afterwards {@link #enter} selects them one by one. */
  void ready() {
    firstRow = 0;
    if (rows == 0) {
      pieces = 0;
      pieceRows = 0;
    } else if (contiguous) {
      describeContiguous();
    } else {
      findGroups();
      describeGroups();
    }
  }

  private void describeContiguous() {
    pieces = 1;
    pieceRows = rows;
    innerRows = behind;
    // Most calls are like the one before.
    if (signature == writtenSignature
        && before == writtenBefore
        && classes == writtenClasses
        && behind == writtenBehind) {
      return;
    }
    for (int i = 0; i < parts; i++) {
      Part part = present[i];
      part.outer = part.perRow ? behind : behind * classes;
      part.classes = part.perRow ? 0 : behind;
      part.inner = 1;
    }
    write(before, behind);
    writtenSignature = signature;
    writtenBefore = before;
    writtenClasses = classes;
    writtenBehind = behind;
  }

  /** Joins neighbouring dimensions, the class axis left out, where all arrays can. */
  private void findGroups() {
    long[] full = lead().shape;
    reserveGroups(full.length);
    groupCount = 0;
    for (int d = 0; d < full.length; d++) {
      if (d == axis || full[d] == 1) {
        continue;
      }
      if (groupCount == 0 || !joins(groupCount - 1, d, full[d])) {
        groups[groupCount++] = 1;
      }
      groups[groupCount - 1] *= full[d];
      for (int i = 0; i < parts; i++) {
        present[i].groups[groupCount - 1] = present[i].stride(d, axis);
      }
    }
  }

  private boolean joins(int group, int dimension, long size) {
    for (int i = 0; i < parts; i++) {
      if (present[i].groups[group] != present[i].stride(dimension, axis) * size) {
        return false;
      }
    }
    return true;
  }

  private void reserveGroups(int rank) {
    if (groups.length < rank) {
      groups = new long[rank];
      for (Part part : all) {
        part.groups = new long[rank];
      }
    }
  }

  /**
   * The last two groups become the outer and the inner dimension, wherever the class axis lies
   * between them, so that the rows of a piece follow each other; groups before them count the
   * pieces. A single group is the inner dimension where its neighbours lie closer than those of the
   * classes.
   */
  private void describeGroups() {
    int innerGroup = groupCount - 1;
    int outerGroup = groupCount - 2;
    if (groupCount == 1 && lead().strides[axis] <= present[0].groups[0]) {
      innerGroup = -1;
      outerGroup = 0;
    }
    for (int i = 0; i < parts; i++) {
      Part part = present[i];
      part.outer = outerGroup < 0 ? 1 : part.groups[outerGroup];
      part.inner = innerGroup < 0 ? 1 : part.groups[innerGroup];
      part.classes = part.perRow ? 0 : classes == 1 ? 1 : part.view.strides[axis];
    }
    long outer = outerGroup < 0 ? 1 : groups[outerGroup];
    long inner = innerGroup < 0 ? 1 : groups[innerGroup];
    pieceRows = outer * inner;
    pieces = rows / pieceRows;
    innerRows = inner;
    write(outer, inner);
  }

  /** Fills the options; most calls are of the operation of the call before. */
  void options(Options newOptions, double gradientScale) {
    if (newOptions != writtenOptions || gradientScale != writtenScale) {
      newOptions.write(options, gradientScale);
      writtenOptions = newOptions;
      writtenScale = gradientScale;
    }
  }

  private void write(long outer, long inner) {
    writtenSignature = 0;
    xent_shape.outer(shape, outer);
    xent_shape.classes(shape, classes);
    xent_shape.inner(shape, inner);
    for (Part part : all) {
      part.write();
    }
  }

  /** Points all parts at a piece. */
  void enter(long piece) {
    if (pieces == 1) {
      return;
    }
    firstRow = piece * pieceRows;
    for (int i = 0; i < parts; i++) {
      Part part = present[i];
      long offset = 0;
      long rest = piece;
      for (int g = groupCount - 3; g >= 0; g--) {
        offset += rest % groups[g] * part.groups[g];
        rest /= groups[g];
      }
      part.enter(offset);
    }
  }

  /**
   * Whether one kernel does the whole call, with the structs as they are, and soon: the same again
   * is quicker without all that comes before the kernel.
   */
  boolean isOneShortKernel() {
    return contiguous && pieces == 1 && elements() < Crew.FEW && rowsPerKernel() >= rows;
  }

  // ---- how much at once ------------------------------------------------------------------------

  /** How many rows of a piece a kernel may take at once; 0: not even one whole row. */
  long rowsPerKernel() {
    if (!onHeap || Effort.of(rows, classes) <= HEAP_ELEMENTS) {
      return pieceRows;
    }
    return classes > HEAP_ELEMENTS ? 0 : Effort.rows(HEAP_ELEMENTS, classes);
  }

  /** How many rows' labels a kernel may read at once. */
  long labelsPerKernel() {
    return targets.view.heap ? HEAP_ELEMENTS : pieceRows;
  }

  /** How many chunks of a row a kernel may take at once. */
  private long chunksPerKernel() {
    return onHeap ? HEAP_ELEMENTS / Chunks.SIZE : Long.MAX_VALUE;
  }

  /** The elements of all rows. */
  long elements() {
    return lead().elements;
  }

  // ---- several threads -------------------------------------------------------------------------

  /**
   * Whether rows are too few to occupy all threads well, and so long that threads can share them.
   */
  boolean sharesRows(Threads threads) {
    long rounds = (rows + threads.most() - 1) / threads.most();
    return classes > Chunks.SIZE && rows * 5 < rounds * threads.most() * 4;
  }

  /** Whether the caller is better off without helpers. */
  boolean isAlone(Threads threads) {
    return Crew.isAlone(threads, lead().elements);
  }

  /** Those who help with this call. */
  Crew crew() {
    if (ownCrew == null) {
      ownCrew = new Crew(this);
    }
    return ownCrew;
  }

  /** Several threads work from now on, or no longer. */
  void share(@Nullable Crew sharing) {
    crew = sharing;
    claimed = UNCLAIMED;
  }

  /** Whether another thread failed so that this one need not go on. */
  boolean isInVain() {
    return crew != null && crew.isInVain(claimed);
  }

  /** Becomes a helper's view of a call, whose thread waits until {@link #unfollow}. */
  void follow(Call caller) {
    again.forget();
    shape = caller.shape;
    options = caller.options;
    writtenSignature = 0;
    rank = caller.rank;
    axis = caller.axis;
    classes = caller.classes;
    rows = caller.rows;
    pieceRows = caller.pieceRows;
    innerRows = caller.innerRows;
    pieces = caller.pieces;
    firstRow = caller.firstRow;
    onHeap = caller.onHeap;
    groupCount = caller.groupCount;
    reserveGroups(groupCount);
    System.arraycopy(caller.groups, 0, groups, 0, groupCount);
    for (int i = 0; i < caller.parts; i++) {
      present[i] = all[caller.present[i].index];
      present[i].follow(caller.present[i], groupCount);
    }
    parts = caller.parts;

    writesGradient = caller.writesGradient;
    scale = caller.scale;
    saved = Memory.accessible(caller.saved);
    statistics = Memory.accessible(caller.statistics);
    states = caller.states;
    stateRow = caller.stateRow;
    secondRound = caller.secondRound;
    if (caller.tallies) {
      emptyTally();
    }
    share(caller.crew);
  }

  /** Lets go of the call that was followed. */
  void unfollow() {
    shape = ownShape;
    options = ownOptions;
    share(null);
    end();
  }

  /** Works on rows of all pieces. */
  void rows(RowWork work, long begin, long end) {
    if (pieces == 1) {
      work.run(this, begin, end);
      return;
    }
    long row = begin;
    while (row < end && !isInVain()) {
      enter(row / pieceRows);
      long pieceEnd = Math.min(end - firstRow, pieceRows);
      work.run(this, row - firstRow, pieceEnd);
      row = firstRow + pieceEnd;
    }
  }

  /** Works on chunks of rows of the current piece, counted through all its rows. */
  void chunks(ChunkWork work, long begin, long end) {
    long perRow = Chunks.of(classes);
    long at = begin;
    while (at < end && !isInVain()) {
      long row = at / perRow;
      long rowBegin = row * perRow;
      long atOnce = Math.min(end - at, chunksPerKernel());
      long next = Math.min(at + atOnce, rowBegin + perRow);
      long to = Math.min((next - rowBegin) * Chunks.SIZE, classes);
      work.run(this, row, (at - rowBegin) * Chunks.SIZE, to);
      at = next;
    }
  }

  // ---- memory of the calling thread ------------------------------------------------------------

  /** Statistics of the rows of the current piece: the caller's where there are any. */
  void reserveStatistics() {
    if (saved.byteSize() != 0) {
      statistics = savedOfPiece();
      return;
    }
    ownStatistics = reserve(ownStatistics, pieceRows, xent_statistics.sizeof());
    statistics = ownStatistics;
  }

  /** The saved statistics of the rows of the current piece, or NULL. */
  MemorySegment savedOfPiece() {
    return pieces == 1 || saved.byteSize() == 0
        ? saved
        : saved.asSlice(firstRow * xent_statistics.sizeof());
  }

  /** Room for the states of some rows. */
  void reserveStates(long begin, long end) {
    ownStates = reserve(ownStates, (end - begin) * Chunks.of(classes), xent_state.sizeof());
    states = ownStates;
    stateRow = begin;
  }

  /** The states from a row on. */
  MemorySegment states(long row) {
    return row == stateRow
        ? states
        : states.asSlice((row - stateRow) * Chunks.of(classes) * xent_state.sizeof());
  }

  /** What {@link NllPlan} needs beside this. */
  NllScratch nllScratch() {
    if (nllScratch == null) {
      nllScratch = new NllScratch();
    }
    return nllScratch;
  }

  private static MemorySegment reserve(MemorySegment present, long count, long size) {
    return present.byteSize() >= count * size ? present : Arena.ofAuto().allocate(count * size, 64);
  }

  /** The tally, holding nothing; from now on losses are added to it. */
  MemorySegment emptyTally() {
    tally.fill((byte) 0);
    xent_tally.size(tally, xent_tally.sizeof());
    tallies = true;
    return tally;
  }

  /** What losses are added to, or NULL. */
  MemorySegment tally() {
    return tallies ? tally : MemorySegment.NULL;
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Refuses memory that was closed since the call began. */
  void requireAccess() {
    for (int i = 0; i < parts; i++) {
      Memory.requireAccess(present[i].view, present[i].name);
    }
    Memory.requireAccess(saved, "the saved statistics");
  }

  /** Whether any memory of the call belongs to this thread alone. */
  boolean isConfined() {
    boolean confined = Memory.isConfined(saved);
    for (int i = 0; i < parts; i++) {
      confined |= Memory.isConfined(present[i].view.segment);
    }
    return confined;
  }

  /** The memory went away during the call. */
  MemoryException lost(RuntimeException cause) {
    requireAccess();
    return new MemoryException(
        "memory of the call became inaccessible while it ran: keep its arenas open until it returns",
        cause);
  }

  /** Lets go of everything that was the caller's. */
  void end() {
    if (event != null) {
      endEvent();
    }
    tallies = false;
    if (parts > 0) {
      release();
    }
    if (spare) {
      Calls.give(this);
    }
  }

  private void release() {
    for (int i = 0; i < parts; i++) {
      Part part = present[i];
      Reference.reachabilityFence(part.view.owner);
      Reference.reachabilityFence(part.view.segment);
      part.release();
    }
    parts = 0;
    signature = 0;
    counted = 0;
    writesGradient = false;
    if (saved != MemorySegment.NULL) {
      saved = MemorySegment.NULL;
    }
    if (statistics != MemorySegment.NULL) {
      statistics = MemorySegment.NULL;
    }
  }
}
