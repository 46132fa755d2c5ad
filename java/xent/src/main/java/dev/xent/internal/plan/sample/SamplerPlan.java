// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;
import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.errors.DTypeException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayRow;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.call.CallArguments;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.KernelArrays;
import dev.xent.internal.plan.call.Outputs;
import dev.xent.internal.plan.call.Partition.RowTask;
import dev.xent.internal.plan.call.Plan;
import dev.xent.internal.plan.call.PreparedCall;
import dev.xent.internal.plan.call.WrongLabels;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.RepetitionOptions;
import dev.xent.internal.plan.options.SamplingOptions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Sampling: chooses the kernels that draw tokens, and the rows of each kernel call. */
public final class SamplerPlan {
  private static final String EVENT = "sample";
  private static final long NO_TOKEN = -1;

  private static final KernelArrays KERNEL =
      new KernelArrays(Function.SAMPLE, Array.LOGITS, null, null, Array.TOKENS);

  private final Engine engine;
  private final Kernels kernels;
  private final Options options;
  private final SamplingOptions sampling;
  private final RepetitionOptions repetition;
  private final int axis;

  private final Plan token;
  private final Sample sample;
  private final RowTask rows = this::rows;

  public SamplerPlan(
      Engine engine,
      Options options,
      SamplingOptions sampling,
      RepetitionOptions repetition,
      int axis) {
    this.engine = engine;
    this.kernels = engine.kernels();
    this.options = options;
    this.sampling = sampling;
    this.repetition = repetition;
    this.axis = axis;
    this.token = new Token(engine);
    this.sample = new Sample(engine);
  }

  /** Returns a plan that draws from another stream. */
  public SamplerPlan onStream(long stream) {
    return stream == sampling.stream()
        ? this
        : new SamplerPlan(engine, options, sampling.withStream(stream), repetition, axis);
  }

  public SamplingOptions sampling() {
    return sampling;
  }

  public RepetitionOptions repetition() {
    return repetition;
  }

  Kernels kernels() {
    return kernels;
  }

  public long seed() {
    return sampling.seed();
  }

  public int axis() {
    return axis;
  }

