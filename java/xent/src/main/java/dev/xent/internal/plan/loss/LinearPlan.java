// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;
import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Bound;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Chunks;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.LossPlan;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.shard.LongRows;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of a linear layer: chooses the kernels, and the rows and classes of each kernel
 * call.
 *
 * <p>A single thread computes everything in one pass. Several threads make separate passes. The
 * first computes losses and statistics of rows; if there are few rows, threads divide the classes.
 * The second computes the gradients of hidden states, which belong to rows. The third computes the
 * gradients of weights and bias, which belong to classes and are sums over all rows in order. So
 * the bits do not depend on how the work is divided.
 */
public final class LinearPlan extends LossPlan {
  /** The maximum number of rows of a kernel call, which reads the weights once per half of them. */
  private static final long MOST_ROWS = 512;

  /**
   * The maximum number of classes of a kernel call that sums over all rows. More classes need more
   * workspace and are not faster.
   */
  private static final long MOST_CLASSES = 512;

  /**
   * Claims of classes end at multiples of this number, because products process that many classes
   * side by side.
   */
  private static final long CLASSES_TOGETHER = 32;

  /**
   * With fewer rows per thread, reading the weights takes longer than multiplying them. Each thread
   * then reads a part of the weights.
   */
  private static final long FEW_ROWS = 32;

  /** The number of products that take as long as one element of another operation. */
  private static final long PRODUCTS_PER_ELEMENT = 8;

  /**
   * The maximum number of products of a kernel call on Java arrays, for which the collector waits:
   * a tenth of a second with AVX-512, longer with other instruction sets. A lower limit would leave
   * few rows of a large layer per call, and each call reads all weights.
   */
  private static final long HEAP_PRODUCTS = 1L << 32;

  /** The maximum number of states at the same time: two megabytes. */
  private static final long MOST_STATES = 1L << 15;

  private static final int LEAST = XentH.XENT_WORKSPACE_LEAST();
  private static final int LOGITS = XentH.XENT_WORKSPACE_LOGITS();
  private static final int OF_GRADIENTS =
      XentH.XENT_WORKSPACE_HIDDEN_GRADIENT() | XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT();

  /** The workspace limit if the caller sets none. */
  private static final long USUAL_WORKSPACE = 64L << 20;

  private final LongRows longRows;
  private final long workspace;
  private final Plan backward = new GradientsAlone();
  private final RowTask everything = this::everything;
  private final RowTask forwardRows = this::forwardRows;
  private final RowTask states = this::states;
  private final RowTask gradientsOfRows = this::gradientsOfRows;
  private final RowTask gradientsOfClasses = this::gradientsOfClasses;

  /**
   * Creates a plan.
   *
   * @param workspace the maximum workspace per thread, in bytes; 0: the default
   */
  public LinearPlan(Engine engine, LossSpec spec, long workspace) {
    super(engine, spec, Function.LINEAR_CROSS_ENTROPY, "linear cross-entropy");
    this.longRows = new LongRows(engine);
    this.workspace = workspace;
  }

  public LinearPlan withDenominator(double value) {
    return new LinearPlan(engine, spec.withDenominator(value), workspace);
  }

  @Override
  public String toString() {
    Described text = new Described("LinearCrossEntropy");
    text.option("workspace", workspace, 0L);
    return spec.describe(text, engine);
  }

  /**
   * Returns the value.
   *
   * @throws OptionException unless it is above 0
   */
  public static long requireWorkspace(long bytes) {
    if (bytes <= 0) {
      throw new OptionException("workspace is " + bytes + "; expected a number of bytes above 0");
    }
    return bytes;
  }

  // ---- forward ---------------------------------------------------------------------------------

  /** Returns the reduced loss, and writes its gradients unless they are null. */
  public double forward(View hidden, View weights, View targets, @Nullable ArrayViews gradients) {
    Call call = with(hidden, weights, targets);
    call.arguments.gradients = gradients;
    return runCompletely(call);
  }

  /** Creates a bound call of {@link #forward}. */
  public Bound bind(View hidden, View weights, View targets, @Nullable ArrayViews gradients) {
    return new Bound(this, backward, hidden, weights, targets).gradients(gradients);
  }

