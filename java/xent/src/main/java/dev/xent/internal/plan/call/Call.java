// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.errors.MemoryException;
import dev.xent.internal.events.Recorder;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.ArrayMemory;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.MemoryScopes;
import dev.xent.internal.kernels.Recycler;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Pieces;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One call of an operation, from its tensors to the arguments of the kernels: its arrays, the
 * (outer, classes, inner) shape that describes all of them, and the structs.
 *
 * <p>Each platform thread reuses one instance, so that a call allocates nothing ({@link Recycler});
 * a bound call has its own. An operation takes the leading array first, then the others, and then
 * calls {@link #ready()}. {@link Plan} always calls {@link #end()} last, also after an exception.
 * Helper threads have their own instances, which copy the state of the caller's.
 */
public final class Call extends CallArrays {
  private static final Recycler<Call> CALLS =
      new Recycler<>(() -> new Call(Owner.THREAD), () -> new Call(Owner.NOBODY));

  /** The owner of an instance. */
  private enum Owner {
    THREAD,
    /** The instance is pooled: one call after another uses it, of any thread. */
    NOBODY,
    BOUND
  }

  // ---- set when the instance is created --------------------------------------------------------

  private final Owner owner;

  /**
   * The arguments that belong to this instance; a bound call replaces them during its first run.
   */
  private final CallArguments ownArguments;

  public final CallStructs structs;
  public final MemorySegment report;

  /**
   * The exact sum of this thread. A loss uses it twice: first for the weights of its rows ({@link
   * Losses#countTargets}), and after {@link #dropExactSum} for the losses.
   */
  private final MemorySegment exactSum;

  /** The exact sum as an array of a kernel. */
  final ArrayMemory exactSumMemory;

  /** The arguments of the current kernel call. */
  public final FunctionCall functionCall = new FunctionCall();

  /** The outputs of calls that request only the loss. */
  final Outputs outputs = new Outputs();

  public final Pieces pieces = new Pieces();
  public final RowRecords records = new RowRecords();

  /** How rows are divided among kernels and threads. */
  public final Partition partition = new Partition(this);

  final PreparedCalls preparedCalls = new PreparedCalls();
  private final BoundKernels boundKernels = new BoundKernels(this);
  final Recording recording = new Recording();
  private final Map<Class<?>, Object> scratch = new HashMap<>();
  private final CallMemory workspace = new CallMemory(false);

  // ---- set when arrays are taken, kept while a bound call repeats them -------------------------

  /** The kind of targets of a loss. */
  public @Nullable TargetKind kind;

  /** Whether the caller passed the states, which may then be inconsistent. */
  public boolean statesOfCaller;

  // ---- set in each run -------------------------------------------------------------------------

  public CallArguments arguments;

  /** The engine that computes, from {@link #keepsArrays} to {@link #end()}. */
  private @Nullable Engine engine;

  /** Whether a call is running, from {@link #current()} to {@link #endRepeated()}. */
  private boolean inUse;

  /**
   * Whether an error interrupted the call, so that the state it keeps between calls may be
   * inconsistent.
   */
  boolean broken;

  /** The loss or the token of a prepared call; without meaning for operations that have neither. */
  public double result = Double.NaN;

  /** The number of rows that this thread found valid. */
  public long validRows;

  // ---- set in each run, copied for helper threads by follow ------------------------------------

  /** Whether this pass writes the gradient. */
  public boolean writesGradient;

  /** The factor of the gradients. */
  public double scale;

  /** Whether the kernels add to the exact sum. */
  private boolean addsExactSum;

  /** Further state, which only the operation uses. */
  public @Nullable Object shared;

  private Call(Owner owner) {
    this(owner, new CallArguments());
  }

  /** Creates the instance of a bound call. */
  Call(CallArguments arguments) {
    this(Owner.BOUND, arguments);
  }

  private Call(Owner owner, CallArguments arguments) {
    this.owner = owner;
    this.arguments = arguments;
    ownArguments = arguments;
    structs = new CallStructs(this, shape, arena);
    report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    exactSum = arena.allocate(xent_exact_sum.layout());
    exactSumMemory = new ArrayMemory(exactSum, null);
  }

  /** Initializes the class, where there is enough stack; its first call may have less. */
  static void initialize() {}

  /** An instance for the calling thread, until {@link #end()}. */
  public static Call current() {
    if (!Thread.currentThread().isVirtual()) {
      Call call = CALLS.own();
      if (call.broken) {
        call = CALLS.renew();
      }
      // In use if an owner or an executor makes a call during a call.
      if (!call.inUse) {
        call.inUse = true;
        return call;
      }
    }
    return CALLS.take();
  }

  /** Creates a pooled instance. */
  static Call spare() {
    return new Call(Owner.NOBODY);
  }

  public Outputs outputs() {
    return arguments.outputs == null ? outputs : arguments.outputs;
  }

  // ---- arguments of the kernels ----------------------------------------------------------------

  /** Finds the pieces. Afterwards {@link #enter} selects them one by one. */
  public void ready() {
    if (dimensions.rows == 0) {
      pieces.takeNone();
    } else if (dimensions.ragged) {
      for (int i = 0; i < presentCount; i++) {
        present[i].describeRagged(dimensions);
      }
      pieces.takeOne(dimensions.rows, 1);
      structs.write(dimensions.rows, 1);
    } else if (contiguous) {
      pieces.takeOne(dimensions.before, dimensions.behind);
      structs.writeDense();
    } else {
      long outer = pieces.find(dimensions, present, presentCount);
      structs.write(outer, pieces.inner);
    }
  }

  /**
   * The arguments of a kernel call on some rows of the current piece and all classes, with every
   * array of this call that the function takes.
   */
  public FunctionCall kernel(Function function, long row, long rowEnd) {
    begin(functionCall, function, row, rowEnd);
    offerArrays();
    return functionCall;
  }

  /** Starts the arguments of a kernel call on some rows and all classes. */
  FunctionCall begin(FunctionCall own, Function function, long row, long rowEnd) {
    return own.begin(function, structs.shape, structs.options, report)
        .rows(row, rowEnd)
        .classes(0, dimensions.classes);
  }

  private void offerArrays() {
    for (int i = 0; i < presentCount; i++) {
      present[i].offer(functionCall);
    }
  }

  /**
   * Runs a kernel over all rows if it is prepared for this call.
   *
   * @return whether it ran
   */
  public boolean runBoundKernel(Function function) {
    return boundKernels.run(engine().kernels(), function);
  }

  /** The number of kernels that ran prepared. */
  long preparedRuns() {
    return preparedCalls.runs() + boundKernels.runs();
  }

  // ---- repeated calls --------------------------------------------------------------------------

  /**
   * Begins a complete call with an engine. Queries the owners of the arrays that a bound call
   * keeps.
   *
   * @return whether this is a bound call without changes, so that its arrays need not be taken
   *     again
   */
  boolean keepsArrays(long operation, Engine by) {
    engine = by;
    return boundKernels.keepsArrays(operation);
  }

  /** The leading array; null if the call failed before it had one. */
  @Nullable View leadOrNull() {
    return presentCount > 0 ? lead() : null;
  }

  /** Drops the state of the previous call. */
  public void takeAnew() {
    structs.changed();
    changed();
    if (presentCount > 0) {
      releaseArrays();
    }
    statesOfCaller = false;
  }

  /** Drops the prepared kernels after a change of the arguments of a bound call. */
  void changed() {
    boundKernels.forget();
  }

  /** Keeps the arrays that were taken, if this is a bound call. */
  void keep(long operation) {
    if (owner == Owner.BOUND) {
      boundKernels.keep(operation);
    }
  }

  /**
   * Remembers a successful call: a call with other tensors of the same types and shapes then runs
   * only these kernels. Does nothing unless one kernel computed all rows.
   *
   * @param operation the number of the operation
   * @param checks the kernel that checks targets, or null
   * @param own memory that the library allocated for the call
   */
  public void remember(
      long operation,
      @Nullable KernelArrays checks,
      KernelArrays computes,
      View first,
      @Nullable View second,
      @Nullable View third,
      @Nullable View own) {
    if (!partition.isOneKernel() || Recorder.isOn()) {
      return;
    }
    PreparedCall noted = preparedCalls.note(operation, first, second, third);
    if (noted != null) {
      noted.prepare(
          dimensions,
          structs,
          engine().kernels(),
          checks,
          computes,
          first,
          second,
          third,
          own,
          MemorySegment.NULL);
    }
  }

  /**
   * Remembers a successful call of one row, which helper threads cannot share.
   *
   * @param operation the number of the operation
   * @param kept a prepared call of the caller, which is prepared at once, or forgotten if it cannot
   *     be; null for one of this thread
   * @param sampling the sampling parameters of its token
   */
  public void rememberRow(
      long operation,
      @Nullable PreparedCall kept,
      KernelArrays draws,
      View first,
      View own,
      MemorySegment sampling) {
    if (kept != null) {
      kept.forget();
    }
    if (pieces.count != 1 || Recorder.isOn()) {
      return;
    }
    PreparedCall noted = kept;
    if (noted == null) {
      noted = preparedCalls.note(operation, first, null, null);
    } else if (!noted.note(operation, first, null, null)) {
      return;
    }
    if (noted != null) {
      noted.prepare(
          dimensions, structs, engine().kernels(), null, draws, first, null, null, own, sampling);
    }
  }

  /** Moves all arrays to a piece. */
  public void enter(long piece) {
    pieces.enter(piece, present, presentCount);
  }

  Engine engine() {
    return engine;
  }

  /**
   * Copies the state of another thread's call, for a helper thread. That thread waits until {@link
   * #unfollow}.
   */
  void follow(Call caller) {
    changed();
    engine = caller.engine;
    structs.follow(caller.structs);
    followArrays(caller, caller.pieces.groupCount());
    pieces.follow(caller.pieces, present, presentCount);
    records.follow(caller.records);
    writesGradient = caller.writesGradient;
    shared = caller.shared;
    statesOfCaller = caller.statesOfCaller;
    scale = caller.scale;
    if (caller.addsExactSum) {
      emptyExactSum();
    }
    partition.follow(caller.partition);
  }

  /** Drops the state that {@link #follow} copied. */
  void unfollow() {
    structs.unfollow();
    partition.share(null);
    end();
  }

  // ---- memory of the calling thread ------------------------------------------------------------

  /**
   * Memory in which the kernels of this thread work.
   *
   * @param bytes its minimum size
   * @param keep whether the next call of this thread reuses it, even if it is large
   */
  public MemorySegment workspace(long bytes, boolean keep) {
    return workspace.reserve(bytes, keep);
  }

  /**
   * Returns the object of a class that an operation keeps with the call for later calls; the first
   * one creates it.
   */
  public <T> T scratch(Class<T> type, java.util.function.Function<Call, T> maker) {
    Object known = scratch.get(type);
    if (known == null) {
      known = maker.apply(this);
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

  /**
   * The sum of the first {@code count} losses in memory of this thread, rounded once.
   *
   * @param logits their type
   */
  public double sumOfFewLosses(ElementType logits, long count, Kernels kernels) {
    return fewLosses.sum(logits, count, kernels, exactSum);
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

  // ---- the end ---------------------------------------------------------------------------------

  /** Rejects memory that was closed since the call began, without a query of its owner. */
  void requireOpen() {
    requireAllOpen();
    Memory.requireAccess(records.saved, "the saved statistics");
  }

  /** Whether any memory of the call is confined to this thread. */
  boolean isConfined() {
    return MemoryScopes.isConfined(records.saved) || isAnyConfined();
  }

  /**
   * The exception for memory that became inaccessible. It names the array whose memory was closed;
   * if all memory is open, it is the exception that an owner or an executor threw.
   */
  RuntimeException lost(RuntimeException cause) {
    try {
      requireOpen();
      return cause;
    } catch (MemoryException closed) {
      return closed;
    }
  }

  /** Drops all references to the caller's objects, except those of a bound call. */
  void end() {
    recording.end(dimensions, leadOrNull(), report);
    engine = null;
    addsExactSum = false;
    validRows = 0;
    writesGradient = false;
    functionCall.clear();
    workspace.endCall();
    offsetsMemory.endCall();
    shared = null;
    records.release();
    if (owner == Owner.BOUND) {
      keepReachable();
      return;
    }
    if (presentCount > 0) {
      releaseArrays();
    }
    if (arguments == ownArguments) {
      arguments.clear();
    }
    if (owner == Owner.NOBODY && !broken) {
      workspace.dropLarge();
      records.dropLarge();
    }
    endRepeated();
  }

  /** Ends a call that took no references to the caller's objects. */
  public void endRepeated() {
    if (arguments != ownArguments) {
      arguments = ownArguments;
    }
    if (owner == Owner.THREAD) {
      inUse = false;
    } else if (!broken) {
      CALLS.give(this);
    }
  }
}
