// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.DTypeException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.MemoryScopes;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayRow;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Layout;
import dev.xent.internal.plan.arrays.Layout.Kind;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Binding;
import dev.xent.internal.plan.call.Check;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.Extras;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.Operation;
import dev.xent.internal.plan.call.RowTask;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.ShortKernel;
import dev.xent.internal.plan.call.Site;
import dev.xent.internal.plan.call.WrongLabels;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.RepetitionOptions;
import dev.xent.internal.plan.options.SamplingOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Sampling: draws a token for each row. A call without a tensor for its tokens has one row, and
 * returns the token: the calls of {@link #token} and of texts.
 */
public final class SamplerOperation extends Operation {
  private static final long NO_TOKEN = -1;

  /** The last valid step. */
  public static final long LAST_STEP = OptionRange.STEP.most();

  private final SamplingOptions sampling;
  private final RepetitionOptions repetition;
  private final boolean hasPenalties;

  /** The stream of the first row. */
  private final long stream;

  private final double softcap;

  /** Whether the token of an array is the class of its largest logit. */
  final boolean takesLargest;

  /** The places of logits and tokens. */
  final int arrays = mask(Array.LOGITS, Array.TOKENS);

  private final RowTask rows = this::rows;
  private final Supplier<Scratch> scratch = Scratch::new;

  public SamplerOperation(
      Engine engine,
      Options options,
      SamplingOptions sampling,
      RepetitionOptions repetition,
      int axis) {
    super(Function.SAMPLE, "sample", engine, options, axis);
    this.sampling = sampling;
    this.repetition = repetition;
    this.hasPenalties = sampling.hasPenalties();
    this.stream = sampling.stream();
    this.softcap = options.number(OptionRange.SOFTCAP);
    this.takesLargest =
        sampling.greedy() && softcap == 0 && !sampling.isScaled() && Strides.isAxis(axis, 1);
  }

  public SamplingOptions sampling() {
    return sampling;
  }

  public RepetitionOptions repetition() {
    return repetition;
  }

  /** Whether penalties use the previous tokens. */
  boolean hasPenalties() {
    return hasPenalties;
  }

  Kernels kernels() {
    return kernels;
  }

  @Override
  public String toString() {
    return toString(sampling.stream());
  }

  /** A text of the options, with another stream. */
  public String toString(long stream) {
    Described text = new Described("Sampler");
    text.option("axis", axis, -1);
    sampling.withStream(stream).describe(text);
    repetition.describe(text);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  // ---- calls -----------------------------------------------------------------------------------

  /**
   * Returns the token of the only row.
   *
   * @throws dev.xent.errors.NoTokenException if it has none
   */
  public long token(View logits, long step) {
    OptionRange.STEP.require(step);
    requireNoTokens();
    repetition.requireUnused();
    long token = (long) run(arrays, logits, null, null, null, null, null, null, step, null);
    if (token < 0) {
      throw NoToken.exception("", logits, InputViews.OF_SAMPLER, false);
    }
    return token;
  }

  /** Writes a token for each row. */
  public void sample(View logits, long step, View tokens) {
    requireNoTokens();
    OptionRange.STEP.require(step);
    run(arrays, logits, tokens, null, null, null, null, null, step, null);
  }

  private void requireNoTokens() {
    if (hasPenalties) {
      sampling.requireNoPenalties();
    }
  }

  /** The next token of a Java array, as {@link #draw(Object, long, long, View, long, long)}. */
  public long draw(float[] logits, @Nullable View row, long ofRow, long step) {
    return step > LAST_STEP ? NO_TOKEN : draw(logits, 0, logits.length, row, ofRow, step);
  }

  /**
   * The next token of floats off the heap, as {@link #draw(Object, long, long, View, long, long)}.
   */
  public long draw(MemorySegment logits, long ofRow, long step) {
    if (step > LAST_STEP
        || !logits.isNative()
        || logits.address() == 0
        || logits.address() % Float.BYTES != 0
        || !MemoryScopes.isHeld(logits)) {
      return NO_TOKEN;
    }
    long floats = logits.byteSize() / Float.BYTES;
    long token = draw(null, logits.address(), floats, null, ofRow, step);
    Reference.reachabilityFence(logits);
    return token;
  }

  /**
   * The next token of a row of one dimension, as {@link #draw(Object, long, long, View, long,
   * long)}.
   */
  public long draw(View logits, long ofRow, long step) {
    if (step > LAST_STEP || logits.shape.length != 1 || !isPlain(logits)) {
      return NO_TOKEN;
    }
    return draw(logits.array, logits.address, logits.elements, logits, ofRow, step);
  }

  /**
   * The next token of a row of a matrix that {@link #canDrawFrom}, as {@link #draw(Object, long,
   * long, View, long, long)} without a tensor of this row.
   */
  public long drawFrom(View matrix, long index, long ofRow, long step) {
    if (step > LAST_STEP) {
      return NO_TOKEN;
    }
    long floats = matrix.shape[1];
    long address = matrix.address + index * floats * Float.BYTES;
    long token = draw(matrix.array, address, floats, null, ofRow, step);
    Reference.reachabilityFence(matrix);
    return token;
  }

  /** Whether {@link #drawFrom} can draw from the rows of a matrix. */
  public boolean canDrawFrom(View matrix) {
    return (axis == -1 || axis == 1) && isPlain(matrix);
  }

  /** Whether logits are adjacent floats in memory that stays open during a call. */
  private static boolean isPlain(View logits) {
    return logits.type == ElementType.F32
        && logits.contiguous
        && logits.guard == null
        && logits.isHeld()
        && (logits.everOpen || Memory.isAccessible(logits));
  }

  /** Creates a bound call that writes a token for each row. */
  public Bound bind(View logits, View tokens) {
    return new Bound(this, logits, tokens);
  }

  /** A bound call, of one step or of a request for each row. */
  public static final class Bound extends Binding {
    private static final int NOT_TAKEN = -1;

    private final SamplerExtras extras = new SamplerExtras();

    /** The count of changes of the outputs that the arrays are up to date with. */
    private int known;

    private Bound(SamplerOperation sampler, View logits, View tokens) {
      super(sampler, sampler.arrays, logits, tokens);
      extras.stream = sampler.sampling.stream();
    }

    /** Draws the tokens of a step. */
    public void run(long step) {
      OptionRange.STEP.require(step);
      run(extras, step);
    }

    /** Draws a token per row, with a separate sampler for each row. */
    public void run(SamplerRows rows) {
      use.enter();
      try {
        extras.rows = rows;
        runInUse(extras, 0);
      } finally {
        extras.rows = null;
        use.uses = 0;
      }
    }

    @Override
    protected void begin() {
      TokenOutputs outputs = extras.outputs;
      if (outputs != null && outputs.changes() != known) {
        take(outputs);
      }
    }

    /** Sets the outputs of all later runs. */
    public void outputs(TokenOutputs outputs) {
      use.enter();
      try {
        known = NOT_TAKEN;
        extras.outputs = outputs;
        take(outputs);
      } finally {
        use.uses = 0;
      }
    }

    private void take(TokenOutputs outputs) {
      int now = outputs.changes();
      for (Array array : TokenOutputs.ARRAYS) {
        put(array, outputs.views.get(array));
      }
      known = now;
    }
  }

  // ---- checks of shapes ------------------------------------------------------------------------

  @Override
  protected void take(Check check) {
    check.lead(axis);
    View logits = check.lead();
    if (logits.type == ElementType.F64) {
      throw new DTypeException(
          "logits is "
              + logits.described()
              + "; expected a tensor of type F32, F16 or BF16 to sample from");
    }
    if (check.dimensions.classes > Integer.MAX_VALUE) {
      throw new ShapeException(
          message("logits is %s; expected fewer than 2^31 classes to sample from", logits));
    }
    check.needWholeRows();
    if (check.has(Array.TOKENS)) {
      repetition.requireUnused();
    } else {
      requireOneRow(check, logits);
    }
    check.inputs();
    if (!check.has(Array.TOKENS)) {
      check.lend(Array.TOKENS, Rule.TOKENS, check.call.token(), Kind.ROWS);
    }
    check.outputs();
  }

  private static void requireOneRow(Check check, View logits) {
    if (check.dimensions.rows != 1) {
      throw new ShapeException(
          message(
              "logits is %s with %s; expected one row, or call sample",
              logits, plural(check.dimensions.rows, "row")));
    }
  }

  /** Whether a call has no tensor for its tokens. */
  private static boolean returnsToken(Checked call) {
    return call.array(Array.TOKENS).own != null;
  }

  // ---- short calls -----------------------------------------------------------------------------

  @Override
  protected boolean takeKernels(Site site, Checked call) {
    boolean ofText = call.passes(function.place(Array.WORKSPACE));
    boolean hasTokens = call.has(Array.PROMPT_TOKENS) || call.has(Array.OUTPUT_TOKENS);
    boolean checkedBiases = ofText && repetition.areUsed(); // those of the text's own tokens
    if (call.has(Array.BIAS_TOKENS) && !checkedBiases
        || call.has(Array.DRAFT_TOKENS)
        || !ofText && (hasTokens || workspace(call) != 0)) {
      return false; // contents are checked first, or there is no workspace
    }
    if (call.sampling() == null) {
      MemorySegment made = Arena.ofAuto().allocate(xent_sampling.layout());
      sampling.write(made, 0, 0);
      call.sampling(made);
    }
    if (!call.computes.take(function, call, 0)
        || ofText && !call.computes.take(call.array(Array.WORKSPACE))) {
      return false;
    }
    call.computes.sampling(call.sampling(), false);
    if (ofText) {
      return true;
    }
    kernelOfRequests(call).take(function, call, 0);
    Layout row = call.array(Array.LOGITS);
    call.draws = call.count == 2 && returnsToken(call);
    if (call.draws && row.type == ElementType.F32 && row.classes == 1 && Strides.isAxis(axis, 1)) {
      call.floats = row.elements();
    }
    return true;
  }

  @Override
  protected double runShort(
      Site site,
      Checked call,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f,
      @Nullable Extras extras,
      long step) {
    SamplerExtras own = (SamplerExtras) extras;
    TokenOutputs outputs = own == null ? null : own.outputs;
    long ofRow = own == null ? stream : own.stream;
    if (call.draws && outputs == null) {
      site.drawing = call;
      long token = call.computes.draw(call, a.array, a.address, a, ofRow, step);
      if (token >= NO_TOKEN) {
        return token;
      }
    }
    if (own != null && own.workspace != null) {
      call.text(own.promptCount, own.outputCount, own.continues);
    }
    if (own != null && own.rows != null) {
      draw(own.rows, call, a, b, c, d, e, f);
    } else {
      call.draw(ofRow, step);
      call.computes.run(kernels, call, a, b, c, d, e, f);
    }
    if (outputs != null) {
      outputs.rows = call.dimensions.rows;
      outputs.sampled = xent_report.valid_rows(call.report);
    }
    return b == null ? token(call) : Double.NaN;
  }

  /** The kernel of a short call with a sampler for each row: no other one goes before. */
  private static ShortKernel kernelOfRequests(Checked call) {
    return call.checks;
  }

  private void draw(
      SamplerRows requests,
      Checked call,
      View a,
      @Nullable View b,
      @Nullable View c,
      @Nullable View d,
      @Nullable View e,
      @Nullable View f) {
    requests.use.enter();
    try {
      requireRows(call, a, requests);
      ShortKernel step = kernelOfRequests(call);
      step.sampling(requests.from(0), true);
      step.run(kernels, call, a, b, c, d, e, f);
    } finally {
      requests.use.uses = 0;
    }
  }

  /** The token or -1, which a double represents exactly, of a call that returns it. */
  private static double token(Checked call) {
    return call.token().segment.get(ValueLayout.JAVA_LONG, 0);
  }

  // ---- other calls -----------------------------------------------------------------------------

  /** What a thread needs for sampling. */
  private final class Scratch {
    final ArrayRow tokens = new ArrayRow();
    final ArrayRow draftProbabilities = new ArrayRow();
    final MemorySegment struct = Arena.ofAuto().allocate(xent_sampling.layout());

    Scratch() {
      sampling.write(struct, 0, 0);
    }
  }

  private Scratch scratch(Run run) {
    return run.scratch(Scratch.class, scratch);
  }

  @Override
  protected double compute(Run run) {
    SamplerExtras own = (SamplerExtras) run.extras;
    SamplerRows requests = own == null ? null : own.rows;
    if (requests == null) {
      return compute(run, own, null);
    }
    requests.use.enter();
    try {
      return compute(run, own, requests);
    } finally {
      requests.use.uses = 0;
    }
  }

  private double compute(Run run, @Nullable SamplerExtras own, @Nullable SamplerRows requests) {
    Checked call = run.call;
    if (requests != null) {
      requireRows(call, run.view(Array.LOGITS), requests);
    }
    if (own != null && own.workspace != null) {
      call.text(own.promptCount, own.outputCount, own.continues);
    } else {
      requireTokens(run, Array.PROMPT_TOKENS, call.shape.promptCount);
      requireTokens(run, Array.OUTPUT_TOKENS, call.shape.outputCount);
    }
    if (own == null || own.workspace == null || !repetition.areUsed()) {
      requireTokens(run, Array.BIAS_TOKENS, call.shape.targetCount);
    }
    requireTokens(run, Array.DRAFT_TOKENS, 1);
    requireProbabilities(run, requests);
    run.run(rows);
    if (own != null && own.outputs != null) {
      own.outputs.rows = call.dimensions.rows;
      own.outputs.sampled = run.validRows;
    }
    return returnsToken(call) ? token(call) : Double.NaN;
  }

  private void requireRows(Checked call, View logits, SamplerRows requests) {
    if (requests.size() != call.dimensions.rows) {
      throw new OptionException(
          message(
              "requests has %s, logits is %s with %s; expected one request per row",
              plural(requests.size(), "request"), logits, plural(call.dimensions.rows, "row")));
    }
    for (int row = 0; row < requests.size(); row++) {
      requireSameCall(call, row, requests.sampler(row));
    }
  }

  /** Rejects a request whose sampler differs in an option that all rows of a call must share. */
  private void requireSameCall(Checked call, int row, SamplerOperation sampler) {
    if (sampler.softcap != softcap) {
      throw other("softcap", row, sampler.softcapText(), softcapText());
    }
    if (sampler.axis != axis && !isClassAxis(sampler.axis, call)) {
      throw other("axis", row, "axis " + sampler.axis, "axis " + axis);
    }
  }

  /** Whether an axis, counted from either end, is the class axis of the call. */
  private static boolean isClassAxis(int axis, Checked call) {
    return (axis < 0 ? axis + call.dimensions.rank : axis) == call.dimensions.axis;
  }

  private String softcapText() {
    return softcap == 0 ? "no softcap" : "softcap " + softcap;
  }

  private static OptionException other(String option, int row, String ofRow, String ofCall) {
    return new OptionException(
        message(
            "request %d has a sampler with %s, the one that computes has %s; expected the same %s",
            row, ofRow, ofCall, option));
  }

  /** Rejects previous tokens that are not classes, before any output is written. */
  private void requireTokens(Run run, Array id, long count) {
    if (!run.has(id)) {
      return;
    }
    Layout array = run.array(id);
    ArrayRow tokens = scratch(run).tokens;
    long classes = run.call.dimensions.classes;
    boolean unsigned = array.type.isUnsigned();
    try {
      for (long piece = 0; piece < run.call.pieces.count; piece++) {
        run.enter(piece);
        tokens.take(array, run.segment(id));
        for (long row = 0; row < run.call.pieces.rows; row++) {
          tokens.enter(row, run.call.pieces.inner);
          for (long j = 0; j < count; j++) {
            long token = tokens.integer(j);
            if ((token != NO_TOKEN || unsigned) && (token < 0 || token >= classes)) {
              throw WrongLabels.ofToken(array.name, run.firstRow + row, token, unsigned, classes);
            }
          }
        }
      }
    } finally {
      tokens.release();
    }
  }

  /** Rejects drafts that were not drawn with their probabilities, before any output is written. */
  private void requireProbabilities(Run run, @Nullable SamplerRows requests) {
    if (!run.has(Array.DRAFT_TOKENS)) {
      return;
    }
    ArrayRow tokens = scratch(run).tokens;
    ArrayRow probabilities = scratch(run).draftProbabilities;
    try {
      for (long piece = 0; piece < run.call.pieces.count; piece++) {
        run.enter(piece);
        tokens.take(run.array(Array.DRAFT_TOKENS), run.segment(Array.DRAFT_TOKENS));
        probabilities.take(
            run.array(Array.DRAFT_PROBABILITIES), run.segment(Array.DRAFT_PROBABILITIES));
        for (long i = 0; i < run.call.pieces.rows; i++) {
          long row = run.firstRow + i;
          tokens.enter(i, run.call.pieces.inner);
          probabilities.enter(i, run.call.pieces.inner);
          long token = tokens.integer(0);
          boolean greedy =
              (requests == null ? this : requests.sampler((int) row)).sampling.greedy();
          if (!greedy && token >= 0 && token < run.call.dimensions.classes) {
            double q = probabilities.get(token);
            if (!(q > 0 && q <= 1)) {
              throw Failures.draft(" of row " + row, token, q);
            }
          }
        }
      }
    } finally {
      tokens.release();
      probabilities.release();
    }
  }

  // ---- rows ------------------------------------------------------------------------------------

  /**
   * The size of the workspace: for tokens, and for a packed class mask when it is expanded.
   *
   * @param tokens the entries of each row that have a class
   */
  long workspace(long classes, long tokens, boolean hasMaskOfBits) {
    long flags = hasMaskOfBits ? classes : 0;
    return kernels.sampleWorkspace(classes, tokens)
        + (flags + Long.BYTES - 1) / Long.BYTES * Long.BYTES;
  }

  private long workspace(Checked call) {
    boolean hasMaskOfBits =
        call.has(Array.CLASS_MASK)
            && Rule.MASK_OF_TOKENS.isOfBits(call.array(Array.CLASS_MASK).type);
    return workspace(
        call.dimensions.classes,
        call.shape.promptCount + call.shape.outputCount + call.shape.targetCount,
        hasMaskOfBits);
  }

  private void rows(Run run, long begin, long end) {
    SamplerExtras own = (SamplerExtras) run.extras;
    SamplerRows requests = own == null ? null : own.rows;
    MemorySegment structs = requests == null ? struct(run, own) : requests.from(run.firstRow);
    MemorySegment workspace;
    if (own != null && own.workspace != null) {
      workspace = own.workspace.segment;
    } else {
      long bytes = workspace(run.call);
      workspace = bytes == 0 ? MemorySegment.NULL : run.workspace(bytes, true);
    }
    long most = run.rowsPerKernel(run.call.dimensions.classes);
    for (long row = begin; row < end && !run.isInVain(); row += most) {
      run.run(
          run.kernel(function, row, Math.min(row + most, end))
              .sampling(structs, requests != null)
              .workspace(workspace, workspace.byteSize()));
      run.validRows += xent_report.valid_rows(run.report);
    }
  }

  /** The sampling parameters of the rows of the current piece. */
  private MemorySegment struct(Run run, @Nullable SamplerExtras own) {
    MemorySegment struct = scratch(run).struct;
    long first = own == null ? stream : own.stream;
    SamplingOptions.writeCounters(struct, first + run.firstRow, run.step);
    return struct;
  }
}