  @Override
  protected void setViews(
      CallArguments arguments, View hidden, @Nullable View weights, @Nullable View targets) {
    arguments.lead = hidden;
    arguments.weights = weights;
    arguments.targets = targets;
  }

  /**
   * A call does not keep its arrays, because its passes write their own logits to the shape, and
   * its gradients may differ between runs.
   */
  @Override
  protected boolean mayKeepArrays(Call call) {
    return false;
  }

  @Override
  protected String event(CallArguments arguments) {
    return arguments.gradients == null
        ? "linear cross-entropy"
        : "linear cross-entropy with gradients";
  }

  @Override
  protected void take(Call call, CallArguments arguments) {
    takeInputs(call, arguments);
    takeGradients(call, arguments.gradients);
    takeOutputs(call, Function.LINEAR_CROSS_ENTROPY, null);
    requireOnePiece(call);
  }

  @Override
  protected void computeRows(Call call, CallArguments arguments) {
    if (call.dimensions.rows != 0) {
      passes(call);
    }
    if (arguments.gradients != null && (!call.writesGradient || call.dimensions.rows == 0)) {
      clearGradients(call);
    }
  }

  private void takeInputs(Call call, CallArguments arguments) {
    arguments.inputs.requireFor(Function.LINEAR_CROSS_ENTROPY, "a linear layer");
    call.leadLinear(arguments.lead, spec.axis(), arguments.weights);
    takeTargets(call, arguments, Function.LINEAR_CROSS_ENTROPY);
  }

  private static void takeGradients(Call call, @Nullable ArrayViews gradients) {
    if (gradients != null) {
      call.takeOutputs(Function.LINEAR_CROSS_ENTROPY, gradients);
    }
  }

  private static void clearGradients(Call call) {
    Memory.clearIfPresent(call.view(Array.HIDDEN_GRADIENT));
    Memory.clearIfPresent(call.view(Array.WEIGHTS_GRADIENT));
    Memory.clearIfPresent(call.view(Array.BIAS_GRADIENT));
  }

  /**
   * Rejects hidden states in several pieces if there are sums over rows: these need all rows in one
   * kernel call.
   */
  private static void requireOnePiece(Call call) {
    if (asksForClasses(call) && call.pieces.count > 1) {
      throw new ShapeException(
          message(
              "hidden is %s, with strides that fall into %d pieces, and gradients of weights and bias are sums over all rows: copy it to memory without gaps, or request the gradient of hidden alone",
              call.view(Array.HIDDEN), call.pieces.count));
    }
  }

  // ---- division of the work --------------------------------------------------------------------

  private void passes(Call call) {
    boolean sums = call.writesGradient && asksForClasses(call);
    if (isAlone(call) && !call.onHeap) {
      long rows = sums ? call.pieces.rows : rowsTogether(call);
      requireWorkspace(call, workspace(call, rows, classes(call), contents(call, true) | LEAST));
      call.partition.runAlone(everything);
      return;
    }
    boolean backward = call.writesGradient && (call.has(Array.HIDDEN_GRADIENT) || sums);
    requireWorkspace(call, ofPasses(call, contents(call, false), LEAST));
    if (backward && call.records.saved.byteSize() == 0) {
      call.records.saveStatistics(call.dimensions.rows);
    }
    if (splitsClasses(call)) {
      forwardClasses(call);
    } else {
      if (backward) {
        keepLogits(call);
      }
      rows(call, forwardRows);
    }
    if (backward) {
      backwardPasses(call);
    }
  }

  /**
   * Keeps the logits for the gradients, if the workspace that the passes leave, of all threads
   * together, is large enough.
   */
  private void keepLogits(Call call) {
    if (workspace == 0 || call.pieces.count != 1) {
      return;
    }
    long passes = ofPasses(call, contents(call, false), 0);
    double bytes = (double) call.dimensions.rows * classes(call) * Float.BYTES;
    double room = (double) (workspace - passes);
    if (passes != 0 && bytes <= room * engine.threads().most()) {
      call.records.keepLogits(call.dimensions.rows, classes(call));
      call.structs.writeLogits(call.pieces.inner);
    }
  }

  private void backwardPasses(Call call) {
    if (call.has(Array.HIDDEN_GRADIENT)) {
      rows(call, gradientsOfRows);
    }
    if (asksForClasses(call)) {
      classes(call, gradientsOfClasses, classes(call), classesTogether(call));
    }
  }

