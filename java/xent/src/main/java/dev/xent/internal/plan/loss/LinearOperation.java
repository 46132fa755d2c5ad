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
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.Chunks;
import dev.xent.internal.plan.call.LongRows;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.LossOperation;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.call.TargetChecks;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.LossSpec;
import dev.xent.internal.plan.options.OptionRange;
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
public final class LinearOperation extends LossOperation {
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

  private static final Array[] GRADIENTS = {
    Array.HIDDEN_GRADIENT, Array.WEIGHTS_GRADIENT, Array.BIAS_GRADIENT
  };

  private final LongRows longRows = new LongRows();
  private final long workspace;
  private final int arrays;
  private final RowTask everything = this::everything;
  private final RowTask forwardRows = this::forwardRows;
  private final RowTask states = this::states;
  private final RowTask gradientsOfRows = this::gradientsOfRows;
  private final RowTask gradientsOfClasses = this::gradientsOfClasses;

  /**
   * Creates an operation.
   *
   * @param workspace the maximum workspace per thread, in bytes; 0: the default
   */
  public LinearOperation(Engine engine, LossSpec spec, long workspace) {
    this(Function.LINEAR_CROSS_ENTROPY, "linear cross-entropy", engine, spec, workspace);
  }

  private LinearOperation(
      Function function, String name, Engine engine, LossSpec spec, long workspace) {
    super(function, name, engine, spec);
    this.workspace = workspace;
    this.arrays =
        mask(Array.HIDDEN, Array.WEIGHTS, Array.TARGETS)
            | (spec.classWeights() == null ? 0 : mask(Array.CLASS_WEIGHTS));
  }

  @Override
  protected boolean isForward() {
    return function == Function.LINEAR_CROSS_ENTROPY;
  }

  @Override
  protected LossOperation backward() {
    return new LinearOperation(
        Function.LINEAR_CROSS_ENTROPY_BACKWARD, name + " backward", engine, spec, workspace);
  }

  public LinearOperation withDenominator(double value) {
    return new LinearOperation(engine, spec.withDenominator(value), workspace);
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
      throw new OptionException("workspace", Long.toString(bytes), "a number of bytes above 0");
    }
    return bytes;
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Returns the reduced loss, and writes its gradients unless they are null. */
  public double loss(View hidden, View weights, View targets, @Nullable ArrayViews gradients) {
    View e = null;
    View f = null;
    View d = spec.classWeights();
    int mask = arrays;
    for (Array array : GRADIENTS) {
      View view = gradients == null ? null : gradients.get(array);
      if (view != null) {
        mask |= 1 << function.place(array);
        if (f != null) { // more arrays than the short way has
          return bind(hidden, weights, targets, gradients).loss();
        }
        if (d == null) {
          d = view;
        } else if (e == null) {
          e = view;
        } else {
          f = view;
        }
      }
    }
    return run(mask, hidden, weights, targets, d, e, f, null, 0, null);
  }

  /** Creates a bound call of {@link #loss}. */
  public LossBinding bind(View hidden, View weights, View targets, @Nullable ArrayViews gradients) {
    return new LossBinding(this, gradients, arrays, hidden, weights, targets, spec.classWeights());
  }

  @Override
  protected String nameOfOperation() {
    return "a linear layer";
  }

  @Override
  protected Function inputs() {
    return Function.LINEAR_CROSS_ENTROPY;
  }

  @Override
  protected String event(int mask) {
    int gradients = mask(Array.HIDDEN_GRADIENT, Array.WEIGHTS_GRADIENT, Array.BIAS_GRADIENT);
    return isForward() && (mask & gradients) != 0 ? name + " with gradients" : name;
  }

  @Override
  protected void take(Check check) {
    check.leadLinear(axis);
    takeTargets(check);
    if (isForward()) {
      requireOutputsOf(check.requestedOutputs(), check.call.kind);
      takeOutputs(check, check.lead().type);
    } else {
      check.outputs();
    }
  }

  /** It has several kernels and a workspace. */
  @Override
  protected boolean takeKernels(Site site, Checked call) {
    return false;
  }

  @Override
  protected boolean checksFirst(Checked call) {
    return true;
  }

  @Override
  protected double compute(Run run) {
    requireOnePiece(run);
    return super.compute(run);
  }

  @Override
  protected double weightOfRows(Run run) {
    return TargetChecks.weightOfRows(run);
  }

  @Override
  protected void computeRows(Run run) {
    if (run.call.dimensions.rows != 0) {
      passes(run);
    } else {
      clear(run);
    }
  }

  @Override
  protected void clear(Run run) {
    super.clear(run);
    Memory.clearIfPresent(run.view(Array.HIDDEN_GRADIENT));
    Memory.clearIfPresent(run.view(Array.WEIGHTS_GRADIENT));
    Memory.clearIfPresent(run.view(Array.BIAS_GRADIENT));
  }

