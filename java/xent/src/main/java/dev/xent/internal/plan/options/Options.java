// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.load.Codes;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.options.FullyMasked;
import dev.xent.options.Smoothing;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The options that an operation passes to the kernels in every call.
 *
 * @param isa the code of the instruction set
 * @param fullyMasked the result of a row that is all -inf or masked
 * @param hasIgnoreIndex whether {@code ignoreIndex} is used
 * @param ignoreIndex the label of ignored rows
 * @param ignoresLabelsAlone whether the ignore index does not apply to probability rows
 * @param smoothing how the mass that label smoothing takes from a label is distributed
 * @param numbers the numeric options
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
   * Creates the options.
   *
   * @throws OptionException for numbers that exclude each other
   */
  public Options {
    numbers = numbers.together();
  }

  /** Returns a numeric option; 0 if it is not used. */
  public double number(OptionRange range) {
    return numbers.get(range);
  }

  /** Whether a label of a type is the ignore index. */
  public boolean isIgnored(ElementType type, long label) {
    return hasIgnoreIndex && label == ignoreIndex && (label >= 0 || type != ElementType.U64);
  }

  /** Whether the ignore index applies to targets of this kind. */
  public boolean ignoresIn(@Nullable TargetKind kind) {
    return hasIgnoreIndex && !(ignoresLabelsAlone && kind == TargetKind.PROBABILITIES);
  }

  // ---- checks ----------------------------------------------------------------------------------

  /** Rejects options that targets of this kind do not support. */
  public void requireFor(TargetKind kind, View targets) {
    if (kind == TargetKind.PROBABILITIES && ignoresIn(kind)) {
      throw new OptionException(
          "ignoreIndex is "
              + ignoreIndex
              + ", targets are probability rows "
              + targets.described()
              + "; expected class indices, or build the operation without ignoreIndex");
    }
    requireLabelsFor(kind, targets);
  }

  private void requireLabelsFor(TargetKind kind, View targets) {
    if (kind != TargetKind.LABELS && smoothing != Smoothing.UNIFORM) {
      throw ofLabels("smoothing is " + smoothing, kind, targets, "smoothing(UNIFORM)");
    }
    for (OptionRange range : OptionNumbers.RANGES) {
      if (range.ofLabels) {
        requireLabelsFor(range, kind, targets);
      }
    }
  }

  /** Whether every term of a loss is clamped, which requires whole rows. */
  public boolean clampsTerms(TargetKind kind) {
    return number(OptionRange.PROBABILITY_CLAMP) != 0 && kind != TargetKind.LABELS;
  }

  /** Rejects options that targets of this kind do not support when rows are split into parts. */
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

  /**
   * Whether the statistics of a forward pass with the other options equal those with these options.
   */
  public boolean hasStatisticsOf(Options other, @Nullable TargetKind kind) {
    return ignoresIn(kind) == other.ignoresIn(kind)
        && (!ignoresIn(kind) || ignoreIndex == other.ignoreIndex)
        && smoothing == other.smoothing
        && numbers.hasStatisticsOf(other.numbers);
  }

  /** The non-default options that statistics depend on, for an error message. */
  public String ofStatistics(@Nullable TargetKind kind) {
    Described described = new Described("");
    describe(ignoresIn(kind), true, described);
    String text = described.toString();
    return text.equals("[]") ? "" : " " + text;
  }

  /** Rejects a softcap in a backward pass that has no logits to compute its derivative from. */
  public void refuseSoftcap(String operation) {
    double softcap = number(OptionRange.SOFTCAP);
    if (softcap != 0) {
      throw new OptionException(
          message(
              "softcap is %s, and the backward of %s has no logits for its derivative: build the operation without it",
              softcap, operation));
    }
  }

  /** Rejects options that a Hessian-vector product does not support. */
  public void refuseSoftcapOfHessian() {
    double softcap = number(OptionRange.SOFTCAP);
    if (softcap != 0) {
      throw new OptionException(
          message(
              "softcap is %s, and the Hessian of cross-entropy with one has another form: build the operation without it",
              softcap));
    }
  }

  /**
   * Rejects options of logits.
   *
   * @param computed the numbers that the loss of log-probabilities has
   */
  public void requireForLogProbabilities(Set<OptionRange> computed) {
    numbers.refuseAllBut(computed);
  }

  /** Adds the values that are not the defaults. */
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
   * Writes the fields of an xent_options.
   *
   * @param ignores whether the ignore index is used
   */
  public void write(MemorySegment struct, boolean ignores, double gradientScale) {
    xent_options.isa(struct, isa);
    xent_options.fully_masked(struct, Codes.of(fullyMasked));
    xent_options.has_ignore_index(struct, ignores ? 1 : 0);
    xent_options.ignore_index(struct, ignoreIndex);
    xent_options.smoothing(struct, Codes.of(smoothing));
    numbers.write(struct);
    writeScale(struct, gradientScale);
  }

  /** Writes the scale of gradients. In C, 0 is a scale that is not set, and -0 one of 0. */
  public static void writeScale(MemorySegment struct, double gradientScale) {
    xent_options.gradient_scale(struct, gradientScale == 0 ? -0.0 : gradientScale);
  }
}