  private void rows(Call call, RowTask task) {
    if (isAlone(call)) {
      call.partition.runAlone(task);
    } else {
      call.partition.workers().rowsTogether(engine, task, cost(call), rowsTogether(call));
    }
  }

  /** Processes {@code count} numbers that stand for classes, in ranges of {@code claim} numbers. */
  private void classes(Call call, RowTask task, long count, long claim) {
    call.enter(0);
    if (isAlone(call)) {
      for (long begin = 0; begin < count; begin += claim) {
        task.run(call, begin, Math.min(begin + claim, count));
      }
    } else {
      call.partition.workers().ranges(engine, task, cost(call), count, claim);
    }
  }

  private boolean isAlone(Call call) {
    return threads(call) == 1;
  }

  /** The number of threads that a pass is worth. */
  private int threads(Call call) {
    return engine.threads().number(cost(call));
  }

  /** The cost of a pass, in elements. */
  private static long cost(Call call) {
    return products(call, call.dimensions.rows);
  }

  /** The cost of some rows, in elements. */
  private static long products(Call call, long rows) {
    double products = (double) rows * call.dimensions.classes * call.features;
    return (long) Math.min(products / PRODUCTS_PER_ELEMENT, Long.MAX_VALUE);
  }

  private static long classes(Call call) {
    return call.dimensions.classes;
  }

  private static boolean asksForClasses(Call call) {
    return call.has(Array.WEIGHTS_GRADIENT) || call.has(Array.BIAS_GRADIENT);
  }

  /** The maximum number of rows of a kernel call. */
  private long rowsTogether(Call call) {
    long threads = threads(call);
    long share = (call.dimensions.rows + threads - 1) / threads;
    long most = Math.min(share, MOST_ROWS);
    return call.onHeap ? onHeap(call, classes(call), most) : most;
  }

  /** The maximum number of classes of a kernel call that sums over all rows. */
  private long classesTogether(Call call) {
    long quarter = classes(call) / (4L * engine.threads().most());
    long most = Math.clamp(quarter, 1, MOST_CLASSES);
    long fit = call.onHeap ? onHeap(call, call.pieces.rows, most) : most;
    return (fit + CLASSES_TOGETHER - 1) / CLASSES_TOGETHER * CLASSES_TOGETHER;
  }

  /**
   * The number of dot products, with {@code others} vectors each, that do not delay the collector
   * for long.
   */
  private static long onHeap(Call call, long others, long most) {
    double products = (double) others * call.features;
    return Math.clamp((long) (HEAP_PRODUCTS / products), 1, most);
  }

  /** Whether each thread reads a part of the weights, instead of all weights for separate rows. */
  private boolean splitsClasses(Call call) {
    return !call.needsWholeRows
        && !call.has(Array.ROW_WEIGHTS) // the states would need labels that are classes
        && call.pieces.count == 1
        && call.dimensions.classes > Chunks.SIZE
        && (call.onHeap || call.dimensions.rows < FEW_ROWS * engine.threads().most());
  }

  // ---- workspace -------------------------------------------------------------------------------

  /** The requested results of a call, as a workspace code of the kernels. */
  private int contents(Call call, boolean gradients) {
    boolean whole = options.number(OptionRange.PROBABILITY_CLAMP) != 0 && !call.hasLabels();
    for (int i = 0; i < call.presentCount; i++) {
      CallArray array = call.present[i];
      whole |= array.needsWholeRows() && array.id != Array.LOG_PROBABILITIES;
    }
    int ofRows = whole ? XentH.XENT_WORKSPACE_WHOLE_ROWS() : 0;
    return gradients && call.writesGradient ? ofRows | ofGradients(call) : ofRows;
  }

  private static int ofGradients(Call call) {
    return (call.has(Array.HIDDEN_GRADIENT) ? XentH.XENT_WORKSPACE_HIDDEN_GRADIENT() : 0)
        | (asksForClasses(call) ? XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT() : 0);
  }