  /**
   * Rejects hidden states in several pieces if there are sums over rows: these need all rows in one
   * kernel call.
   */
  private static void requireOnePiece(Run run) {
    if (asksForClasses(run) && run.call.pieces.count > 1) {
      throw new ShapeException(
          message(
              "hidden is %s, with strides that fall into %d pieces, and gradients of weights and bias are sums over all rows: copy it to memory without gaps, or request the gradient of hidden alone",
              run.view(Array.HIDDEN), run.call.pieces.count));
    }
  }

  // ---- division of the work --------------------------------------------------------------------

  private void passes(Run run) {
    boolean sums = run.writesGradient && asksForClasses(run);
    if (isAlone(run) && !run.call.onHeap) {
      long rows = sums ? run.call.pieces.rows : rowsTogether(run);
      requireWorkspace(run, workspace(run, rows, classes(run), contents(run, true) | LEAST));
      run.runAlone(everything);
      return;
    }
    boolean backward = run.writesGradient && (run.has(Array.HIDDEN_GRADIENT) || sums);
    requireWorkspace(run, ofPasses(run, contents(run, false), LEAST));
    if (backward && run.saved.byteSize() == 0) {
      run.saveStatistics();
    }
    if (splitsClasses(run)) {
      forwardClasses(run);
    } else {
      if (backward) {
        keepLogits(run);
      }
      rows(run, forwardRows);
    }
    if (backward) {
      backwardPasses(run);
    }
  }

  /**
   * Keeps the logits for the gradients, if the workspace that the passes leave, of all threads
   * together, is large enough.
   */
  private void keepLogits(Run run) {
    if (workspace == 0 || run.call.pieces.count != 1) {
      return;
    }
    long passes = ofPasses(run, contents(run, false), 0);
    double bytes = (double) run.call.dimensions.rows * classes(run) * Float.BYTES;
    double room = (double) (workspace - passes);
    if (passes != 0 && bytes <= room * engine.threads().most()) {
      run.keepLogits();
      writeLogits(run);
    }
  }

  /** Writes the layout of logits that are kept, contiguous rows of floats. */
  private static void writeLogits(Run run) {
    long classes = run.call.dimensions.classes;
    long inner = run.call.pieces.inner;
    run.call.shape.set(Array.LOGITS, inner * classes, 1, classes, ElementType.F32);
  }

  private void backwardPasses(Run run) {
    if (run.has(Array.HIDDEN_GRADIENT)) {
      rows(run, gradientsOfRows);
    }
    if (asksForClasses(run)) {
      classes(run, gradientsOfClasses, classes(run), classesTogether(run));
    }
  }

  private void rows(Run run, RowTask task) {
    if (isAlone(run)) {
      run.runAlone(task);
    } else {
      run.team().rowsTogether(task, cost(run), rowsTogether(run));
    }
  }

  /** Processes {@code count} numbers that stand for classes, in ranges of {@code claim} numbers. */
  private void classes(Run run, RowTask task, long count, long claim) {
    run.enter(0);
    if (isAlone(run)) {
      for (long begin = 0; begin < count; begin += claim) {
        task.run(run, begin, Math.min(begin + claim, count));
      }
    } else {
      run.team().ranges(task, cost(run), count, claim);
    }
  }

  private boolean isAlone(Run run) {
    return threads(run) == 1;
  }

  /** The number of threads that a pass is worth. */
  private int threads(Run run) {
    return engine.threads().number(cost(run));
  }

  /** The cost of a pass, in elements. */
  private static long cost(Run run) {
    return products(run, run.call.dimensions.rows);
  }

  /** The cost of some rows, in elements. */
  private static long products(Run run, long rows) {
    double products = (double) rows * run.call.dimensions.classes * run.call.shape.features;
    return (long) Math.min(products / PRODUCTS_PER_ELEMENT, Long.MAX_VALUE);
  }

  private static long classes(Run run) {
    return run.call.dimensions.classes;
  }

  private static boolean asksForClasses(Run run) {
    return run.has(Array.WEIGHTS_GRADIENT) || run.has(Array.BIAS_GRADIENT);
  }

  /** The maximum number of rows of a kernel call. */
  private long rowsTogether(Run run) {
    long threads = threads(run);
    long share = (run.call.dimensions.rows + threads - 1) / threads;
    long most = Math.min(share, MOST_ROWS);
    return run.call.onHeap ? onHeap(run, classes(run), most) : most;
  }

