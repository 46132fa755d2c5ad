// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.WrongLabels;
import dev.xent.internal.plan.options.OptionRange;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The text of a cursor: its tokens, for a sampler whose options use them, and its calls of the
 * sampler, each of one row. One method call at a time uses it.
 */
public final class Text {
  private static final String REPETITIONS =
      "a cursor whose sampler has noRepeatNgram, bannedSequences or dryMultiplier";

  private static final String CURSOR = "a cursor, which has the tokens of its own text,";

  /** The most arrays of a short call. */
  private static final int FEW = 6;

  private static final long NONE = -1;

  /** The most logits of which a loop finds the largest faster than the kernel after a pause. */
  private static final long MOST_SEARCHED = 1 << 16;

  /** The tokens that a workspace is made for at first, and by which factor it grows. */
  private static final long FIRST_ROOM = 1024;

  private static final long MORE_ROOM = 16;

  private final SamplerOperation sampler;

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

  private final SamplerExtras extras = new SamplerExtras();

  /** The number of classes that all tokens are known to be among, or NONE. */
  private long fitting = NONE;

  /**
   * The number of classes of rows that {@link SamplerOperation#draw} can draw the next token from,
   * or NONE.
   */
  public long drawable = NONE;

  /** The same for rows of which the next token is the first of the largest logits, or NONE. */
  public long searchable = NONE;

  // The arrays of the next call, of which only the logits differ from those of the last one.
  private int arrays;
  private @Nullable View[] views = new View[FEW];

  // What they were arranged for.
  private InputViews inputs = InputViews.NONE;
  private @Nullable View promptRow;
  private @Nullable View drawnRow;
  private @Nullable View biasRow;
  private long classes;
  private int changesOfOutputs;

  /** Creates a text of the tokens that a sampler draws from a stream. */
  public Text(SamplerOperation sampler, long stream) {
    this.sampler = sampler;
    this.hasPenalties = sampler.hasPenalties();
    this.usesTokens = hasPenalties || sampler.repetition().areUsed();
    this.largestBanned = sampler.repetition().largestBanned();
    this.repetitions =
        sampler.repetition().areUsed()
            ? new Repetitions(sampler.kernels(), sampler.repetition())
            : null;
    extras.stream = stream;
  }

  /** Returns a copy that draws from a stream, without outputs. */
  public Text fork(long stream) {
    Text made = new Text(sampler, stream);
    made.text.copyFrom(text);
    made.accepted.copyFrom(accepted);
    return made;
  }

  /** Sets the outputs of later calls. */
  public void outputs(TokenOutputs outputs) {
    extras.outputs = outputs;
    changesOfOutputs = outputs.changes() - 1; // so that the next call takes its arrays
    drawable(NONE);
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
    forgetClasses();
  }

  /** Compares the tokens with the classes of the next row. */
  private void forgetClasses() {
    fitting = NONE;
    drawable(NONE);
  }

  private void drawable(long ofLogits) {
    drawable = ofLogits;
    searchable = sampler.takesLargest && ofLogits <= MOST_SEARCHED ? ofLogits : NONE;
  }

  /** Counts the tokens again in the next call. */
  private void forget() {
    extras.continues = false;
    if (repetitions != null) {
      repetitions.forget();
    }
  }

