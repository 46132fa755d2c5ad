// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.errors.MemoryException;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.ArrayMemory;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.kernels.Work;
import dev.xent.internal.kernels.Workspaces;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Pieces;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
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
public final class Call extends CallArrays {
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
  public CallArguments given;

  /** Where {@link #given} is, but for {@link #runWith}. */
  private final CallArguments ownArguments;

  /** From {@link #current()} to {@link #end()}. */
  private boolean inUse;

  /** An error interrupted it, and what it keeps between calls may be half-written. */
  boolean broken;

  /** Who computes, from {@link #begin} to {@link #end()}. */
  private @Nullable Engine engine;

  public final CallStructs structs;
  public final MemorySegment report;
  private final MemorySegment exactSum;

  /** The same as an array of a kernel. */
  final ArrayMemory exactSumMemory;

  /** The call of a kernel that is being made. */
  public final Work work = new Work();

  // ---- whether this call is the one before once more -------------------------------------------

  final PreparedCalls preparedCalls = new PreparedCalls();

  /** Of a prepared call: the loss or the token. */
  public double result = Double.NaN;

  private final BoundKernels boundKernels = new BoundKernels(this);

  /** What the targets of a loss are. */
  public @Nullable TargetKind kind;

  /** Used where a caller wants nothing but the loss. */
  final Outputs outputs = new Outputs();

  public final Pieces pieces = new Pieces();
  public final RowRecords records = new RowRecords();
  private final Recording recording = new Recording();

  // ---- what the operation has to say to all threads --------------------------------------------

  /** Whether the gradient is written in this pass. */
  public boolean writesGradient;

  /** Whether something is asked for that no part of a row can tell of. */
  public boolean needsWholeRows;

  /** Whether the states come from a caller, who may have mixed them up. */
  public boolean givenStates;

  /** What else, known to the operation alone. */
  public @Nullable Object shared;

  /** What gradients are multiplied by. */
  public double scale;

  /** Whether something is added to the exact sum. */
  private boolean addsExactSum;

  // ---- what each thread says -------------------------------------------------------------------

  /** Rows that were found to count. */
  public long validRows;

  /** How rows are divided among kernels and threads. */
  public final Partition partition = new Partition(this);