  /** The maximum number of classes of a kernel call that sums over all rows. */
  private long classesTogether(Run run) {
    long quarter = classes(run) / (4L * engine.threads().most());
    long most = Math.clamp(quarter, 1, MOST_CLASSES);
    long fit = run.call.onHeap ? onHeap(run, run.call.pieces.rows, most) : most;
    return (fit + CLASSES_TOGETHER - 1) / CLASSES_TOGETHER * CLASSES_TOGETHER;
  }

  /**
   * The number of dot products, with {@code others} vectors each, that do not delay the collector
   * for long.
   */
  private static long onHeap(Run run, long others, long most) {
    double products = (double) others * run.call.shape.features;
    return Math.clamp((long) (HEAP_PRODUCTS / products), 1, most);
  }

  /** Whether each thread reads a part of the weights, instead of all weights for separate rows. */
  private boolean splitsClasses(Run run) {
    return !run.call.needsWholeRows
        && !run.has(Array.ROW_WEIGHTS) // the states would need labels that are classes
        && run.call.pieces.count == 1
        && run.call.dimensions.classes > Chunks.SIZE
        && (run.call.onHeap || run.call.dimensions.rows < FEW_ROWS * engine.threads().most());
  }

  // ---- workspace -------------------------------------------------------------------------------

  /** The requested results of a call, as a workspace code of the kernels. */
  private int contents(Run run, boolean gradients) {
    boolean whole = options.number(OptionRange.PROBABILITY_CLAMP) != 0 && !run.call.hasLabels();
    for (int i = 0; i < run.call.count; i++) {
      Layout array = run.call.present[i];
      whole |= array.needsWholeRows() && array.id != Array.LOG_PROBABILITIES;
    }
    int ofRows = whole ? XentH.XENT_WORKSPACE_WHOLE_ROWS() : 0;
    return gradients && run.writesGradient ? ofRows | ofGradients(run) : ofRows;
  }

  private static int ofGradients(Run run) {
    return (run.has(Array.HIDDEN_GRADIENT) ? XentH.XENT_WORKSPACE_HIDDEN_GRADIENT() : 0)
        | (asksForClasses(run) ? XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT() : 0);
  }

  /**
   * The workspace that each pass of a call needs; 0 if it exceeds 64 bits.
   *
   * @param how {@link #LEAST}; or 0 for the fastest
   */
  private long ofPasses(Run run, int contents, int how) {
    long rows = rowsTogether(run);
    long most = workspace(run, rows, classes(run), contents | how);
    if (run.writesGradient && run.has(Array.HIDDEN_GRADIENT)) {
      int ofHidden = XentH.XENT_WORKSPACE_HIDDEN_GRADIENT();
      most = larger(most, workspace(run, rows, classes(run), ofHidden | how));
    }
    if (run.writesGradient && asksForClasses(run)) {
      int ofClasses = XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT();
      long together = Math.min(classesTogether(run), classes(run));
      most = larger(most, workspace(run, run.call.pieces.rows, together, ofClasses | how));
    }
    return most;
  }

  private static long larger(long a, long b) {
    return a == 0 || b == 0 ? 0 : Math.max(a, b);
  }

  /** Rejects a call with too little workspace, before any output is written. */
  private void requireWorkspace(Run run, long least) {
    if (least == 0) {
      throw new ShapeException(
          message(
              "hidden is %s, weights is %s, and 64 bits do not count the bytes of their workspace; expected fewer rows",
              run.view(Array.HIDDEN), run.view(Array.WEIGHTS)));
    }
    if (workspace != 0 && workspace < least) {
      throw new OptionException(
          message(
              "workspace is %s, and hidden %s with weights %s needs %d; expected that size, or fewer rows at once",
              plural(workspace, "byte"), run.view(Array.HIDDEN), run.view(Array.WEIGHTS), least));
    }
  }

  private long workspace(Run run, long rows, long classes, int contents) {
    return kernels.linearWorkspace(rows, run.call.shape.features, classes, contents);
  }

  /**
   * The workspace that is fastest, within the limit.
   *
   * @param keeps whether the kernel keeps logits between its own passes: {@link #LOGITS} or 0
   */
  private long bytes(Run run, long rows, long classes, int contents, int keeps) {
    long least = workspace(run, rows, classes, contents | LEAST);
    long fastest = workspace(run, rows, classes, contents | keeps);
    long most = workspace == 0 ? USUAL_WORKSPACE : workspace - shareOfLogits(run);
    return Math.max(least, fastest == 0 ? most : Math.min(fastest, most));
  }

  /** The part of each thread's workspace that the kept logits of the call use. */
  private long shareOfLogits(Run run) {
    return run.logits.byteSize() == 0
        ? 0
        : run.call.dimensions.rows * classes(run) * Float.BYTES / engine.threads().most();
  }

  // ---- rows ------------------------------------------------------------------------------------

