// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.load.Codes;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.options.FullyMasked;
import dev.xent.options.Smoothing;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What an operation tells the kernels in every call.
 *
 * @param isa its code
 * @param fullyMasked what a row gives that is all -inf or masked
 * @param hasIgnoreIndex whether {@code ignoreIndex} counts
 * @param ignoreIndex the label of rows to be ignored
 * @param ignoresLabelsAlone whether probability rows do without the ignore index
 * @param smoothing who shares what smoothing takes from a label
 * @param numbers of the others
 */
public record Options(
    int isa,
    FullyMasked fullyMasked,
    boolean hasIgnoreIndex,
    long ignoreIndex,
    boolean ignoresLabelsAlone,
    Smoothing smoothing,
    OptionNumbers numbers) {

  /**
   * These options.
   *
   * @throws OptionException for numbers that exclude each other
   */
  public Options {
    numbers = numbers.together();
  }

  /** For operations without targets. */
  public static Options of(Engine engine, FullyMasked fullyMasked, OptionNumbers numbers) {
    return new Options(engine.isa(), fullyMasked, false, 0, false, Smoothing.UNIFORM, numbers);
  }

  /** The same with an ignore index. */
  public Options ignoring(long index) {
    return new Options(isa, fullyMasked, true, index, false, smoothing, numbers);
  }

  /** One of the numbers; 0: not used. */
  public double number(OptionRange range) {
    return numbers.get(range);
  }

  /** Whether rows of such targets are ignored by a label. */
  public boolean ignoresIn(@Nullable TargetKind kind) {
    return hasIgnoreIndex && !(ignoresLabelsAlone && kind == TargetKind.PROBABILITIES);
  }

  // ---- calls that can be -----------------------------------------------------------------------

  /** Refuses options that these targets cannot have. */
  public void requireFor(TargetKind kind, View targets) {
    if (kind == TargetKind.PROBABILITIES && ignoresIn(kind)) {
      throw new OptionException(
          "ignoreIndex is "
              + ignoreIndex
              + ", targets are probability rows "
              + targets
              + "; expected class indices, or build the operation without ignoreIndex");
    }
    requireLabelsFor(kind, targets);
  }

  private void requireLabelsFor(TargetKind kind, View targets) {
    if (kind != TargetKind.LABELS && smoothing != Smoothing.UNIFORM) {
      throw ofLabels("smoothing is " + smoothing, kind, targets, "smoothing(UNIFORM)");
    }
    requireLabelsFor(OptionRange.FOCAL_GAMMA, kind, targets);
  }

  /** Whether every term of a loss is clamped, for which rows have to be whole. */
  public boolean clampsTerms(TargetKind kind) {
    return number(OptionRange.PROBABILITY_CLAMP) != 0 && kind != TargetKind.LABELS;
  }

  /** Refuses options that these targets cannot have where rows come in parts. */
  public void requireForParts(TargetKind kind, View targets) {
    requireLabelsFor(kind, targets);
    requireLabelsFor(OptionRange.PROBABILITY_CLAMP, kind, targets);
  }

  private void requireLabelsFor(OptionRange range, TargetKind kind, View targets) {
    if (kind != TargetKind.LABELS && number(range) != 0) {
      throw ofLabels(range.text + " is " + number(range), kind, targets, "no " + range.text);
    }
  }

  private static OptionException ofLabels(
      String option, TargetKind kind, View targets, String instead) {
    return new OptionException(
        message(
            "%s, targets are %s %s; expected class indices, or build the operation with %s",
            option, kind.text, targets, instead));
  }

  /** Whether the statistics of a forward with other options are those of one with these. */
  public boolean hasStatisticsOf(Options other, @Nullable TargetKind kind) {
    return ignoresIn(kind) == other.ignoresIn(kind)
        && (!ignoresIn(kind) || ignoreIndex == other.ignoreIndex)
        && smoothing == other.smoothing
        && numbers.hasStatisticsOf(other.numbers);
  }

  /** What statistics depend on and is not as by default, in a message. */
  public String ofStatistics(@Nullable TargetKind kind) {
    Described described = new Described("");
    describe(ignoresIn(kind), true, described);
    String text = described.toString();
    return text.equals("[]") ? "" : " " + text;
  }

  /** Refuses a softcap where its derivative cannot be known. */
  public void refuseSoftcap(String operation) {
    double softcap = number(OptionRange.SOFTCAP);
    if (softcap != 0) {
      throw new OptionException(
          message(
              "softcap is %s, and the backward of %s has no logits for its derivative: build the operation without it",
              softcap, operation));
    }
  }

  /** Refuses what a Hessian-vector product does not have. */
  public void refuseSoftcapOfHessian() {
    double softcap = number(OptionRange.SOFTCAP);
    if (softcap != 0) {
      throw new OptionException(
          message(
              "softcap is %s, and the Hessian of cross-entropy with one has another form: build the operation without it",
              softcap));
    }
  }

  /** Refuses what the loss of log-probabilities does not have. */
  public void requireForLogProbabilities() {
    numbers.refuseFrom(OptionRange.TEMPERATURE);
  }

  /** Says what is not as by default. */
  public void describe(Described text) {
    describe(hasIgnoreIndex, false, text);
    text.option("fullyMasked", fullyMasked, FullyMasked.NAN);
  }

  private void describe(boolean ignores, boolean recorded, Described text) {
    text.option("ignoreIndex", ignores ? ignoreIndex : null, null);
    numbers.describe(OptionRange.LABEL_SMOOTHING, text);
    text.option("smoothing", smoothing, Smoothing.UNIFORM);
    numbers.describeFrom(OptionRange.TEMPERATURE, recorded, text);
  }

  /**
   * Fills an xent_options.
   *
   * @param ignores whether the ignore index counts
   */
  public void write(MemorySegment struct, boolean ignores, double gradientScale) {
    xent_options.isa(struct, isa);
    xent_options.fully_masked(struct, Codes.of(fullyMasked));
    xent_options.has_ignore_index(struct, ignores ? 1 : 0);
    xent_options.ignore_index(struct, ignoreIndex);
    xent_options.smoothing(struct, Codes.of(smoothing));
    numbers.write(struct);
    xent_options.has_gradient_scale(struct, 1);
    xent_options.gradient_scale(struct, gradientScale);
  }
}
