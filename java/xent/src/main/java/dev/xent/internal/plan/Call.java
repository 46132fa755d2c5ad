// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.errors.MemoryException;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Effort;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.kernels.Workspaces;
import dev.xent.internal.parallel.Threads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One call of an operation, from the tensors it was given to what the kernels take: its arrays, the
 * (outer, classes, inner) that describes all of them at once, and the structs.
 *
 * <p>Each thread uses one instance again and again, so that a call allocates nothing: {@link
 * Workspaces}. An operation names the leading array first, then the others, then asks for {@link
 * #ready()}; at the end, whatever happened, it calls {@link #end()}. Helpers of a call have
 * instances of their own, which follow the caller's.
 */
final class Call extends CallArrays {
  /**
   * A kernel that touches a Java array stalls the garbage collector while it runs; with so much
   * {@link Effort} it takes some microseconds.
   */
  static final long HEAP_ELEMENTS = 16384;

  /** The same where the arrays are copied and nobody waits: two of them stay in a cache. */
  private static final long COPIED_ELEMENTS = 1 << 17;

  private static final int WORKSPACE_ALIGNMENT = 64;

  /** In place of the first row or chunk of a claim. */
  static final long UNCLAIMED = -1;

  private static final Workspaces<Call> CALLS =
      new Workspaces<>(() -> new Call(Owner.THREAD), () -> new Call(Owner.NOBODY));

  /** Whom it belongs to. */
  private enum Owner {
    THREAD,
    /** It goes from call to call. */
    NOBODY,
    BOUND
  }

  private final Owner owner;

  /** What it was given. */
  final CallArguments given;

  /** From {@link #current()} to {@link #end()}. */
  private boolean inUse;

  /** An error interrupted it, and what it keeps between calls may be half-written. */
  boolean broken;

  /** Who computes, from {@link #begin} to {@link #end()}. */
  private @Nullable Engine engine;

  private final MemorySegment ownShape;
  private final MemorySegment ownOptions;

  /** Its own, or those of the call that it follows. */
  MemorySegment shape;

  MemorySegment options;

  final MemorySegment report;
  private final MemorySegment exactSum;

  /** The call of a kernel that is being made. */
  final Work work = new Work();

  // ---- whether this call is the one before once more -------------------------------------------

  final Repeat repeat = new Repeat(this);

  /** Of a call that was repeated: the loss or the token. */
  double result = Double.NaN;

  /** The operation of a bound call whose arrays are kept, as it was run before. */
  private long kept = Numbers.NONE;

  /** What its outputs asked for. */
  private int seenOutputs;

  /** Whether the kernels of a bound call were called before with all that they are told now. */
  private boolean repeats;

  /** Counts what kernels are told of a call: another number, another shape or other options. */
  private long version;

  /** Whether no other thread can free the memory of the views, and no collector moves it. */
  private boolean fixed;

  /** The kernels of a bound call, by the function; each made when it is needed. */
  private final @Nullable Work[] keptWorks = new Work[Function.COUNT];

  /** What the targets of a loss are. */
  @Nullable TargetKind kind;

  /** Used where a caller wants nothing but the loss. */
  final Outputs outputs = new Outputs();

  final Pieces pieces = new Pieces();
  final Room room = new Room();
  private final Recording recording = new Recording();

  // ---- what the operation has to say to all threads --------------------------------------------

  /** Whether the gradient is written in this pass. */
  boolean writesGradient;

  /** Whether something is asked for that no part of a row can tell of. */
  boolean needsWholeRows;

  /** Whether the states come from a caller, who may have mixed them up. */
  boolean givenStates;

  /** What sampling counts tokens by, where rows have no requests of their own. */
  long step;

  /** How each row is sampled; null: all alike. */
  @Nullable SamplerRows requests;

  /** What a shard says of rows that are sampled; null: rows are whole. */
  @Nullable SampleRound round;

  /** What gradients are multiplied by. */
  double scale;

  /** Whether something is added to the exact sum. */
  private boolean addsExactSum;

  // ---- what each thread says -------------------------------------------------------------------

  /** Rows that were found to count. */
  long validRows;

  /** The first row or chunk of what this thread works on, when several do. */
  long claimed = UNCLAIMED;

  /** Who works on this call, when several do. */
  private @Nullable Workers workers;

  /** Made when it is needed first. */
  private @Nullable Workers ownWorkers;

  private @Nullable NllScratch nllScratch;
  private @Nullable ZeroWeightRow weightlessRow;
  private @Nullable TopProbabilities topScratch;
  private @Nullable SamplerScratch samplerScratch;
  private MemorySegment workspace = MemorySegment.NULL;

  /** One of this call alone, and who frees it. */
  private MemorySegment largeWorkspace = MemorySegment.NULL;

  private @Nullable Arena largeArena;

  private @Nullable Options writtenOptions;
  private boolean writtenIgnores;
  private double writtenScale;

  // What the shape says, when it is of usual arrays without gaps; else the signature is 0.
  private long writtenSignature;
  private long writtenBefore;
  private long writtenClasses;
  private long writtenBehind;

  /** Those whose layouts the shape has. */
  private final Part[] written = new Part[all.length];

  private int writtenParts;

  /** Whether the shape speaks of arrays that most calls are without. */
  private boolean writtenUnusual;

  private Call(Owner owner) {
    this(owner, new CallArguments(), Arena.ofAuto());
  }

  /** One of a bound call. */
  Call(CallArguments given) {
    this(Owner.BOUND, given, Arena.ofAuto());
  }

  private Call(Owner owner, CallArguments given, Arena arena) {
    this(owner, given, arena, ShapeStruct.allocate(arena));
  }

  private Call(Owner owner, CallArguments given, Arena arena, MemorySegment newShape) {
    super(arena, newShape);
    this.owner = owner;
    this.given = given;
    ownShape = newShape;
    shape = ownShape;
    ownOptions = arena.allocate(xent_options.layout());
    options = ownOptions;
    xent_options.size(options, xent_options.sizeof());
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    exactSum = arena.allocate(xent_exact_sum.layout());
  }

  /** An instance for the calling thread, until {@link #end()}. */
  static Call current() {
    if (!Thread.currentThread().isVirtual()) {
      Call call = CALLS.own();
      if (call.broken) {
        call = CALLS.renew();
      }
      // In use when an owner or an executor makes a call of its own during a call.
      if (!call.inUse) {
        call.inUse = true;
        return call;
      }
    }
    return CALLS.take();
  }

  /** One that goes from call to call. */
  static Call spare() {
    return new Call(Owner.NOBODY);
  }

  /** What receives the numbers of this call. */
  Outputs outputs() {
    return given.outputs == null ? outputs : given.outputs;
  }

  /** The first thing that an operation does, after which {@link #end()} is certain. */
  void begin(Operation operation) {
    recording.begin(operation, given, report);
  }

  /** So many threads worked at once. */
  void workedBy(int threads) {
    recording.workedBy(threads);
  }

  // ---- what the kernels are told ---------------------------------------------------------------

  /** Finds the pieces. Afterwards {@link #enter} selects them one by one. */
  void ready() {
    if (dimensions.rows == 0) {
      pieces.takeNone();
    } else if (dimensions.ragged) {
      for (int i = 0; i < parts; i++) {
        present[i].describeRagged(dimensions);
      }
      pieces.takeOne(dimensions.rows, 1);
      write(dimensions.rows, 1);
    } else if (contiguous) {
      describeDense();
    } else {
      long outer = pieces.find(dimensions, present, parts);
      write(outer, pieces.inner);
    }
  }

  private void describeDense() {
    long before = dimensions.before;
    long behind = dimensions.behind;
    long classes = dimensions.classes;
    pieces.takeOne(before, behind);
    // Most calls are like the one before.
    if (signature == writtenSignature
        && !unusual
        && before == writtenBefore
        && classes == writtenClasses
        && behind == writtenBehind) {
      return;
    }
    for (int i = 0; i < parts; i++) {
      present[i].describeDense(dimensions);
    }
    write(before, behind);
    if (!unusual) {
      writtenSignature = signature;
      writtenBefore = before;
      writtenClasses = classes;
      writtenBehind = behind;
    }
  }

  private void write(long outer, long inner) {
    version++;
    writtenSignature = 0;
    ShapeStruct.outer(shape, outer);
    ShapeStruct.classes(shape, dimensions.classes);
    ShapeStruct.inner(shape, inner);
    writeLayouts();
    if (!has(Array.LOGITS) && !has(Array.OUTPUT)) {
      // Without logits it is still their type that says which floats go together.
      part(Array.LOGITS).writeType(lead().type);
    }
    if (unusual || writtenUnusual) {
      ShapeStruct.targetCount(shape, targetCount);
      ShapeStruct.topCount(shape, topCount);
      ShapeStruct.firstClass(shape, firstClass);
      ShapeStruct.allClasses(shape, allClasses);
      ShapeStruct.promptCount(shape, promptCount);
      ShapeStruct.outputCount(shape, outputCount);
      ShapeStruct.features(shape, features);
      writtenUnusual = unusual;
    }
  }

  /** Those of the arrays that take part, and nothing of those that did and no longer do. */
  private void writeLayouts() {
    for (int i = 0; i < writtenParts; i++) {
      if (written[i].view == null) {
        written[i].write();
      }
    }
    if (!has(Array.LOGITS)) {
      part(Array.LOGITS).write(); // whose type or rows may be there without any
    }
    for (int i = 0; i < parts; i++) {
      written[i] = present[i];
      written[i].write();
    }
    writtenParts = parts;
  }

  /** Tells the kernels of logits that are kept for the gradients of a linear layer. */
  void describeLogits() {
    version++;
    part(Array.LOGITS).writeRows(dimensions.classes, pieces.inner);
  }

  /** Fills the options of a call, but for the scale of gradients that it may write later. */
  void options(Options newOptions, boolean ignores) {
    boolean same = newOptions == writtenOptions && ignores == writtenIgnores;
    options(newOptions, ignores, same ? writtenScale : 1);
  }

  /** Fills the options of a call without an ignore index. */
  void options(Options newOptions, double gradientScale) {
    options(newOptions, false, gradientScale);
  }

  /**
   * Fills the options; most calls are of the operation of the call before.
   *
   * @param ignores whether the ignore index counts
   */
  void options(Options newOptions, boolean ignores, double gradientScale) {
    if (newOptions != writtenOptions
        || ignores != writtenIgnores
        || gradientScale != writtenScale) {
      version++;
      newOptions.write(options, ignores, gradientScale);
      writtenOptions = newOptions;
      writtenIgnores = ignores;
      writtenScale = gradientScale;
    }
  }

  /**
   * A call of a kernel on some rows of the current piece, all classes of them, with every array of
   * this call that it takes.
   */
  Work kernel(Function function, long row, long rowEnd) {
    boolean whole = repeats && row == 0 && rowEnd == dimensions.rows;
    Work own = whole ? keptWork(function) : work;
    own.begin(function, shape, options, report).rows(row, rowEnd).classes(0, dimensions.classes);
    for (int i = 0; i < parts; i++) {
      present[i].offer(own);
    }
    if (whole) {
      own.keep(key(), fixed);
    }
    return own;
  }

  /** Begins the call of a kernel on all rows and classes. */
  void begin(Work own, Function function) {
    own.begin(function, shape, options, report)
        .rows(0, dimensions.rows)
        .classes(0, dimensions.classes);
  }

  /** What a kernel was checked for: arrays, structs, and whether it writes gradients. */
  private long key() {
    return version << 1 | (writesGradient ? 1 : 0);
  }

  /**
   * Runs a kernel over all rows if it ran for the same call before, so that nothing about it has to
   * be found out. Its arrays must be those of this call, and no records but an exact sum.
   *
   * @return whether it did
   */
  boolean runPrepared(Kernels kernels, Function function) {
    if (!repeats) {
      return false;
    }
    Work own = keptWorks[function.ordinal()];
    if (own == null || !own.isPreparedAs(key())) {
      return false;
    }
    if (!own.hasArrays()) {
      for (int i = 0; i < parts; i++) {
        present[i].offer(own);
      }
      if (!writesGradient && function == Function.CROSS_ENTROPY) { // whose gradients are optional
        LossCall.withoutGradients(own);
      }
      if (addsExactSum) {
        own.offer(Array.EXACT_SUM, exactSum);
      }
    }
    if (!own.hasPreparedArrays()) {
      return false;
    }
    Failures.check(kernels.runPrepared(own), this);
    return true;
  }

  private Work keptWork(Function function) {
    int i = function.ordinal();
    Work own = keptWorks[i];
    if (own == null) {
      own = new Work();
      keptWorks[i] = own;
    }
    return own;
  }

  /** How many kernels ran prepared. */
  long preparedRuns() {
    long runs = repeat.preparedRuns();
    for (Work own : keptWorks) {
      runs += own == null ? 0 : own.preparedRuns();
    }
    return runs;
  }

  // ---- calls that are made again ---------------------------------------------------------------

  /**
   * Whether this bound call is what it was before. All that {@link Operation#take} found then still
   * holds, since views do not change, if nobody asked its outputs for something else.
   */
  boolean repeats(Operation operation) {
    boolean same =
        kept == operation.number
            && (given.outputs == null || given.outputs.requests() == seenOutputs)
            && isUsable();
    // Several pieces are told of themselves one by one.
    repeats = same && pieces.count == 1 && dimensions.rows > 0;
    engine = operation.engine;
    return same;
  }

  /** Whether all memory may be used now. Owners first: one may close what another speaks of. */
  private boolean isUsable() {
    for (int i = 0; i < parts; i++) {
      if (!Memory.isAvailable(present[i].view)) {
        return false;
      }
    }
    for (int i = 0; i < parts; i++) {
      if (!Memory.isAccessible(present[i].view)) {
        return false;
      }
    }
    return true;
  }

  /** The array that all others follow; null: the call failed before it had one. */
  @Nullable View leadOrNull() {
    return parts > 0 ? lead() : null;
  }

  /** Forgets the call before. */
  void takeAnew() {
    version++;
    changed();
    if (parts > 0) {
      releaseArrays();
    }
    needsWholeRows = false;
    givenStates = false;
  }

  /** The arguments of a bound call are others. */
  void changed() {
    kept = Numbers.NONE;
    repeat.forget();
  }

  /** The arrays of this call have been taken, which it keeps if it is a bound one. */
  void keep(Operation operation) {
    if (owner != Owner.BOUND) {
      return;
    }
    seenOutputs = given.outputs == null ? 0 : given.outputs.requests();
    fixed = true;
    for (int i = 0; i < parts; i++) {
      fixed &= present[i].view.fixed;
    }
    kept = operation.number;
  }

  /**
   * This call has succeeded, and nothing but kernels is left to do in the same call once more. Only
   * if one kernel had all rows.
   *
   * @param own memory of the library that takes part
   */
  void remember(
      Operation operation, View a, @Nullable View b, @Nullable View c, @Nullable View own) {
    if (isOneKernel()) {
      repeat.remember(operation.number, a, b, c, own, owner == Owner.BOUND);
    }
  }

  /** The same of a row that helpers cannot share. */
  void rememberRow(Operation operation, View a, View own) {
    if (pieces.count == 1 && !(onHeap && engine().kernels().copiesArrays())) {
      repeat.remember(operation.number, a, null, null, own, false);
    }
  }

  /** Points all arrays at a piece. */
  void enter(long piece) {
    pieces.enter(piece, present, parts);
  }

  /** Whether one kernel has all rows, with the structs as they are. */
  boolean isOneKernel() {
    return pieces.count == 1
        && dimensions.rows > 0
        && !dimensions.ragged
        && isAlone(engine().threads())
        && rowsPerKernel() >= dimensions.rows
        && !(onHeap && engine().kernels().copiesArrays());
  }

  // ---- how much at once ------------------------------------------------------------------------

  /** How many rows of a piece a kernel may take at once; 0: not even one whole row. */
  long rowsPerKernel() {
    long classes = dimensions.classes;
    if (dimensions.hasElements()) {
      return onHeap ? HEAP_ELEMENTS : pieces.rows;
    }
    return onHeap && classes > heapElements() && isDivisible() ? 0 : rowsPerKernel(classes);
  }

  /** How many elements of Java arrays at once. */
  private long heapElements() {
    return engine().kernels().copiesArrays() ? COPIED_ELEMENTS : HEAP_ELEMENTS;
  }

  /**
   * The same of rows that are not divided.
   *
   * @param perRow what a row costs, in elements
   */
  long rowsPerKernel(long perRow) {
    return !onHeap || Effort.of(dimensions.rows, perRow) <= heapElements()
        ? pieces.rows
        : Effort.rows(heapElements(), perRow);
  }

  /** Whether rows can be worked on in class ranges. */
  private boolean isDivisible() {
    return !needsWholeRows && !dimensions.ragged;
  }

  /** How many rows' targets a kernel may read at once. */
  long targetsPerKernel() {
    if (!onHeap) {
      return pieces.rows;
    }
    return Math.max(1, HEAP_ELEMENTS / Math.max(targetCount, 1));
  }

  /** How many chunks of a row a kernel may take at once. */
  private long chunksPerKernel() {
    return onHeap ? HEAP_ELEMENTS / Chunks.SIZE : Long.MAX_VALUE;
  }

  // ---- several threads -------------------------------------------------------------------------

  /** Who computes. */
  Engine engine() {
    return Objects.requireNonNull(engine);
  }

  /** Works on all rows, of which none is divided. */
  void run(RowWork rows) {
    run(rows, rows);
  }

  /**
   * Works on all rows.
   *
   * @param rows what each thread does with rows of its own
   * @param shared what the caller does with rows that threads share
   */
  void run(RowWork rows, RowWork shared) {
    Engine by = engine();
    if (isAlone(by.threads())) {
      runAlone(rows);
    } else if (sharesRows(by.threads())) {
      runAlone(shared);
    } else if (dimensions.rows == 1) { // which nobody can help with
      runAlone(rows);
    } else {
      workers().rows(by, rows, dimensions.classes);
    }
  }

  /**
   * Works on all rows, of which none is divided.
   *
   * @param perRow what a row costs, in elements
   */
  void run(RowWork rows, long perRow) {
    Engine by = engine();
    if (dimensions.rows == 1 || Workers.isAlone(by.threads(), dimensions.rows * perRow)) {
      runAlone(rows);
    } else {
      workers().rows(by, rows, perRow);
    }
  }

  /** Works on all rows without helpers. */
  void runAlone(RowWork rows) {
    for (long piece = 0; piece < pieces.count; piece++) {
      enter(piece);
      rows.run(this, 0, pieces.rows);
    }
  }

  /**
   * Whether rows are too few to occupy all threads well, and so long that threads can share them.
   */
  private boolean sharesRows(Threads threads) {
    long rows = dimensions.rows;
    long rounds = (rows + threads.most() - 1) / threads.most();
    return isDivisible()
        && dimensions.classes > Chunks.SIZE
        && rows * 5 < rounds * threads.most() * 4;
  }

  /** Whether the caller is better off without helpers. */
  boolean isAlone(Threads threads) {
    return Workers.isAlone(threads, lead().elements);
  }

  /** Those who help with this call. */
  Workers workers() {
    if (ownWorkers == null) {
      ownWorkers = new Workers(this);
    }
    return ownWorkers;
  }

  /** Several threads work from now on, or no longer. */
  void share(@Nullable Workers sharing) {
    workers = sharing;
    claimed = UNCLAIMED;
  }

  /** Whether another thread failed so that this one need not go on. */
  boolean isInVain() {
    return workers != null && workers.isInVain(claimed);
  }

  /** Becomes a helper's view of a call, whose thread waits until {@link #unfollow}. */
  void follow(Call caller) {
    changed();
    repeats = false;
    engine = caller.engine;
    shape = caller.shape;
    options = caller.options;
    writtenSignature = 0;
    followArrays(caller, caller.pieces.groupCount());
    pieces.follow(caller.pieces, present, parts);
    room.follow(caller.room);
    writesGradient = caller.writesGradient;
    needsWholeRows = caller.needsWholeRows;
    step = caller.step;
    requests = caller.requests;
    round = caller.round;
    givenStates = caller.givenStates;
    scale = caller.scale;
    if (caller.addsExactSum) {
      emptyExactSum();
    }
    share(caller.workers);
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
    if (pieces.count == 1) {
      work.run(this, begin, end);
      return;
    }
    long row = begin;
    while (row < end && !isInVain()) {
      enter(row / pieces.rows);
      long pieceEnd = Math.min(end - pieces.firstRow, pieces.rows);
      work.run(this, row - pieces.firstRow, pieceEnd);
      row = pieces.firstRow + pieceEnd;
    }
  }

  /** Works on chunks of rows of the current piece, counted through all its rows. */
  void chunks(ChunkWork work, long begin, long end) {
    long classes = dimensions.classes;
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

  /** What {@link NllPlan} needs beside this. */
  NllScratch nllScratch() {
    if (nllScratch == null) {
      nllScratch = new NllScratch(this);
    }
    return nllScratch;
  }

  /** What writes the probabilities of the largest classes. */
  TopProbabilities topScratch() {
    if (topScratch == null) {
      topScratch = new TopProbabilities();
    }
    return topScratch;
  }

  /** What sampling needs beside this. */
  SamplerScratch samplerScratch() {
    if (samplerScratch == null) {
      samplerScratch = new SamplerScratch();
    }
    return samplerScratch;
  }

  /**
   * Room for so many bytes that kernels of this thread work in.
   *
   * @param keep whether the next call of this thread gets it, however large
   */
  MemorySegment workspace(long bytes, boolean keep) {
    if (workspace.byteSize() >= bytes) {
      return workspace;
    }
    if (keep || bytes <= Room.KEPT_BYTES) {
      workspace = Arena.ofAuto().allocate(bytes, WORKSPACE_ALIGNMENT);
      return workspace;
    }
    if (largeWorkspace.byteSize() < bytes) {
      closeLargeWorkspace();
      largeArena = Arena.ofConfined();
      largeWorkspace = largeArena.allocate(bytes, WORKSPACE_ALIGNMENT);
    }
    return largeWorkspace;
  }

  private void closeLargeWorkspace() {
    if (largeArena != null) {
      largeArena.close();
      largeArena = null;
      largeWorkspace = MemorySegment.NULL;
    }
  }

  /** What kernels are told about a row of the current piece that has no weight. */
  ZeroWeightRow weightlessRow(long row) {
    if (weightlessRow == null) {
      weightlessRow = new ZeroWeightRow();
    }
    weightlessRow.take(this, row);
    return weightlessRow;
  }

  /** the exact sum, holding nothing; from now on something is added to it. */
  MemorySegment emptyExactSum() {
    addsExactSum = true;
    return emptiedTally();
  }

  /** the exact sum, holding nothing, though no kernel adds to it. */
  MemorySegment emptiedTally() {
    exactSum.fill((byte) 0);
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
    return exactSum;
  }

  /** From now on nothing is added to the exact sum. */
  void dropExactSum() {
    addsExactSum = false;
  }

  /** What was added before the exact sum was dropped, until it is emptied. */
  MemorySegment droppedExactSum() {
    return exactSum;
  }

  /** What is added to, or NULL. */
  MemorySegment exactSum() {
    return addsExactSum ? exactSum : MemorySegment.NULL;
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Refuses memory that was closed since the call began. */
  void requireAccess() {
    requireAccessToAll();
    Memory.requireAccess(room.saved, "the saved statistics");
  }

  /** The same, without a word to owners. */
  void requireOpen() {
    requireAllOpen();
    Memory.requireAccess(room.saved, "the saved statistics");
  }

  /** Whether any memory of the call belongs to this thread alone. */
  boolean isConfined() {
    return Memory.isConfined(room.saved) || isAnyConfined();
  }

  /**
   * What to throw when memory could not be used: the array that was closed, by its name, or else
   * what an owner or an executor threw.
   */
  RuntimeException lost(RuntimeException cause) {
    try {
      requireOpen();
      return cause;
    } catch (MemoryException closed) {
      return closed;
    }
  }

  /** Lets go of everything that was the caller's. */
  void end() {
    recording.end(this);
    engine = null;
    addsExactSum = false;
    validRows = 0;
    writesGradient = false;
    work.clear();
    closeLargeWorkspace();
    offsetsCopy.release();
    round = null;
    requests = null;
    room.release();
    if (owner == Owner.BOUND) {
      keepReachable();
      return;
    }
    if (parts > 0) {
      releaseArrays();
    }
    given.clear();
    if (owner == Owner.NOBODY && !broken) {
      if (workspace.byteSize() > Room.KEPT_BYTES) {
        workspace = MemorySegment.NULL;
      }
      room.dropLargeLogits();
    }
    endRepeated();
  }

  /** Ends a call that was given nothing to let go of. */
  void endRepeated() {
    if (owner == Owner.THREAD) {
      inUse = false;
    } else if (!broken) {
      CALLS.give(this);
    }
  }
}
