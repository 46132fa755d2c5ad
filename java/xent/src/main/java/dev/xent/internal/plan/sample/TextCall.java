// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.PreparedCall;
import dev.xent.internal.plan.call.WrongLabels;
import dev.xent.internal.plan.options.OptionRange;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The calls of a cursor that need more than a row: the previous tokens, for a sampler with
 * penalties, or inputs or outputs.
 */
public final class TextCall {
  private static final String REPETITIONS =
      "a cursor whose sampler has noRepeatNgram, bannedSequences or dryMultiplier";

  private static final String CURSOR = "a cursor, which has the tokens of its own text,";

  private final SamplerPlan plan;

  /** Whether penalties use the previous tokens. */
  private final boolean hasPenalties;

  /** Whether any option uses the previous tokens. */
  private final boolean usesTokens;

  private final int largestBanned;

  /** The options against repetition; null if these are not used. */
  private final @Nullable Repetitions repetitions;

  private final TokenHistory text = new TokenHistory();

  /** The tokens that were not drawn here, if no option uses them. */
  private final AcceptedTokens accepted = new AcceptedTokens();

  private final SamplerArguments arguments = new SamplerArguments();

  /** The tensor that receives the token. */
  private @Nullable View token;

  // The components of {@link #inputs} in the last call.
  private InputViews inputsOfCaller = InputViews.NONE;
  private @Nullable View promptRow;
  private @Nullable View drawnRow;
  private @Nullable View biasRow;
  private InputViews inputs = InputViews.NONE;

  /** The call of a row with the previous tokens alone. */
  private final PreparedCall preparedCall = new PreparedCall();

  /** The inputs that {@link #preparedCall} has, whose memory it uses. */
  private @Nullable InputViews preparedInputs;

  public TextCall(SamplerPlan plan) {
    this.plan = plan;
    this.hasPenalties = plan.sampling().hasPenalties();
    this.usesTokens = hasPenalties || plan.repetition().areUsed();
    this.largestBanned = plan.repetition().largestBanned();
    this.repetitions =
        plan.repetition().areUsed() ? new Repetitions(plan.kernels(), plan.repetition()) : null;
    arguments.ofCursor = true;
  }

  /** Returns calls of a copy of the text, with a plan of the same options and without outputs. */
  public TextCall fork(SamplerPlan ofFork) {
    TextCall made = new TextCall(ofFork);
    made.text.copyFrom(text);
    made.accepted.copyFrom(accepted);
    return made;
  }

  /** Whether a call needs more than a row even without inputs. */
  public boolean isNeeded() {
    return usesTokens || arguments.outputs != null;
  }

  /** Sets the outputs of later calls. */
  public void outputs(SamplerOutputs outputs) {
    arguments.outputs = outputs;
  }

