// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.NoTokenException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.internal.plan.arrays.Dimensions;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.RepetitionOptions;
import dev.xent.internal.plan.options.SamplingOptions;
import dev.xent.internal.plan.sample.SamplerOperation;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Ties;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * From logits to the next token: draws a class of each row from the softmax of the classes that the
 * filters keep.
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="sampler" :
 * Sampler sampler = Sampler.builder().temperature(0.8).topK(50).topP(0.95).seed(42).build();
 * long token = sampler.token(row, step); // of logits [50000]; step counts the tokens
 * Tensor tokens = sampler.sample(logits, step); // of logits [32, 50000]: I32 [32]
 * }
 *
 * <p><b>In this order</b> a logit is scaled, capped, masked, gets its bias, then the repetition,
 * frequency and presence penalty; then filters, in the order of the {@linkplain Builder#rules
 * rules}, leave out classes; then one of those that are left is drawn. Without any option that is
 * softmax itself.
 *
 * <p><b>The same token everywhere.</b> A token depends on the row's logits and options, the seed,
 * the stream, the step and the draw, and on nothing else: not on the machine, the backend, the
 * number of threads, or the other rows of a batch, if each row has its own {@linkplain
 * SamplerRequests request}. Two calls with the same numbers return the same token, so count the
 * steps: random numbers of different steps, streams, draws and seeds are independent. Order is by
 * logit, the lower class first among equals; masses are exact sums of integers.
 *
 * <p><b>Rows without a token.</b> A row in which a logit is NaN or +inf, or in which no class is
 * left above -inf, has the token -1 in a tensor of tokens, see {@link SamplerOutputs#sampled}; a
 * method that returns one token throws {@link NoTokenException}.
 *
 * <p><b>Logits</b> are F32, F16 or BF16, of any rank and any strides. The classes are along the
 * last axis, unless {@link Builder#axis(int)} sets another. Tensors of floats may have any of these
 * types; tokens, counts and ranks are I32 or I64.
 *
 * <p>Instances are immutable; any number of threads may share one. Small calls with tensors for
 * their results allocate nothing; large calls use more threads ({@link Execution#withThreads}).
 * Every method throws {@link ShapeException}, {@link DTypeException}, {@link MemoryException},
 * {@link OptionException} or {@link LabelException} for arguments that do not fit, before anything
 * is written.
 */
public final class Sampler {
  final SamplerOperation operation;

  /** Whether each text gets a new stream, as neither seed nor stream were set. */
  private final boolean startsStreams;

  private Sampler(SamplerOperation operation, boolean startsStreams) {
    this.operation = operation;
    this.startsStreams = startsStreams;
  }

  /** Returns a builder with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns a sampler that takes the class of the largest logit, the lowest class among equals. */
  public static Sampler greedy() {
    return builder().temperature(0).build();
  }

  /** Returns the axis of the classes, as set by {@link Builder#axis(int)}. */
  public int axis() {
    return operation.axis();
  }

  /**
   * Returns the token of one row.
   *
   * @param logits {@code x}, one row
   * @param step how many tokens came before, from 0 to 2^32 - 1
   * @throws NoTokenException for logits with a NaN or +inf, or without one above -inf
   * @throws OptionException for a penalty, which needs the earlier tokens: call {@link #on}
   */
  public long token(Tensor logits, long step) {
    return operation.token(View.of(logits, "logits"), step);
  }

  /**
   * Returns the tokens of all rows, in a new tensor: I32, in the shape of the logits without the
   * class axis; of a single row {@code [1]}.
   *
   * @param logits {@code x}
   * @param step how many tokens came before, from 0 to 2^32 - 1
   * @throws OptionException for a penalty, which needs the earlier tokens: call {@link #on}
   */
  public Tensor sample(Tensor logits, long step) {
    long[] shape = Dimensions.rowsShape(View.of(logits, "logits"), operation.axis());
    Tensor tokens = Tensor.allocate(DType.I32, shape);
    sample(logits, step, tokens);
    return tokens;
  }

  /**
   * Writes the tokens of all rows.
   *
   * @param logits {@code x}
   * @param step how many tokens came before, from 0 to 2^32 - 1
   * @param tokens I32 or I64, in the shape of the logits without the class axis, or with it at size
   *     1; must not overlap anything
   * @throws OptionException for a penalty, which needs the earlier tokens: call {@link #on}
   */
  public void sample(Tensor logits, long step, Tensor tokens) {
    operation.sample(View.of(logits, "logits"), step, View.of(tokens, "tokens"));
  }

  /**
   * Returns a cursor that draws the tokens of one text and counts its steps, from step 0 on.
   *
   * <p>If a {@linkplain Builder#seed seed} or a {@linkplain Builder#stream stream} was set, each
   * cursor draws the same tokens from the same logits. Otherwise each has a new stream. To repeat
   * such a text, pass its {@link SamplerCursor#stream} to {@link #start(long)} of a sampler with
   * the same {@link #seed}.
   */
  public SamplerCursor start() {
    return start(startsStreams ? SamplingOptions.random() : operation.sampling().stream());
  }

  /**
   * Returns a cursor that draws the tokens of one text from a stream, instead of {@link
   * Builder#stream}. Texts with different streams have independent random numbers.
   *
   * @param stream any number, such as that of a request
   */
  public SamplerCursor start(long stream) {
    return new SamplerCursor(operation, stream);
  }

  /**
   * Returns a call that can be run often.
   *
   * @param logits {@code x}
   * @param tokens I32 or I64, in the shape of the logits without the class axis, or with it at size
   *     1; must not overlap anything
   */
  public SamplerCall on(Tensor logits, Tensor tokens) {
    return new SamplerCall(operation.bind(View.of(logits, "logits"), View.of(tokens, "tokens")));
  }

  /**
   * Returns the seed of all random bits: the one that was set, or the new one of this sampler. With
   * it another sampler returns the same tokens.
   */
  public long seed() {
    return operation.sampling().seed();
  }

  /**
   * Returns the options that are not the defaults, and the seed: {@code Sampler[temperature=0.8,
   * topK=50, seed=42]}.
   */
  @Override
  public String toString() {
    return operation.toString();
  }

  /** Options of {@link Sampler}. Not safe for use by several threads at once. */
  public static final class Builder extends OperationBuilder<Builder> {
    private SamplingRules rules = SamplingRules.XENT;
    private @Nullable Ties ties;
    private boolean greedy;
    private long minKeep;
    private long topK;
    private List<SamplingFilter> order = List.of();
    private long noRepeatNgram = RepetitionOptions.NONE.noRepeatNgram();
    private List<int[]> bannedSequences = List.of();
    private double dryMultiplier = RepetitionOptions.NONE.dryMultiplier();
    private double dryBase = RepetitionOptions.NONE.dryBase();
    private long dryAllowedLength = RepetitionOptions.NONE.dryAllowedLength();
    private long dryRange = RepetitionOptions.NONE.dryRange();
    private List<int[]> dryBreakers = List.of();
    private @Nullable Long seed;
    private @Nullable Long stream;
    private long draw;

    private Builder() {}

    /**
     * Sets {@code s}: logits are multiplied by it, before everything else, also for the
     * log-probabilities, ranks and entropies of {@link SamplerOutputs}. Models such as Granite
     * divide their logits by a number: set its reciprocal. Default: 1.
     *
     * @throws OptionException unless it is from 2^-32 to 2^32
     */
    public Builder scale(double value) {
      return set(OptionRange.SCALE, value);
    }

    /**
     * Sets {@code c}: logits become {@code c tanh(x / c)}, right after the {@link #scale}. Default:
     * they stay.
     *
     * @throws OptionException unless it is from 2^-32 to 2^32
     */
    public Builder softcap(double value) {
      return set(OptionRange.SOFTCAP, value);
    }

    /**
     * Sets the order of the filters, and of the temperature among them, instead of that of the
     * {@link #rules}. Without {@link SamplingFilter#TEMPERATURE}, that comes first.
     *
     * @param filters each at most once; {@link #build} throws for a filter that is set and not here
     */
    public Builder order(SamplingFilter... filters) {
      for (SamplingFilter filter : Objects.requireNonNull(filters, "filters")) {
        NullChecks.require(filter, "a filter of order", "a SamplingFilter");
      }
      order = List.of(filters);
      return this;
    }

    /** Sets the system whose filters are used, in its order. Default: those of Xent. */
    public Builder rules(SamplingRules value) {
      rules = Objects.requireNonNull(value, "rules");
      return this;
    }

    /**
     * Sets what top-k does with classes that equal the k-th. Default: ALL by the rules of
     * transformers and vLLM, else FIRST.
     */
    public Builder ties(Ties value) {
      ties = Objects.requireNonNull(value, "ties");
      return this;
    }

    /**
     * Sets {@code tau}: logits are divided by it. 0 takes the largest logit and ignores the
     * filters. Default: 1.
     *
     * @throws OptionException unless it is 0, or from 2^-32 to 2^32
     */
    public Builder temperature(double value) {
      set(OptionRange.SAMPLING_TEMPERATURE, value);
      greedy = value == 0;
      return this;
    }

    /**
     * Sets {@code r} of the dynamic temperature ("dynatemp"): instead of {@code tau}, logits are
     * divided by a number from {@code max(tau - r, 0)} to {@code tau + r}, which rises with the
     * entropy of the classes that are left where {@link SamplingFilter#TEMPERATURE} stands in the
     * {@link #order}. A temperature of 0 ignores it. Default: 0, the temperature stays.
     *
     * @throws OptionException unless it is from 0 to 2^32
     */
    public Builder dynatempRange(double r) {
      return set(OptionRange.DYNATEMP_RANGE, r);
    }

    /**
     * Sets the exponent of the entropy, as a share of the largest possible one, in the temperature
     * of {@link #dynatempRange}. Default: 1.
     *
     * @throws OptionException unless it is from 2^-32 to 2^32
     */
    public Builder dynatempExponent(double q) {
      return set(OptionRange.DYNATEMP_EXPONENT, q);
    }

    /**
     * Sets the number of classes that every filter keeps at least. Default: 1.
     *
     * @throws OptionException unless 1 or more
     */
    public Builder minKeep(long value) {
      minKeep = OptionRange.MIN_KEEP.require(value);
      return this;
    }

    /**
     * Keeps the {@code k} largest classes; 0 keeps all. Default: all.
     *
     * @throws OptionException unless 0 or more
     */
    public Builder topK(long k) {
      topK = OptionRange.TOP_K.require(k);
      return this;
    }

    /**
     * Keeps the fewest of the largest classes that have this probability together. Default: 1,
     * which keeps all.
     *
     * @throws OptionException unless it is above 0, at most 1
     */
    public Builder topP(double p) {
      return set(OptionRange.TOP_P, p);
    }

    /**
     * Keeps classes whose probability is at least this share of the largest one. Default: 0, which
     * keeps all.
     *
     * @throws OptionException unless it is from 0 to 1
     */
    public Builder minP(double p) {
      return set(OptionRange.MIN_P, p);
    }

    /**
     * Keeps the classes whose information, {@code -log p}, is nearest to the entropy, until they
     * have this total probability. Default: 1, which keeps all.
     *
     * @throws OptionException unless it is above 0, at most 1
     */
    public Builder typicalP(double p) {
      return set(OptionRange.TYPICAL_P, p);
    }

    /**
     * Keeps the classes whose logits are at most {@code n} standard deviations of all logits below
     * the largest. Default: 0, which keeps all.
     *
     * @throws OptionException unless it is from 0 to 2^32
     */
    public Builder topNSigma(double n) {
      return set(OptionRange.TOP_N_SIGMA, n);
    }

    /**
     * Sets the chance that a token is drawn without the most likely classes ("exclude top choices",
     * XTC): of those with at least the probability {@link #xtcThreshold} only the least likely
     * stays, with its equals. Default: 0.
     *
     * @throws OptionException unless it is from 0 to 1
     */
    public Builder xtcProbability(double p) {
      return set(OptionRange.XTC_PROBABILITY, p);
    }

    /**
     * Sets the threshold of {@link #xtcProbability}. Default: 0.1.
     *
     * @throws OptionException unless it is above 0, at most 1
     */
    public Builder xtcThreshold(double t) {
      return set(OptionRange.XTC_THRESHOLD, t);
    }

    /**
     * Divides logits above 0 of classes that are among the tokens before, and multiplies others: a
     * number above 1 makes them rarer. Default: 1.
     *
     * @throws OptionException unless it is from 2^-126 to the largest float
     */
    public Builder repetitionPenalty(double value) {
      return set(OptionRange.REPETITION_PENALTY, value);
    }

    /**
     * Sets the number that is subtracted from the logit of a class for each time that it is among
     * the output tokens. Default: 0.
     *
     * @throws OptionException unless a float holds it
     */
    public Builder frequencyPenalty(double value) {
      return set(OptionRange.FREQUENCY_PENALTY, value);
    }

    /**
     * Sets the number that is subtracted once from the logit of a class that is among the output
     * tokens. Default: 0.
     *
     * @throws OptionException unless a float holds it
     */
    public Builder presencePenalty(double value) {
      return set(OptionRange.PRESENCE_PENALTY, value);
    }

    /**
     * Forbids a token that would make {@code n} tokens follow each other that do so in the text
     * already, prompt included. Only a {@linkplain Sampler#start cursor} has the text; other calls
     * throw an {@link OptionException}. Default: 0, which forbids none.
     *
     * @throws OptionException unless 0 or more
     */
    public Builder noRepeatNgram(long n) {
      noRepeatNgram = least("noRepeatNgram", n, 0);
      return this;
    }

    /**
     * Forbids the last token of each sequence after the others. Only a {@linkplain Sampler#start
     * cursor} has the text; other calls throw an {@link OptionException}. Default: none.
     *
     * @param sequences of classes; of one class: it is never drawn
     * @throws OptionException for a sequence that is empty or has a negative number
     */
    public Builder bannedSequences(int[]... sequences) {
      bannedSequences = copies(sequences, "a banned sequence", "bannedSequences");
      return this;
    }

    private static List<int[]> copies(int[][] sequences, String each, String option) {
      List<int[]> copies = new ArrayList<>();
      for (int[] sequence : Objects.requireNonNull(sequences, "sequences")) {
        int[] copy = NullChecks.require(sequence, "a sequence", "an array of classes").clone();
        if (copy.length == 0) {
          throw new OptionException(each + " is empty; expected one class or more");
        }
        for (int token : copy) {
          least("a class of " + option, token, 0);
        }
        copies.add(copy);
      }
      return List.copyOf(copies);
    }

    /**
     * Sets {@code m} of the penalty for repetitions ("DRY"): a token that stands in the text behind
     * the same {@code l} tokens as now gets the bias {@code - m b^(l - a)}, if {@code l} is at
     * least {@code a}, prompt included. Only a {@linkplain Sampler#start cursor} has the text;
     * other calls throw an {@link OptionException}. Default: 0, no penalty.
     *
     * @throws OptionException unless finite and 0 or more
     */
    public Builder dryMultiplier(double m) {
      if (!(m >= 0 && m <= Double.MAX_VALUE)) {
        throw new OptionException("dryMultiplier", Double.toString(m), "a number of 0 or more");
      }
      dryMultiplier = m;
      return this;
    }

    /**
     * Sets {@code b} of {@link #dryMultiplier}. Default: 1.75.
     *
     * @throws OptionException unless finite and 1 or more
     */
    public Builder dryBase(double b) {
      if (!(b >= 1 && b <= Double.MAX_VALUE)) {
        throw new OptionException("dryBase", Double.toString(b), "a number of 1 or more");
      }
      dryBase = b;
      return this;
    }

    /**
     * Sets {@code a} of {@link #dryMultiplier}: the shortest repetition that has a penalty.
     * Default: 2.
     *
     * @throws OptionException unless 1 or more
     */
    public Builder dryAllowedLength(long a) {
      dryAllowedLength = least("dryAllowedLength", a, 1);
      return this;
    }

    /**
     * Sets how many of the last tokens {@link #dryMultiplier} looks at. Default: all.
     *
     * @throws OptionException unless 1 or more
     */
    public Builder dryRange(long tokens) {
      dryRange = least("dryRange", tokens, 1);
      return this;
    }

    /**
     * Sets what ends a repetition of {@link #dryMultiplier}, such as a line break: the {@code l}
     * tokens come after the last of these sequences among the tokens of {@link #dryRange}. A class
     * that is such a sequence alone has no penalty itself. Default: none.
     *
     * @param sequences of classes
     * @throws OptionException for a sequence that is empty or has a negative number
     */
    public Builder dryBreakers(int[]... sequences) {
      dryBreakers = copies(sequences, "a breaker", "dryBreakers");
      return this;
    }

    private static long least(String name, long value, long least) {
      if (value < least) {
        throw new OptionException(name, Long.toString(value), least + " or more");
      }
      return value;
    }

    /**
     * Sets the seed of all random bits. All 64 bits count. Default: {@link #build} takes a new one;
     * {@link Sampler#seed} and {@code toString} return it.
     */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /**
     * Sets the stream of row 0; row {@code i} has this plus {@code i}. All 64 bits count. {@link
     * SamplerRequests} have their own streams. Default: 0, and without a seed a new one for each
     * {@link Sampler#start()}.
     */
    public Builder stream(long value) {
      stream = value;
      return this;
    }

    /**
     * Sets which one of several tokens that are drawn from the same logits. Default: 0.
     *
     * @throws OptionException unless it is from 0 to 2^32 - 1
     */
    public Builder draw(long value) {
      draw = OptionRange.DRAW.require(value);
      return this;
    }

    /**
     * Builds the operation.
     *
     * @throws OptionException for a filter that the rules or the order do not have, or an
     *     instruction set that this processor or build does not have
     * @throws NativeLibraryException if the native backend is required but not available
     */
    public Sampler build() {
      Engine engine = engine();
      Options options = options(engine);
      SamplingOptions sampling =
          new SamplingOptions(
              rules,
              ties,
              greedy,
              minKeep,
              topK,
              order,
              seed != null ? seed : greedy ? 0 : SamplingOptions.random(),
              stream != null ? stream : 0,
              draw,
              options.numbers());
      RepetitionOptions repetition =
          new RepetitionOptions(
              noRepeatNgram,
              bannedSequences,
              dryMultiplier,
              dryBase,
              dryAllowedLength,
              dryRange,
              dryBreakers);
      return new Sampler(
          new SamplerOperation(engine, options, sampling, repetition, axis),
          seed == null && stream == null && !greedy);
    }
  }
}