  /**
   * The workspace that each pass of a call needs; 0 if it exceeds 64 bits.
   *
   * @param how {@link #LEAST}; or 0 for the fastest
   */
  private long ofPasses(Call call, int contents, int how) {
    long rows = rowsTogether(call);
    long most = workspace(call, rows, classes(call), contents | how);
    if (call.writesGradient && call.has(Array.HIDDEN_GRADIENT)) {
      int ofHidden = XentH.XENT_WORKSPACE_HIDDEN_GRADIENT();
      most = larger(most, workspace(call, rows, classes(call), ofHidden | how));
    }
    if (call.writesGradient && asksForClasses(call)) {
      int ofClasses = XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT();
      long together = Math.min(classesTogether(call), classes(call));
      most = larger(most, workspace(call, call.pieces.rows, together, ofClasses | how));
    }
    return most;
  }

  private static long larger(long a, long b) {
    return a == 0 || b == 0 ? 0 : Math.max(a, b);
  }

  /** Rejects a call with too little workspace, before any output is written. */
  private void requireWorkspace(Call call, long least) {
    if (least == 0) {
      throw new ShapeException(
          message(
              "hidden is %s, weights is %s, and 64 bits do not count the bytes of their workspace; expected fewer rows",
              call.view(Array.HIDDEN), call.view(Array.WEIGHTS)));
    }
    if (workspace != 0 && workspace < least) {
      throw new OptionException(
          message(
              "workspace is %s, and hidden %s with weights %s needs %d; expected that size, or fewer rows at once",
              plural(workspace, "byte"), call.view(Array.HIDDEN), call.view(Array.WEIGHTS), least));
    }
  }

  private long workspace(Call call, long rows, long classes, int contents) {
    return kernels.linearWorkspace(rows, call.features, classes, contents);
  }

  /**
   * The workspace that is fastest, within the limit.
   *
   * @param keeps whether the kernel keeps logits between its own passes: {@link #LOGITS} or 0
   */
  private long bytes(Call call, long rows, long classes, int contents, int keeps) {
    long least = workspace(call, rows, classes, contents | LEAST);
    long fastest = workspace(call, rows, classes, contents | keeps);
    long most = workspace == 0 ? USUAL_WORKSPACE : workspace - shareOfLogits(call);
    return Math.max(least, fastest == 0 ? most : Math.min(fastest, most));
  }

  /** The part of each thread's workspace that the kept logits of the call use. */
  private long shareOfLogits(Call call) {
    return call.records.logits.byteSize() == 0
        ? 0
        : call.dimensions.rows * classes(call) * Float.BYTES / engine.threads().most();
  }

  // ---- rows ------------------------------------------------------------------------------------

  /** Computes all results of some rows, including the gradients. */
  private void everything(Call call, long begin, long end) {
    boolean sums = call.writesGradient && asksForClasses(call);
    forward(call, begin, end, sums ? end - begin : MOST_ROWS, true);
  }

  private void forwardRows(Call call, long begin, long end) {
    forward(call, begin, end, rowsTogether(call), false);
  }