  public final Scratch scratch = new Scratch(this);
  private final Workspace workspace = new Workspace();

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
    ownArguments = given;
    structs = new CallStructs(this, newShape, arena);
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    exactSum = arena.allocate(xent_exact_sum.layout());
    exactSumMemory = new ArrayMemory(exactSum, null);
  }

  /** An instance for the calling thread, until {@link #end()}. */
  public static Call current() {
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

  /** Makes one call, with arguments that somebody else keeps. */
  double runWith(CallArguments arguments, Operation operation) {
    given = arguments;
    return operation.run(this);
  }

  /** What receives the numbers of this call. */
  public Outputs outputs() {
    return given.outputs == null ? outputs : given.outputs;
  }

  /** The first thing that an operation does, after which {@link #end()} is certain. */
  void begin(Operation operation) {
    operation.kernels.beginCall();
    recording.begin(operation, given, report);
  }

  /** So many threads worked at once. */
  void workedBy(int threads) {
    recording.workedBy(threads);
  }

  // ---- what the kernels are told ---------------------------------------------------------------

  /** Finds the pieces. Afterwards {@link #enter} selects them one by one. */
  public void ready() {
    if (dimensions.rows == 0) {
      pieces.takeNone();
    } else if (dimensions.ragged) {
      for (int i = 0; i < parts; i++) {
        present[i].describeRagged(dimensions);
      }
      pieces.takeOne(dimensions.rows, 1);
      structs.write(dimensions.rows, 1);
    } else if (contiguous) {
      pieces.takeOne(dimensions.before, dimensions.behind);
      structs.writeDense();
    } else {
      long outer = pieces.find(dimensions, present, parts);
      structs.write(outer, pieces.inner);
    }
  }

  /** Tells the kernels of logits that are kept for the gradients of a linear layer. */
  public void describeLogits() {
    structs.writeLogits(pieces.inner);
  }

  /** Fills the options of a call, but for the scale of gradients that it may write later. */
  public void options(Options newOptions, boolean ignores) {
    structs.options(newOptions, ignores);
  }

  /** Fills the options of a call without an ignore index. */
  public void options(Options newOptions, double gradientScale) {
    structs.options(newOptions, false, gradientScale);
  }

  /**
   * Fills the options.
   *
   * @param ignores whether the ignore index counts
   */
  public void options(Options newOptions, boolean ignores, double gradientScale) {
    structs.options(newOptions, ignores, gradientScale);
  }

  /**
   * A call of a kernel on some rows of the current piece, all classes of them, with every array of
   * this call that it takes.
   */
  public Work kernel(Function function, long row, long rowEnd) {
    begin(work, function, row, rowEnd);
    offerArrays();
    return work;
  }

  /** Begins the call of a kernel on some rows and all classes. */
  Work begin(Work own, Function function, long row, long rowEnd) {
    return own.begin(function, structs.shape, structs.options, report)
        .rows(row, rowEnd)
        .classes(0, dimensions.classes);
  }

  private void offerArrays() {
    for (int i = 0; i < parts; i++) {
      present[i].offer(work);
    }
  }

  /**
   * Runs a kernel over all rows if it is prepared for this call.
   *
   * @return whether it did
   */
  public boolean runPrepared(Function function) {
    return boundKernels.run(engine().kernels(), function);
  }

  /** How many kernels ran prepared. */
  long preparedRuns() {
    return preparedCalls.runs() + boundKernels.runs();
  }

  // ---- calls that are made again ---------------------------------------------------------------

  /** Whether nothing is to be taken, as this bound call is what it was before. */
  boolean repeats(Operation operation) {
    engine = operation.engine;
    return boundKernels.repeat(operation);
  }

  /** The array that all others follow; null: the call failed before it had one. */
  @Nullable View leadOrNull() {
    return parts > 0 ? lead() : null;
  }

  /** Forgets the call before. */
  void takeAnew() {
    structs.changed();
    changed();
    if (parts > 0) {
      releaseArrays();
    }
    needsWholeRows = false;
    givenStates = false;
  }

  /** The arguments of a bound call are others. */
  void changed() {
    boundKernels.forget();
  }

  /** The arrays of this call have been taken, which it keeps if it is a bound one. */
  void keep(Operation operation) {
    if (owner == Owner.BOUND) {
      boundKernels.keep(operation);
    }
  }

  /**
   * This call has succeeded, and the same with other tensors is these kernels and nothing else.
   * Only if one kernel had all rows.
   *
   * @param checks the kernel that checks targets, or null
   * @param own memory of the library that takes part
   */
  public void remember(
      Operation operation,
      @Nullable KernelArrays checks,
      KernelArrays computes,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View own) {
    if (partition.isOneKernel()) {
      preparedCalls.remember(this, operation, checks, computes, a, b, c, own, MemorySegment.NULL);
    }
  }

  /** The same of a row that helpers cannot share. */
  public void rememberRow(
      Operation operation, KernelArrays draws, View a, View own, MemorySegment sampling) {
    if (pieces.count == 1) {
      preparedCalls.remember(this, operation, null, draws, a, null, null, own, sampling);
    }
  }

  /** The same of a row whose caller keeps the call: it is prepared at once. */
  public void prepareRow(
      PreparedCall kept,
      Operation operation,
      KernelArrays draws,
      View a,
      View own,
      MemorySegment sampling) {
    if (pieces.count == 1 && kept.is(operation.number, a, null, null)) {
      kept.prepare(this, operation.kernels, null, draws, a, null, null, own, sampling);
    }
  }

  /** Points all arrays at a piece. */
  public void enter(long piece) {
    pieces.enter(piece, present, parts);
  }

  /** Who computes. */
  Engine engine() {
    return Objects.requireNonNull(engine);
  }

  /** Becomes a helper's view of a call, whose thread waits until {@link #unfollow}. */
  void follow(Call caller) {
    changed();
    engine = caller.engine;
    structs.follow(caller.structs);
    followArrays(caller, caller.pieces.groupCount());
    pieces.follow(caller.pieces, present, parts);
    records.follow(caller.records);
    writesGradient = caller.writesGradient;
    needsWholeRows = caller.needsWholeRows;
    shared = caller.shared;
    givenStates = caller.givenStates;
    scale = caller.scale;
    if (caller.addsExactSum) {
      emptyExactSum();
    }
    partition.follow(caller.partition);
  }

  /** Lets go of the call that was followed. */
  void unfollow() {
    structs.unfollow();
    partition.share(null);
    end();
  }

  // ---- memory of the calling thread ------------------------------------------------------------

  /**
   * RowRecords for so many bytes that kernels of this thread work in.
   *
   * @param keep whether the next call of this thread gets it, however large
   */
  public MemorySegment workspace(long bytes, boolean keep) {
    return workspace.reserve(bytes, keep);
  }

  /** The exact sum, holding nothing; from now on something is added to it. */
  public MemorySegment emptyExactSum() {
    addsExactSum = true;
    return emptiedExactSum();
  }

  /** The exact sum, holding nothing, though no kernel adds to it. */
  MemorySegment emptiedExactSum() {
    exactSum.fill((byte) 0);
    xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
    return exactSum;
  }

  /** From now on nothing is added to the exact sum. */
  public void dropExactSum() {
    addsExactSum = false;
  }

  /** What was added before the exact sum was dropped, until it is emptied. */
  MemorySegment droppedExactSum() {
    return exactSum;
  }

  /** What is added to, or NULL. */
  public MemorySegment exactSum() {
    return addsExactSum ? exactSum : MemorySegment.NULL;
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Refuses memory that was closed since the call began. */
  void requireAccess() {
    requireAccessToAll();
    Memory.requireAccess(records.saved, "the saved statistics");
  }

  /** The same, without a word to owners. */
  void requireOpen() {
    requireAllOpen();
    Memory.requireAccess(records.saved, "the saved statistics");
  }

  /** Whether any memory of the call belongs to this thread alone. */
  boolean isConfined() {
    return Memory.isConfined(records.saved) || isAnyConfined();
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
    workspace.endCall();
    offsetsCopy.release();
    shared = null;
    records.release();
    if (owner == Owner.BOUND) {
      keepReachable();
      return;
    }
    if (parts > 0) {
      releaseArrays();
    }
    if (given == ownArguments) {
      given.clear();
    } else {
      given = ownArguments;
    }
    if (owner == Owner.NOBODY && !broken) {
      workspace.dropLarge();
      records.dropLargeLogits();
    }
    endRepeated();
  }

  /** Ends a call that was given nothing to let go of. */
  public void endRepeated() {
    if (owner == Owner.THREAD) {
      inUse = false;
    } else if (!broken) {
      CALLS.give(this);
    }
  }
}