  public void prompt(int[] tokens) {
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0) {
        throw new OptionException(
            message(
                "promptTokens[%d] is %d; expected a class of the logits, 0 or more", i, tokens[i]));
      }
    }
    if (usesTokens) {
      text.prompt(tokens);
      forget();
    } else {
      text.notePrompt(tokens);
    }
  }

  /** Counts the tokens again in the next call. */
  private void forget() {
    arguments.countedTokens = 0;
    if (repetitions != null) {
      repetitions.forget();
    }
  }

  /** Appends a token that was not drawn here, as that of a step. */
  public void accept(int newToken, long step) {
    if (newToken < 0) {
      throw new OptionException(
          "token is " + newToken + "; expected a class of the logits, 0 or more");
    }
    if (!usesTokens) {
      accepted.add(step, newToken);
    }
    append(newToken);
  }

  /** Appends a token, if an option uses it. If memory runs out, nothing has changed. */
  private void append(int newToken) {
    if (usesTokens) {
      text.add(newToken);
    }
  }

  /** Removes the tokens of the last steps. */
  public void drop(long count, long step) {
    accepted.dropFrom(step - count);
    if (!usesTokens) {
      return;
    }
    if (count > text.drawnCount()) {
      throw new OptionException(
          message(
              "%s back are more than the %s that this cursor has; expected a step since its first one",
              plural(count, "step"), plural(text.drawnCount(), "token")));
    }
    text.drop((int) count);
    forget();
  }

  /** Rejects a change of the step while the cursor has tokens of earlier steps. */
  public void requireNoTokens() {
    if (text.drawnCount() > 0) {
      throw new OptionException(
          message(
              "this cursor has the tokens of %s, which its penalties count; expected rewind(step) or accept(token)",
              plural(text.drawnCount(), "step")));
    }
  }

  /** Draws and appends the next token; returns -1 if no token exists. */
  public long next(View logits, long step, InputViews more) {
    int axis = Strides.axis(plan.axis(), logits.shape);
    View into = token;
    if (into == null || into.rank() != logits.rank()) {
      long[] shape = new long[logits.rank()];
      Arrays.fill(shape, 1);
      into = View.room(ElementType.I64, shape);
      token = into;
    }
    requireClasses(logits);
    InputViews all = inputs(logits, axis, more);
    arguments.tokens(
        all, hasPenalties ? text.promptCount() : 0, hasPenalties ? text.drawnCount() : 0);
    boolean tokensAlone =
        more == InputViews.NONE && repetitions == null && arguments.outputs == null;
    long drawnNow = -1;
    if (tokensAlone
        && all == preparedInputs
        && preparedCall.isOf(logits)
        && step <= OptionRange.STEP.most()) {
      preparedCall.tokens(
          arguments.promptCount(), arguments.outputCount(), arguments.countedTokens);
      drawnNow = preparedCall.draw(logits.array, logits.address, logits, step);
      Reference.reachabilityFence(this);
    }
    if (drawnNow < 0) {
      arguments.preparedCall = tokensAlone ? preparedCall : null;
      preparedInputs = null;
      plan.sample(logits, step, all, into, arguments);
      preparedInputs = tokensAlone && preparedCall.isOf(logits) ? all : null;
      drawnNow = into.segment.get(ValueLayout.JAVA_LONG, 0);
    }
    if (drawnNow >= 0) {
      arguments.countedTokens = arguments.tokens();
      append((int) drawnNow);
    }
    return drawnNow;
  }

  /** Rejects tokens of the text that are not classes of the logits. */
  public void requireClasses(View logits) {
    long classes = classes(logits);
    requireClass("promptTokens", text.largestOfPrompt(), classes);
    requireClass("accept", Math.max(text.largestDrawn(), accepted.largest()), classes);
    requireClass("bannedSequences", largestBanned, classes);
  }

  /** Rejects a row with another number of classes than the rows before. */
  public void requireLength(View logits, long before) {
    if (classes(logits) != before) {
      throw new ShapeException(
          message(
              "logits is %s with %s, the rows before in this text have %d; expected the same number of classes, or create a cursor for another text with start()",
              logits, plural(classes(logits), "class"), before));
    }
  }

  private long classes(View logits) {
    return logits.shape[Strides.axis(plan.axis(), logits.shape)];
  }

  /**
   * The exception for a row from which no token can be drawn.
   *
   * @param row the index of the row in the logits of the caller, in brackets, or an empty text
   */
  public NoTokenException noToken(String row, View logits, InputViews more) {
    int axis = Strides.axis(plan.axis(), logits.shape);
    return NoToken.exception(row, logits, inputs(logits, axis, more));
  }

  private static void requireClass(String name, int largest, long classes) {
    if (largest >= classes) {
      throw WrongLabels.ofCursor(name + " has token", largest, classes);
    }
  }

  /** The inputs of a call with the previous tokens; the same instance while they are unchanged. */
  private InputViews inputs(View logits, int axis, InputViews more) {
    View ofPrompt = hasPenalties ? text.promptAlong(logits, axis) : null;
    View ofDrawn = hasPenalties ? text.drawnAlong(logits, axis) : null;
    View ofBiases = null;
    if (repetitions != null) {
      repetitions.find(text, logits, axis);
      ofBiases = repetitions.classRow();
    }
    if (more != inputsOfCaller
        || ofPrompt != promptRow
        || ofDrawn != drawnRow
        || ofBiases != biasRow) {
      more.reject(Array.PROMPT_TOKENS, CURSOR);
      more.reject(Array.OUTPUT_TOKENS, CURSOR);
      InputViews all = more;
      if (ofPrompt != null) {
        all = all.with(Array.PROMPT_TOKENS, ofPrompt);
      }
      if (ofDrawn != null) {
        all = all.with(Array.OUTPUT_TOKENS, ofDrawn);
      }
      if (repetitions != null && ofBiases != null) {
        more.reject(Array.BIAS_TOKENS, REPETITIONS);
        all = all.with(Array.BIAS_TOKENS, ofBiases);
        all = all.with(Array.BIAS_VALUES, repetitions.valueRow());
      }
      biasRow = ofBiases;
      inputsOfCaller = more;
      promptRow = ofPrompt;
      drawnRow = ofDrawn;
      inputs = all;
    }
    return inputs;
  }
}