  private void forward(Call call, long begin, long end, long step, boolean gradients) {
    int contents = contents(call, gradients);
    boolean writes = gradients && call.writesGradient;
    int keeps = (contents & OF_GRADIENTS) == 0 ? 0 : LOGITS;
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      long size = bytes(call, stop - row, classes(call), contents, keeps);
      FunctionCall kernel =
          call.kernel(Function.LINEAR_CROSS_ENTROPY, row, stop)
              .set(Array.LOGITS, gradients ? NULL : call.records.logits)
              .set(Array.STATISTICS, call.records.savedOf(call.pieces))
              .set(Array.EXACT_SUM, call.exactSum())
              .workspace(call.workspace(size, workspace != 0), size);
      if (!call.writesGradient) {
        kernel.set(Array.TARGET_GRADIENT, NULL);
      }
      if (!writes) {
        withoutGradients(kernel, true, true);
      }
      Failures.check(kernels.run(kernel), call);
    }
  }

  /** Computes the losses of rows whose classes several threads divide. */
  private void forwardClasses(Call call) {
    call.enter(0);
    call.records.reserveStatistics(call.pieces);
    long rows = call.dimensions.rows;
    long together = Math.max(MOST_STATES / Chunks.of(classes(call)), 1);
    for (long row = 0; row < rows && !call.partition.isInVain(); row += together) {
      forwardClasses(call, row, Math.min(row + together, rows));
    }
  }

  private void forwardClasses(Call call, long row, long stop) {
    call.records.reserveStates(row, stop, classes(call));
    for (int round = 0; round < 2; round++) {
      call.records.secondRound = round == 1;
      classes(call, states, Chunks.of(classes(call)), 1);
      longRows.finishForward(call, row, stop, round);
      if (xent_report.unfinished(call.report) == 0) {
        return;
      }
    }
  }

  private void states(Call call, long begin, long end) {
    long first = call.records.firstState();
    long stop = call.records.endOfStates();
    long from = begin * Chunks.SIZE;
    long to = Math.min(end * Chunks.SIZE, classes(call));
    long step = call.onHeap ? onHeap(call, to - from, stop - first) : stop - first;
    for (long row = first; row < stop && !call.partition.isInVain(); row += step) {
      states(call, row, Math.min(row + step, stop), from, to);
    }
  }

  private void states(Call call, long row, long stop, long from, long to) {
    long size = bytes(call, stop - row, to - from, 0, 0);
    FunctionCall kernel = call.kernel(Function.LINEAR_STATES, row, stop).classes(from, to);
    if (call.records.secondRound) {
      kernel.set(Array.STATISTICS, call.records.statistics);
    }
    kernel
        .set(Array.STATES, call.records.states(row, classes(call)))
        .workspace(call.workspace(size, workspace != 0), size);
    Failures.check(kernels.run(kernel), call);
  }

  // ---- gradients -------------------------------------------------------------------------------

  private final class GradientsAlone extends Backward {
    @Override
    protected void setViews(
        CallArguments arguments, View hidden, @Nullable View weights, @Nullable View targets) {
      LinearPlan.this.setViews(arguments, hidden, weights, targets);
    }

    @Override
    protected boolean mayKeepArrays(Call call) {
      return false;
    }

    @Override
    protected void take(Call call, CallArguments arguments) {
      takeInputs(call, arguments);
      call.takeIfPresent(Rule.UPSTREAM_OF_ROWS, arguments.upstream);
      takeGradients(call, arguments.gradients);
      call.requireWritable();
      call.ready();
      requireOnePiece(call);
    }

    @Override
    protected void computeGradients(Call call) {
      if (call.dimensions.rows == 0) {
        clearGradients(call);
        return;
      }
      call.writesGradient = true;
      requireWorkspace(call, ofPasses(call, 0, LEAST));
      backwardPasses(call);
    }

    @Override
    protected void clear(Call call) {
      clearGradients(call);
    }
  }

  private void gradientsOfRows(Call call, long begin, long end) {
    long step = rowsTogether(call);
    int contents = XentH.XENT_WORKSPACE_HIDDEN_GRADIENT();
    for (long row = begin; row < end && !call.partition.isInVain(); row += step) {
      gradients(call, row, Math.min(row + step, end), 0, classes(call), contents);
    }
  }

  private void gradientsOfClasses(Call call, long begin, long end) {
    int contents = XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT();
    gradients(call, 0, call.pieces.rows, begin, end, contents);
  }

  /**
   * Computes the gradients of hidden states or of weights and bias, as {@code contents} selects.
   */
  private void gradients(Call call, long row, long rowEnd, long from, long to, int contents) {
    long size = bytes(call, rowEnd - row, to - from, contents, 0);
    boolean ofHidden = contents == XentH.XENT_WORKSPACE_HIDDEN_GRADIENT();
    FunctionCall kernel =
        call.kernel(Function.LINEAR_CROSS_ENTROPY_BACKWARD, row, rowEnd)
            .classes(from, to)
            .set(Array.LOGITS, call.records.logits)
            .set(Array.STATISTICS, call.records.savedOf(call.pieces))
            .workspace(call.workspace(size, workspace != 0), size);
    withoutGradients(kernel, !ofHidden, ofHidden);
    Failures.check(kernels.run(kernel), call);
  }

  private static void withoutGradients(FunctionCall kernel, boolean ofHidden, boolean ofClasses) {
    if (ofHidden) {
      kernel.set(Array.HIDDEN_GRADIENT, NULL);
    }
    if (ofClasses) {
      kernel.set(Array.WEIGHTS_GRADIENT, NULL).set(Array.BIAS_GRADIENT, NULL);
    }
  }
}