  /** Appends a token that was not drawn here, as that of a step. */
  public void accept(int newToken, long step) {
    if (newToken < 0) {
      throw new OptionException(
          "token", Integer.toString(newToken), "a class of the logits, 0 or more");
    }
    if (!usesTokens) {
      accepted.add(step, newToken);
    }
    append(newToken);
    if (newToken >= fitting) {
      forgetClasses();
    }
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
              "%s back are more than the %s that this cursor has; expected a step since its first"
                  + " one",
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
              "this cursor has the tokens of %s, which its penalties count; expected rewind(step)"
                  + " or accept(token)",
              plural(text.drawnCount(), "step")));
    }
  }

  /** Draws and appends the next token; returns -1 if no token exists. */
  public long next(View logits, long step, InputViews more) {
    int axis = Dimensions.axis("logits", logits, sampler.axis());
    long ofLogits = logits.shape[axis];
    if (ofLogits != fitting) {
      requireClasses(ofLogits);
    }
    OptionRange.STEP.require(step);
    takeTokens(logits, axis, more);
    views[0] = logits;
    long token;
    try {
      token = (long) sampler.run(arrays, views, extras, step);
    } finally {
      views[0] = null;
    }
    fitting = ofLogits;
    drawable(usesTokens || extras.outputs != null ? NONE : ofLogits);
    if (token >= 0 && usesTokens) {
      extras.continues = hasPenalties;
      append((int) token);
    }
    return token;
  }

  /** Takes the previous tokens as arrays of the next call. */
  private void takeTokens(View logits, int axis, InputViews more) {
    View ofPrompt = null;
    View ofDrawn = null;
    View ofBiases = null;
    if (hasPenalties) {
      ofPrompt = text.prompt(logits.rank());
      ofDrawn = text.drawn(logits.rank());
    }
    if (repetitions != null) {
      repetitions.find(text, logits, axis);
      ofBiases = repetitions.classRow();
    }
    TokenOutputs outputs = extras.outputs;
    if (arrays == 0
        || more != inputs
        || ofPrompt != promptRow
        || ofDrawn != drawnRow
        || ofBiases != biasRow
        || logits.shape[axis] != classes
        || outputs != null && outputs.changes() != changesOfOutputs) {
      more.reject(Array.PROMPT_TOKENS, CURSOR);
      more.reject(Array.OUTPUT_TOKENS, CURSOR);
      if (ofBiases != null) {
        more.reject(Array.BIAS_TOKENS, REPETITIONS);
      }
      arrays = 0; // until all is there
      inputs = more;
      promptRow = ofPrompt;
      drawnRow = ofDrawn;
      biasRow = ofBiases;
      classes = logits.shape[axis];
      reserve();
      arrange();
      changesOfOutputs = outputs == null ? 0 : outputs.changes();
    }
    if (hasPenalties) { // the core reads these numbers of tokens
      extras.promptCount = within(ofPrompt, text.promptCount());
      extras.outputCount = within(ofDrawn, text.drawnCount());
    }
  }

  private static long within(@Nullable View memory, long count) {
    return memory == null
        ? 0
        : Objects.checkIndex(count, 1 + memory.segment.byteSize() / Integer.BYTES);
  }

  /**
   * Makes room for the penalties and the biases of a row with these arrays. There are few sizes, so
   * that the calls of most texts have one layout.
   */
  private void reserve() {
    if (!usesTokens) {
      return;
    }
    View mask = inputs.get(Array.CLASS_MASK);
    View biases = view(Array.BIAS_TOKENS);
    long tokens = text.memory().elements + (biases == null ? 0 : biases.elements);
    long room = FIRST_ROOM;
    while (room < tokens) {
      room *= MORE_ROOM;
    }
    boolean hasMaskOfBits = mask != null && Rule.MASK_OF_TOKENS.isOfBits(mask.type);
    long bytes = sampler.workspace(classes, room, hasMaskOfBits);
    if (extras.workspace == null || extras.workspace.bytes < bytes) {
      extras.workspace = View.room(ElementType.I64, bytes / Long.BYTES + 1);
      extras.continues = false;
    }
  }

  private void arrange() {
    Function function = sampler.function;
    @Nullable View[] made = new View[Math.max(FEW, function.count())];
    int places = 0;
    int count = 0;
    for (int place = 0; place < function.count(); place++) {
      Array array = function.array(place);
      View view = view(array);
      if (view != null || array == Array.LOGITS || array == Array.TOKENS) {
        places |= 1 << place;
        made[count++] = view;
      }
    }
    views = count > FEW ? made : Arrays.copyOf(made, FEW);
    arrays = places;
  }

  /** An array of the next call; null for logits, and for the token, which the call returns. */
  private @Nullable View view(Array array) {
    return switch (array) {
      case LOGITS, TOKENS -> null;
      case PROMPT_TOKENS -> promptRow;
      case OUTPUT_TOKENS -> drawnRow;
      case WORKSPACE -> extras.workspace;
      case BIAS_TOKENS -> biasRow == null ? inputs.get(array) : biasRow;
      case BIAS_VALUES ->
          biasRow == null ? inputs.get(array) : Objects.requireNonNull(repetitions).valueRow();
      default -> {
        View input = inputs.get(array);
        TokenOutputs outputs = extras.outputs;
        yield input != null || outputs == null ? input : outputs.views.get(array);
      }
    };
  }

  /** Rejects tokens of the text that are not classes of the logits. */
  private void requireClasses(long ofLogits) {
    requireClass("promptTokens", text.largestOfPrompt(), ofLogits);
    requireClass("accept", Math.max(text.largestDrawn(), accepted.largest()), ofLogits);
    requireClass("bannedSequences", largestBanned, ofLogits);
  }

  /** Rejects a row with another number of classes than the rows before. */
  public void requireLength(View logits, long before) {
    if (classes(logits) != before) {
      throw new ShapeException(
          message(
              "logits is %s with %s, the rows before in this text have %d; expected the same number"
                  + " of classes, or create a cursor for another text with start()",
              logits, plural(classes(logits), "class"), before));
    }
  }

  private long classes(View logits) {
    return logits.shape[Dimensions.axis("logits", logits, sampler.axis())];
  }

  /**
   * The exception for a row from which no token can be drawn.
   *
   * @param row the index of the row in the logits of the caller, in brackets, or an empty text
   */
  public NoTokenException noToken(String row, View logits, InputViews more) {
    return NoToken.exception(row, logits, more, repetitions != null);
  }

  private static void requireClass(String name, int largest, long classes) {
    if (largest >= classes) {
      throw WrongLabels.ofCursor(name + " has token", largest, classes);
    }
  }
}
