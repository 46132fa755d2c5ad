// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.events.Recorder;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.Strides;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.Exclusive;
import dev.xent.internal.plan.call.Failures;
import dev.xent.internal.plan.call.WrongLabels;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.sample.SamplerOperation;
import dev.xent.internal.plan.sample.Text;
import dev.xent.internal.plan.sample.TokenOutputs;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one text, one after another: a {@link Sampler} that counts its steps and keeps the
 * tokens before, to which its penalties apply. {@link Sampler#start} returns one.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="cursor" :
 * SamplerCursor cursor = sampler.start();
 * int token = cursor.next(row); // step 0
 * token = cursor.next(row); // step 1
 * }
 *
 * <p>A token is the one that {@link Sampler#on} draws from the same logits at the same step of the
 * same stream, with the same tokens before. Save {@link #step()}, {@link #stream()} and {@link
 * Sampler#seed} to continue a text later; with a penalty also its tokens, for {@link #promptTokens}
 * and {@link #accept}. A call that throws does not count. Calls with the array or the tensor of the
 * call before allocate nothing, but for the memory of the tokens, which doubles when it is full;
 * the last array stays reachable until the next call.
 *
 * <p>One thread at a time may use it. A second one gets a {@link
 * java.util.ConcurrentModificationException}, also for a use within a use, such as by a {@link
 * MemoryGuard} of the logits.
 */
public final class SamplerCursor {
  private static final long NO_TOKEN = -1;
  private static final int ONLY_ROW = -1;
  private static final int NONE = -1;

  /** The nanoseconds from one token to the next from which on a loop finds the largest logit. */
  private static final long PAUSE = 100_000;

  private final SamplerOperation sampler;
  private final long stream;
  private final Text text;

  private final Exclusive use =
      new Exclusive(
          "this cursor is in use already: create one for each text, or let its call return first");

  private long step;

  /** The classes of the last row; 0 before the first one. */
  private long classes;

  /** When {@link #next(float[])} last considered a search. */
  private long searchedAt;

  private float @Nullable [] lastArray;
  private @Nullable View lastView;

  SamplerCursor(SamplerOperation sampler, long stream) {
    this(sampler, stream, new Text(sampler, stream));
  }

  private SamplerCursor(SamplerOperation sampler, long stream, Text text) {
    this.sampler = sampler;
    this.stream = stream;
    this.text = text;
  }

  /**
   * Sets the tokens of the prompt, to which {@link Sampler.Builder#repetitionPenalty} applies.
   * Without a penalty they have no influence. Default: none. If a token is not a class of the
   * logits, the next draw throws {@link LabelException}.
   *
   * @param classes from 0 on
   * @throws OptionException for a negative number
   */
  public SamplerCursor promptTokens(int... classes) {
    Objects.requireNonNull(classes, "classes");
    use.enter();
    try {
      text.prompt(classes);
      return this;
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Sets further outputs of all later calls. Default: none.
   *
   * @param outputs receive the numbers of each call; their tensors are filled
   */
  public SamplerCursor outputs(SamplerOutputs outputs) {
    TokenOutputs filled = TokenOutputs.of(outputs);
    use.enter();
    try {
      text.outputs(filled);
      return this;
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Draws the next token and appends it to the text.
   *
   * @param logits {@code x}, one row of F32, F16 or BF16
   * @throws NoTokenException for logits with a NaN or +inf, or without one above -inf
   * @throws ShapeException for more than one row, or for another number of classes than before
   * @throws DTypeException for another type
   * @throws LabelException for a token before that is not a class of the logits
   * @throws MemoryException for memory that is closed
   */
  public int next(Tensor logits) {
    View row = View.of(logits, "logits");
    use.enter();
    try {
      long token = row.elements == text.drawable ? sampler.draw(row, stream, step) : NO_TOKEN;
      return token < 0 ? drawn(row, SamplerInputs.none(), ONLY_ROW) : counted(token);
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Draws the next token with inputs of this step, and appends it to the text.
   *
   * @param logits as in {@link #next(Tensor)}
   * @param inputs a mask or a bias; the cursor has the tokens before itself
   * @throws NoTokenException as {@link #next(Tensor)}, also if the inputs forbid all classes
   * @throws OptionException for inputs with tokens before
   */
  public int next(Tensor logits, SamplerInputs inputs) {
    use.enter();
    try {
      return drawn(View.of(logits, "logits"), inputs, ONLY_ROW);
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Draws and counts the next token.
   *
   * @param row the index of the row in the logits of the caller, if these have several; else -1
   */
  private int drawn(View logits, SamplerInputs inputs, int row) {
    InputViews more = InputViews.of(inputs);
    if (logits.elements != classes && classes != 0) {
      text.requireLength(logits, classes);
    }
    long token = text.next(logits, step, more);
    if (token < 0) {
      throw text.noToken(row < 0 ? "" : "[" + row + "]", logits, more);
    }
    classes = logits.elements;
    return counted(token);
  }

  private int counted(long token) {
    step++;
    return (int) token;
  }

  /**
   * Returns the next token.
   *
   * @param logits {@code x}, a number for each class
   * @throws NoTokenException for logits with a NaN or +inf, or without one above -inf
   */
  public int next(float[] logits) {
    // An engine computes for milliseconds between two tokens, which leaves little of this code in
    // the caches of the processor. The kernel of a greedy token then takes 20 to 50 microseconds,
    // and each method that is still interpreted 2 to 9. The JVM soon compiles a method that has a
    // loop, with what it calls. So this method searches the logits itself.
    if (logits != null && logits.length == text.searchable && !Recorder.isOn()) {
      use.enter();
      try {
        long before = searchedAt;
        searchedAt = System.nanoTime();
        if (searchedAt - before > PAUSE
            && logits.length == text.searchable
            && step < SamplerOperation.LAST_STEP) {
          float largest = logits[0];
          int token = largest < Float.POSITIVE_INFINITY ? 0 : NONE;
          for (int i = 1; i < logits.length && token >= 0; i++) {
            if (!(logits[i] <= largest)) { // also for NaN
              largest = logits[i];
              token = largest < Float.POSITIVE_INFINITY ? i : NONE;
            }
          }
          if (token >= 0 && largest > Float.NEGATIVE_INFINITY) {
            if (logits != lastArray) { // which is garbage now
              lastArray = null;
              lastView = null;
            }
            step++;
            return token;
          }
        }
      } finally {
        use.uses = 0;
      }
    }
    return nextByKernel(logits);
  }

  private int nextByKernel(float[] logits) {
    Objects.requireNonNull(logits, "logits");
    use.enter();
    try {
      if (logits != lastArray) {
        lastArray = null;
        lastView = null;
      }
      long token =
          logits.length == text.drawable ? sampler.draw(logits, lastView, stream, step) : NO_TOKEN;
      return token < 0 ? drawn(view(logits), SamplerInputs.none(), ONLY_ROW) : counted(token);
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Draws the next token with inputs of this step, and appends it to the text.
   *
   * @param logits as in {@link #next(float[])}
   * @param inputs as in {@link #next(Tensor, SamplerInputs)}
   */
  public int next(float[] logits, SamplerInputs inputs) {
    Objects.requireNonNull(logits, "logits");
    use.enter();
    try {
      return drawn(view(logits), inputs, ONLY_ROW);
    } finally {
      use.uses = 0;
    }
  }

  private View view(float[] logits) {
    View view = lastView;
    if (view == null || logits != lastArray) {
      view = (View) Tensor.of(logits);
      lastView = view;
      lastArray = logits;
    }
    return view;
  }

  /**
   * Returns the next token.
   *
   * @param logits {@code x}: floats in the byte order of the machine, one for each class
   * @throws NoTokenException for logits with a NaN or +inf, or without one above -inf
   * @throws ShapeException unless its size is a multiple of 4
   * @throws DTypeException for an array of anything but floats
   */
  public int next(MemorySegment logits) {
    Objects.requireNonNull(logits, "logits");
    use.enter();
    try {
      long token =
          logits.byteSize() == text.drawable * Float.BYTES
              ? sampler.draw(logits, stream, step)
              : NO_TOKEN;
      return token < 0 ? drawn(view(logits), SamplerInputs.none(), ONLY_ROW) : counted(token);
    } finally {
      use.uses = 0;
    }
  }

  private static View view(MemorySegment logits) {
    long size = logits.byteSize();
    if (size % Float.BYTES != 0) {
      throw new ShapeException(
          "logits has " + size + " bytes; expected 4 bytes for each class: slice the segment");
    }
    Object array = logits.heapBase().orElse(null);
    if (array != null && !(array instanceof float[])) {
      throw new DTypeException(
          "logits is a "
              + array.getClass().getSimpleName()
              + "; expected floats: a float[] or memory outside the heap");
    }
    return (View) Tensor.of(logits, DType.F32, size / Float.BYTES);
  }

  /**
   * Checks drafts of another model: draws tokens row by row, until one is not the draft, and
   * appends them. The text is the one without drafts, bit for bit.
   *
   * @param logits F32, F16 or BF16, a row for each draft and one more: row {@code i} has the logits
   *     after the first {@code i} drafts
   * @param drafts classes that may come next, in order; may be empty
   * @param tokens receives the tokens that were drawn, one more than the result
   * @return how many drafts were drawn, from the first one on
   * @throws LabelException for a draft that is not a class
   * @throws NoTokenException as {@link #next(Tensor)}; then no token is appended, and {@code
   *     tokens} is as it was
   * @throws ShapeException for another number of rows, or an array that has fewer places
   */
  public int verify(Tensor logits, int[] drafts, int[] tokens) {
    int right =
        logits instanceof View rows && drafts != null && tokens != null
            ? verifyShortly(rows, drafts, tokens)
            : NONE;
    return right < 0 ? verifyRows(logits, drafts, null, tokens) : right;
  }

  /** With few methods, as {@link #next(float[])}; does nothing and returns -1 if it cannot. */
  private int verifyShortly(View rows, int[] drafts, int[] tokens) {
    if (rows.shape.length != 2
        || rows.shape[0] != drafts.length + 1L
        || tokens.length <= drafts.length
        || !sampler.canDrawFrom(rows)) {
      return NONE;
    }
    for (int draft : drafts) {
      if (draft < 0 || draft >= rows.shape[1]) {
        return NONE;
      }
    }
    use.enter();
    try {
      if (rows.shape[1] != text.drawable) {
        return NONE;
      }
      int[] drawn = new int[drafts.length + 1];
      for (int i = 0; ; i++) {
        long token = sampler.drawFrom(rows, i, stream, step + i);
        if (token < 0) {
          return NONE;
        }
        drawn[i] = (int) token;
        if (i == drafts.length || drawn[i] != drafts[i]) {
          System.arraycopy(drawn, 0, tokens, 0, i + 1);
          step += i + 1;
          return i;
        }
      }
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Checks drafts that another model drew: accepts each with the probability {@code min(1, p / q)},
   * until one is rejected and replaced by a token drawn from {@code max(p - q, 0)}, and appends
   * them. The tokens have the probabilities {@code p} of this cursor, and more drafts are accepted
   * than by {@link #verify(Tensor, int[], int[])}, but the text depends on the drafts. A greedy
   * sampler accepts the drafts that are its tokens.
   *
   * @param logits as in {@link #verify(Tensor, int[], int[])}
   * @param drafts classes, in order, that were drawn with these probabilities; may be empty
   * @param draftProbabilities {@code q}: F32, F16 or BF16, a row of all classes for each draft,
   *     after temperature and filters of the other model; as in {@link SamplerInputs#withDrafts}
   * @param tokens receives the accepted drafts and one more token
   * @return how many drafts were accepted, from the first one on
   * @throws LabelException for a draft that is not a class
   * @throws OptionException for a draft whose probability is not above 0 and at most 1, unless the
   *     sampler is greedy
   * @throws NoTokenException as {@link #next(Tensor)}; then no token is appended, and {@code
   *     tokens} is as it was
   * @throws ShapeException for another number of rows, or an array that has fewer places
   */
  public int verify(Tensor logits, int[] drafts, Tensor draftProbabilities, int[] tokens) {
    View.of(draftProbabilities, "draftProbabilities");
    return verifyRows(logits, drafts, draftProbabilities, tokens);
  }

  private int verifyRows(
      Tensor logits, int[] drafts, @Nullable Tensor draftProbabilities, int[] tokens) {
    View rows = View.of(logits, "logits");
    Objects.requireNonNull(drafts, "drafts");
    Objects.requireNonNull(tokens, "tokens");
    int axis = Strides.axis(sampler.axis(), rows.shape);
    if (rows.rank() != 2 || rows.shape[1 - axis] != drafts.length + 1L) {
      throw new ShapeException(
          message(
              "logits is %s, drafts has %s; expected two dimensions with %s",
              rows, plural(drafts.length, "token"), plural(drafts.length + 1L, "row")));
    }
    if (tokens.length <= drafts.length) {
      throw new ShapeException(
          message(
              "tokens has %s, drafts has %d; expected one place more",
              plural(tokens.length, "place"), drafts.length));
    }
    if (draftProbabilities != null) {
      requireShape(rows, axis, drafts, draftProbabilities);
    }
    WrongLabels.requireDrafts(drafts, rows.shape[axis]);
    if (draftProbabilities != null && !sampler.sampling().greedy()) {
      requireProbabilities(drafts, axis, draftProbabilities);
    }
    use.enter();
    try {
      return verifyRows(logits, 1 - axis, drafts, draftProbabilities, tokens);
    } finally {
      use.uses = 0;
    }
  }

  private int verifyRows(
      Tensor logits, int rowAxis, int[] drafts, @Nullable Tensor draftProbabilities, int[] tokens) {
    int[] drawn = new int[drafts.length + 1];
    long first = step;
    try {
      for (int i = 0; ; i++) {
        SamplerInputs inputs =
            draftProbabilities == null || i == drafts.length
                ? SamplerInputs.none()
                : draft(drafts[i], draftProbabilities, rowAxis, i);
        drawn[i] = drawn((View) logits.slice(rowAxis, i, i + 1L), inputs, i);
        if (i == drafts.length || drawn[i] != drafts[i]) {
          System.arraycopy(drawn, 0, tokens, 0, i + 1);
          return i;
        }
      }
    } catch (RuntimeException | Error e) {
      goBack(first);
      throw e;
    }
  }

  private static void requireProbabilities(int[] drafts, int axis, Tensor draftProbabilities) {
    for (int i = 0; i < drafts.length; i++) {
      double q =
          axis == 0
              ? draftProbabilities.getFloat(drafts[i], i)
              : draftProbabilities.getFloat(i, drafts[i]);
      if (!(q > 0 && q <= 1)) {
        throw Failures.draft("[" + i + "]", drafts[i], q);
      }
    }
  }

  private static void requireShape(View rows, int axis, int[] drafts, Tensor draftProbabilities) {
    View given = View.of(draftProbabilities, "draftProbabilities");
    if (given.rank() != 2
        || given.shape[axis] != rows.shape[axis]
        || given.shape[1 - axis] != drafts.length) {
      throw new ShapeException(
          message(
              "draftProbabilities is %s, logits is %s, drafts has %s; expected the shape of logits"
                  + " with one row less",
              given, rows, plural(drafts.length, "token")));
    }
  }

  private static SamplerInputs draft(int token, Tensor probabilities, int rowAxis, int row) {
    return SamplerInputs.none()
        .withDrafts(Tensor.of(new int[] {token}, 1), probabilities.slice(rowAxis, row, row + 1L));
  }

  /**
   * Appends a token that was not drawn by this cursor, as the token of this step.
   *
   * @param token a class; if it is not one of the logits, the next draw throws {@link
   *     LabelException}
   * @throws OptionException for a negative number
   */
  public SamplerCursor accept(int token) {
    use.enter();
    try {
      long next = OptionRange.STEP.require(step) + 1;
      text.accept(token, step);
      step = next;
      return this;
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Goes back to an earlier step and forgets the tokens since, as after drafts that were rejected.
   *
   * @param value from the first step of this cursor to {@link #step()}
   * @throws OptionException for another number
   */
  public SamplerCursor rewind(long value) {
    use.enter();
    try {
      if (value != step) { // which may be beyond the last one
        OptionRange.STEP.require(value);
      }
      if (value > step) {
        throw new OptionException(
            "step is " + value + ", this cursor is at step " + step + "; expected no later one");
      }
      goBack(value);
      return this;
    } finally {
      use.uses = 0;
    }
  }

  private void goBack(long value) {
    text.drop(step - value, step);
    step = value;
  }

  /**
   * Returns a cursor with a copy of this text: its tokens, those of the prompt, its step and its
   * stream, but no outputs. Both then continue on their own, as the beams of a search do, and draw
   * the same tokens from the same logits until one {@linkplain #accept accepts} another token. The
   * tokens are copied only for options that use them.
   */
  public SamplerCursor fork() {
    return fork(stream);
  }

  /**
   * Returns a cursor with a copy of this text that draws from another stream, as for several
   * answers to one prompt.
   *
   * @param stream as in {@link Sampler#start(long)}
   */
  public SamplerCursor fork(long stream) {
    use.enter();
    try {
      SamplerCursor fork = new SamplerCursor(sampler, stream, text.fork(stream));
      fork.step = step;
      fork.classes = classes;
      return fork;
    } finally {
      use.uses = 0;
    }
  }

  /**
   * Returns the stream of the random numbers: {@link Sampler#start(long)} of a sampler with the
   * same options and {@link Sampler#seed} draws the same text from it.
   */
  public long stream() {
    return stream;
  }

  /** Returns the step of the next token: how many tokens came before. */
  public long step() {
    return step;
  }

  /**
   * Sets the step of the next token, to continue a text or, without a penalty, to repeat a part.
   *
   * @param value from 0 to 2^32 - 1
   * @throws OptionException for another number, and with a penalty after the first token: see
   *     {@link #rewind} and {@link #accept}
   */
  public SamplerCursor step(long value) {
    OptionRange.STEP.require(value);
    use.enter();
    try {
      if (value != step) {
        text.requireNoTokens();
      }
      step = value;
      return this;
    } finally {
      use.uses = 0;
    }
  }

  /** Returns the sampler and the step: {@code SamplerCursor[step=3, Sampler[topP=0.9, ...]]}. */
  @Override
  public String toString() {
    return "SamplerCursor[step=" + step + ", " + sampler.toString(stream) + "]";
  }
}