  @Override
  public String toString() {
    Described text = new Described("Sampler");
    text.option("axis", axis, -1);
    sampling.describe(text);
    repetition.describe(text);
    options.describe(text);
    engine.describe(text);
    return text.toString();
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Returns the token of the only row. */
  public long token(View logits, long step) {
    OptionRange.STEP.require(step);
    Call call = Call.current();
    call.arguments.step = step;
    return (long) token.run(call, logits, null, null);
  }

  /** Writes the token of a text. */
  void sample(View logits, long step, InputViews inputs, View into, SamplerArguments own) {
    sample(sample, logits, step, inputs, into, own);
  }

  /**
   * Returns the token of a cursor's only row.
   *
   * @param kept set to the prepared call for such rows, if they support one
   */
  long token(View logits, long step, PreparedCall kept) {
    OptionRange.STEP.require(step);
    Call call = token.with(logits, null, null);
    call.arguments.step = step;
    call.arguments.others = kept;
    return (long) token.runCompletely(call);
  }

  private final class Token extends Plan {
    Token(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments arguments) {
      return EVENT;
    }

    @Override
    protected void take(Call call, CallArguments arguments) {
      sampling.requireNoPenalties();
      repetition.requireUnused();
      lead(call, arguments.lead);
      requireOneRow(call);
      call.takeOneToken(SamplerScratch.of(call).token);
      call.ready();
    }

    /** Returns a token or -1, which a double represents exactly. */
    @Override
    protected double compute(Call call, CallArguments arguments) {
      call.structs.options(options, false, 1);
      SamplerScratch.share(call, arguments.step);
      call.partition.run(rows);
      return token(call);
    }

    private double token(Call call) {
      return SamplerScratch.of(call).token.segment.get(ValueLayout.JAVA_LONG, 0);
    }

    @Override
    protected void remember(Call call, CallArguments arguments) {
      SamplerScratch own = SamplerScratch.of(call);
      MemorySegment struct = own.sampling(sampling, call.pieces, arguments.step);
      if (arguments.others instanceof PreparedCall kept) {
        call.rememberRow(
            number, kept, KERNEL, arguments.lead, View.room(ElementType.I64, 1), struct);
      } else {
        call.rememberRow(number, null, KERNEL, arguments.lead, own.token, struct);
      }
    }

    @Override
    protected boolean runKernels(
        Call call,
        PreparedCall preparedCall,
        View first,
        @Nullable View second,
        @Nullable View third,
        @Nullable Outputs outputs) {
      long token = preparedCall.draw(first.array, first.address, first, call.arguments.step);
      call.result = token;
      return token >= NO_TOKEN;
    }
  }

  private static void requireOneRow(Call call) {
    if (call.dimensions.rows != 1) {
      throw new ShapeException(
          message(
              "logits is %s with %s; expected one row, or call sample",
              call.lead(), plural(call.dimensions.rows, "row")));
    }
  }

  /** Writes a token for each row. */
  public void sample(View logits, long step, View tokens) {
    sampling.requireNoPenalties();
    sample(sample, logits, step, InputViews.NONE, tokens, null);
  }

  private static void sample(
      Sample operation,
      View logits,
      long step,
      InputViews inputs,
      View tokens,
      @Nullable SamplerArguments own) {
    OptionRange.STEP.require(step);
    Call call = operation.with(logits, tokens, null);
    CallArguments arguments = call.arguments;
    arguments.step = step;
    arguments.inputs(inputs);
    arguments.others = own;
    operation.runCompletely(call);
  }

  /** Creates a bound call that writes a token for each row. */
  public BoundSampler bind(View logits, View tokens) {
    return new BoundSampler(sample, logits, tokens);
  }

  private final class Sample extends Plan {
    Sample(Engine engine) {
      super(engine);
    }

    @Override
    protected String event(CallArguments arguments) {
      return EVENT;
    }

    @Override
    protected void take(Call call, CallArguments arguments) {
      lead(call, arguments.lead);
      if (SamplerArguments.of(arguments).ofCursor) {
        requireOneRow(call);
      } else {
        repetition.requireUnused();
      }
      call.takeInputs(Function.SAMPLE, arguments.inputs);
      call.take(Rule.TOKENS, arguments.output);
      SamplerOutputs outputs = SamplerArguments.of(arguments).outputs;
      if (outputs != null) {
        call.takeOutputs(Function.SAMPLE, outputs.views);
      }
      call.requireWritable();
      if (SamplerArguments.of(arguments).ofCursor) {
        countTokens(call, SamplerArguments.of(arguments));
      }
      call.ready();
    }

    @Override
    protected void setViews(
        CallArguments arguments, View logits, @Nullable View tokens, @Nullable View none) {
      arguments.lead = logits;
      arguments.output = tokens;
    }

    /** A bound call may request other outputs in its next run. */
    @Override
    protected boolean mayKeepArrays(Call call) {
      return SamplerArguments.of(call.arguments).outputs == null;
    }

    @Override
    protected double compute(Call call, CallArguments arguments) {
      SamplerScratch shared = SamplerScratch.share(call, arguments.step);
      SamplerRows requests = SamplerArguments.of(arguments).requests;
      if (requests == null) {
        sample(call, arguments, shared);
      } else {
        requests.use.enter();
        try {
          sample(call, arguments, shared);
        } finally {
          requests.use.inUse = false;
        }
      }
      return Double.NaN;
    }

    /** Prepares the next calls of a cursor, until the memory of its tokens changes. */
    @Override
    protected void remember(Call call, CallArguments arguments) {
      SamplerArguments own = SamplerArguments.of(arguments);
      if (own.preparedCall != null && kernels.isNative()) {
        MemorySegment struct =
            SamplerScratch.of(call).sampling(sampling, call.pieces, arguments.step);
        call.rememberRow(
            number,
            own.preparedCall,
            KERNEL.with(arguments.inputs, own.workspace(0)),
            arguments.lead,
            arguments.output,
            struct);
      }
    }

    private void sample(Call call, CallArguments arguments, SamplerScratch shared) {
      try {
        sampleRows(call, arguments, shared);
      } finally {
        shared.release();
      }
    }

    private void sampleRows(Call call, CallArguments arguments, SamplerScratch shared) {
      SamplerArguments own = SamplerArguments.of(arguments);
      if (own.requests != null) {
        requireRows(call, own.requests);
        shared.requests = own.requests;
      }
      call.structs.options(options, false, 1);
      shared.workspace = own.ofCursor ? own.workspace(0).segment : null;
      if (!own.ofCursor) {
        requireTokens(call, call.array(Array.PROMPT_TOKENS), call.promptCount);
        requireTokens(call, call.array(Array.OUTPUT_TOKENS), call.outputCount);
      }
      requireTokens(call, call.array(Array.BIAS_TOKENS), call.targetCount);
      requireTokens(call, call.array(Array.DRAFT_TOKENS), 1);
      requireProbabilities(call, own.requests);
      call.partition.run(rows);
      if (own.outputs != null) {
        own.outputs.rows = call.dimensions.rows;
        own.outputs.sampled = call.validRows;
      }
    }
  }

  /** Passes the tokens of a cursor, without unused entries, and those that its workspace has. */
  private void countTokens(Call call, SamplerArguments own) {
    call.promptCount = own.promptCount();
    call.outputCount = own.outputCount();
    own.workspace(workspace(call));
    call.countedTokens = own.countedTokens;
  }

  private void lead(Call call, View logits) {
    call.lead(Rule.LOGITS, logits, axis);
    if (logits.type == ElementType.F64) {
      throw new DTypeException(
          "logits is " + logits + "; expected a tensor of type F32, F16 or BF16 to sample from");
    }
    if (call.dimensions.classes > Integer.MAX_VALUE) {
      throw new ShapeException(
          message("logits is %s; expected fewer than 2^31 classes to sample from", logits));
    }
    call.unusual = true;
    call.needsWholeRows = true;
  }

  // ---- checks ----------------------------------------------------------------------------------

  private void requireRows(Call call, SamplerRows requests) {
    if (requests.count() != call.dimensions.rows) {
      throw new OptionException(
          message(
              "requests has %s, logits is %s with %s; expected one request per row",
              plural(requests.count(), "request"),
              call.lead(),
              plural(call.dimensions.rows, "row")));
    }
    for (int row = 0; row < requests.count(); row++) {
      requireSameCall(call, row, requests.sampler(row));
    }
  }

  /** Rejects a request whose sampler differs in an option that all rows of a call must share. */
  private void requireSameCall(Call call, int row, SamplerPlan sampler) {
    if (softcapOf(sampler) != softcapOf(this)) {
      throw other("softcap", row, softcapText(sampler), softcapText(this));
    }
    if (sampler.axis != axis && !isClassAxis(sampler.axis, call)) {
      throw other("axis", row, "axis " + sampler.axis, "axis " + axis);
    }
  }

  /** Whether an axis, counted from either end, is the class axis of the call. */
  private static boolean isClassAxis(int axis, Call call) {
    return (axis < 0 ? axis + call.dimensions.rank : axis) == call.dimensions.axis;
  }

  private static double softcapOf(SamplerPlan sampler) {
    return sampler.options.number(OptionRange.SOFTCAP);
  }

  private static String softcapText(SamplerPlan sampler) {
    double softcap = softcapOf(sampler);
    return softcap == 0 ? "no softcap" : "softcap " + softcap;
  }

  private static OptionException other(String option, int row, String ofRow, String ofCall) {
    return new OptionException(
        message(
            "request %d has a sampler with %s, the one that computes has %s; expected the same %s",
            row, ofRow, ofCall, option));
  }

  /** Rejects previous tokens that are not classes, before any output is written. */
  private static void requireTokens(Call call, CallArray array, long count) {
    if (array.view == null) {
      return;
    }
    ArrayRow tokens = SamplerScratch.of(call).tokensBefore;
    long classes = call.dimensions.classes;
    boolean unsigned = array.view.type.isUnsigned();
    try {
      for (long piece = 0; piece < call.pieces.count; piece++) {
        call.enter(piece);
        tokens.take(array);
        for (long row = 0; row < call.pieces.rows; row++) {
          tokens.enter(row, call.pieces.inner);
          for (long j = 0; j < count; j++) {
            long token = tokens.integer(j);
            if ((token != NO_TOKEN || unsigned) && (token < 0 || token >= classes)) {
              throw WrongLabels.ofToken(
                  array.name, call.pieces.firstRow + row, token, unsigned, classes);
            }
          }
        }
      }
    } finally {
      tokens.release();
    }
  }

  /** Rejects drafts that were not drawn with their probabilities, before any output is written. */
  private void requireProbabilities(Call call, @Nullable SamplerRows requests) {
    CallArray drafts = call.array(Array.DRAFT_TOKENS);
    if (drafts.view == null) {
      return;
    }
    ArrayRow tokens = SamplerScratch.of(call).tokensBefore;
    ArrayRow probabilities = SamplerScratch.of(call).draftProbabilities;
    try {
      for (long piece = 0; piece < call.pieces.count; piece++) {
        call.enter(piece);
        tokens.take(drafts);
        probabilities.take(call.array(Array.DRAFT_PROBABILITIES));
        for (long i = 0; i < call.pieces.rows; i++) {
          long row = call.pieces.firstRow + i;
          tokens.enter(i, call.pieces.inner);
          probabilities.enter(i, call.pieces.inner);
          long token = tokens.integer(0);
          boolean greedy =
              (requests == null ? this : requests.sampler((int) row)).sampling.greedy();
          if (!greedy && token >= 0 && token < call.dimensions.classes) {
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

  /** The size of the workspace: for tokens, and for a packed class mask when it is expanded. */
  private long workspace(Call call) {
    long flags = call.hasMaskOfBits() ? call.dimensions.classes : 0;
    long tokens = call.promptCount + call.outputCount + call.targetCount;
    return kernels.sampleWorkspace(call.dimensions.classes, tokens)
        + (flags + Long.BYTES - 1) / Long.BYTES * Long.BYTES;
  }

  private void rows(Call call, long begin, long end) {
    SamplerScratch shared = (SamplerScratch) Objects.requireNonNull(call.shared);
    SamplerRows requests = shared.requests;
    MemorySegment structs =
        requests == null
            ? SamplerScratch.of(call).sampling(sampling, call.pieces, shared.step)
            : requests.of(call.pieces);
    MemorySegment workspace = shared.workspace;
    if (workspace == null) {
      long bytes = workspace(call);
      workspace = bytes == 0 ? NULL : call.workspace(bytes, true);
    }
    long most = call.partition.rowsPerKernel(call.dimensions.classes);
    for (long row = begin; row < end && !call.partition.isInVain(); row += most) {
      FunctionCall kernel =
          call.kernel(Function.SAMPLE, row, Math.min(row + most, end))
              .sampling(structs, requests != null)
              .workspace(workspace, workspace.byteSize());
      Failures.check(kernels.run(kernel), call);
      call.validRows += xent_report.valid_rows(call.report);
    }
  }
}