  /** Computes all results of some rows, including the gradients. */
  private void everything(Run run, long begin, long end) {
    boolean sums = run.writesGradient && asksForClasses(run);
    forward(run, begin, end, sums ? end - begin : MOST_ROWS, true);
  }

  private void forwardRows(Run run, long begin, long end) {
    forward(run, begin, end, rowsTogether(run), false);
  }

  private void forward(Run run, long begin, long end, long step, boolean gradients) {
    int contents = contents(run, gradients);
    boolean writes = gradients && run.writesGradient;
    int keeps = (contents & OF_GRADIENTS) == 0 ? 0 : LOGITS;
    for (long row = begin; row < end && !run.isInVain(); row += step) {
      long stop = Math.min(row + step, end);
      long size = bytes(run, stop - row, classes(run), contents, keeps);
      FunctionCall kernel =
          run.kernel(Function.LINEAR_CROSS_ENTROPY, row, stop)
              .set(Array.LOGITS, gradients ? NULL : run.logits)
              .set(Array.STATISTICS, run.savedOfPiece())
              .set(Array.EXACT_SUM, run.exactSum())
              .workspace(run.workspace(size, workspace != 0), size);
      if (!run.writesGradient) {
        kernel.set(Array.TARGET_GRADIENT, NULL);
      }
      if (!writes) {
        withoutGradients(kernel, true, true);
      }
      run.run(kernel);
    }
  }

  /** Computes the losses of rows whose classes several threads divide. */
  private void forwardClasses(Run run) {
    run.enter(0);
    run.reserveStatistics();
    long rows = run.call.dimensions.rows;
    long together = Math.max(MOST_STATES / Chunks.of(classes(run)), 1);
    for (long row = 0; row < rows && !run.isInVain(); row += together) {
      forwardClasses(run, row, Math.min(row + together, rows));
    }
  }

  private void forwardClasses(Run run, long row, long stop) {
    run.reserveStates(row, stop);
    for (int round = 0; round < 2; round++) {
      run.secondRound = round == 1;
      classes(run, states, Chunks.of(classes(run)), 1);
      longRows.finishForward(run, row, stop, round);
      if (xent_report.unfinished(run.report) == 0) {
        return;
      }
    }
  }

  private void states(Run run, long begin, long end) {
    long first = run.firstState();
    long stop = run.endOfStates();
    long from = begin * Chunks.SIZE;
    long to = Math.min(end * Chunks.SIZE, classes(run));
    long step = run.call.onHeap ? onHeap(run, to - from, stop - first) : stop - first;
    for (long row = first; row < stop && !run.isInVain(); row += step) {
      states(run, row, Math.min(row + step, stop), from, to);
    }
  }

  private void states(Run run, long row, long stop, long from, long to) {
    long size = bytes(run, stop - row, to - from, 0, 0);
    FunctionCall kernel = run.kernel(Function.LINEAR_STATES, row, stop).classes(from, to);
    if (run.secondRound) {
      kernel.set(Array.STATISTICS, run.statistics);
    }
    kernel.set(Array.STATES, run.states(row)).workspace(run.workspace(size, workspace != 0), size);
    run.run(kernel);
  }

  // ---- gradients -------------------------------------------------------------------------------

  @Override
  protected void computeGradients(Run run) {
    if (run.call.dimensions.rows == 0) {
      clear(run);
      return;
    }
    requireWorkspace(run, ofPasses(run, 0, LEAST));
    backwardPasses(run);
  }

  private void gradientsOfRows(Run run, long begin, long end) {
    long step = rowsTogether(run);
    int contents = XentH.XENT_WORKSPACE_HIDDEN_GRADIENT();
    for (long row = begin; row < end && !run.isInVain(); row += step) {
      gradients(run, row, Math.min(row + step, end), 0, classes(run), contents);
    }
  }

  private void gradientsOfClasses(Run run, long begin, long end) {
    int contents = XentH.XENT_WORKSPACE_WEIGHTS_GRADIENT();
    gradients(run, 0, run.call.pieces.rows, begin, end, contents);
  }

  /**
   * Computes the gradients of hidden states or of weights and bias, as {@code contents} selects.
   */
  private void gradients(Run run, long row, long rowEnd, long from, long to, int contents) {
    long size = bytes(run, rowEnd - row, to - from, contents, 0);
    boolean ofHidden = contents == XentH.XENT_WORKSPACE_HIDDEN_GRADIENT();
    FunctionCall kernel =
        run.kernel(Function.LINEAR_CROSS_ENTROPY_BACKWARD, row, rowEnd)
            .classes(from, to)
            .set(Array.LOGITS, run.logits)
            .set(Array.STATISTICS, run.savedOfPiece())
            .workspace(run.workspace(size, workspace != 0), size);
    withoutGradients(kernel, !ofHidden, ofHidden);
    run.run(kernel);
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
