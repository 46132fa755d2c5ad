// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.load.Codes;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.View;
import dev.xent.options.FullyMasked;
import dev.xent.options.Smoothing;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What an operation tells the kernels in every call.
 *
 * @param isa its code
 * @param fullyMasked what a row gives that is all -inf or masked
 * @param hasIgnoreIndex whether {@code ignoreIndex} counts
 * @param ignoreIndex the label of rows to be ignored
 * @param ignoresLabelsAlone whether probability rows do without the ignore index
 * @param labelSmoothing in [0, 1]
 * @param smoothing who shares what smoothing takes from a label
 * @param temperature what logits are divided by; 0: nothing
 * @param softcap what logits are bounded by; 0: nothing
 * @param zLoss what the square of log-sum-exp is multiplied by
 * @param probabilityClamp the least probability of a label that counts in its loss; 0: any
 * @param focalGamma the power of what is wrong by which a loss is multiplied; 0: none
 * @param focalAlpha what positives weigh in binary cross-entropy, negatives 1 less it; 0: both 1
 */
public record Options(
    int isa,
    FullyMasked fullyMasked,
    boolean hasIgnoreIndex,
    long ignoreIndex,
    boolean ignoresLabelsAlone,
    double labelSmoothing,
    Smoothing smoothing,
    double temperature,
    double softcap,
    double zLoss,
    double probabilityClamp,
    double focalGamma,
    double focalAlpha) {

  /**
   * These options.
   *
   * @throws OptionException for a clamp together with smoothing, and for a focal loss with either
   *     of them or a z-loss
   */
  public Options {
    requireOneOf("probabilityClamp", probabilityClamp, "labelSmoothing", labelSmoothing);
    requireOneOf("focalGamma", focalGamma, "labelSmoothing", labelSmoothing);
    requireOneOf("focalGamma", focalGamma, "zLoss", zLoss);
    requireOneOf("focalGamma", focalGamma, "probabilityClamp", probabilityClamp);
  }

  private static void requireOneOf(String name, double value, String other, double otherValue) {
    if (value != 0 && otherValue != 0) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "%s is %s, %s is %s; expected one of them",
              name,
              value,
              other,
              otherValue));
    }
  }

  /** For binary cross-entropy. */
  public static Options ofBinary(
      Engine engine, @Nullable Long ignoreIndex, double focalGamma, double focalAlpha) {
    return new Options(
        engine.isa(),
        FullyMasked.NAN,
        ignoreIndex != null,
        ignoreIndex == null ? 0 : ignoreIndex,
        false,
        0,
        Smoothing.UNIFORM,
        0,
        0,
        0,
        0,
        focalGamma,
        focalAlpha);
  }

  /** For operations without targets. */
  public static Options of(
      Engine engine, FullyMasked fullyMasked, double temperature, double softcap) {
    return new Options(
        engine.isa(),
        fullyMasked,
        false,
        0,
        false,
        0,
        Smoothing.UNIFORM,
        temperature,
        softcap,
        0,
        0,
        0,
        0);
  }

  /** The same with an ignore index. */
  public Options ignoring(long index) {
    return new Options(
        isa,
        fullyMasked,
        true,
        index,
        false,
        labelSmoothing,
        smoothing,
        temperature,
        softcap,
        zLoss,
        probabilityClamp,
        focalGamma,
        focalAlpha);
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
    if (kind != TargetKind.LABELS && focalGamma != 0) {
      throw ofLabels("focalGamma is " + focalGamma, kind, targets, "no focalGamma");
    }
  }

  /** Whether every term of a loss is clamped, for which rows have to be whole. */
  public boolean clampsTerms(TargetKind kind) {
    return probabilityClamp != 0 && kind != TargetKind.LABELS;
  }

  /** Refuses options that these targets cannot have where rows come in parts. */
  public void requireForParts(TargetKind kind, View targets) {
    requireLabelsFor(kind, targets);
    if (clampsTerms(kind)) {
      throw ofLabels(
          "probabilityClamp is " + probabilityClamp, kind, targets, "no probabilityClamp");
    }
  }

  private static OptionException ofLabels(
      String option, TargetKind kind, View targets, String instead) {
    return new OptionException(
        String.format(
            Locale.ROOT,
            "%s, targets are %s %s; expected class indices, or build the operation with %s",
            option,
            kind.text,
            targets,
            instead));
  }

  /** Whether the statistics of a forward with other options are those of one with these. */
  public boolean hasStatisticsOf(Options other, @Nullable TargetKind kind) {
    return ignoresIn(kind) == other.ignoresIn(kind)
        && (!ignoresIn(kind) || ignoreIndex == other.ignoreIndex)
        && temperature == other.temperature
        && softcap == other.softcap
        && labelSmoothing == other.labelSmoothing
        && smoothing == other.smoothing
        && zLoss == other.zLoss
        && focalGamma == other.focalGamma;
  }

  /** What statistics depend on and is not as by default, in a message. */
  public String ofStatistics(@Nullable TargetKind kind) {
    String text =
        new Described("")
            .option("ignoreIndex", ignoresIn(kind) ? ignoreIndex : null, null)
            .option("labelSmoothing", labelSmoothing, 0.0)
            .option("smoothing", smoothing, Smoothing.UNIFORM)
            .option("temperature", temperature, 0.0)
            .option("softcap", softcap, 0.0)
            .option("zLoss", zLoss, 0.0)
            .option("focalGamma", focalGamma, 0.0)
            .toString();
    return text.equals("[]") ? "" : " " + text;
  }

  /** Refuses a softcap where its derivative cannot be known. */
  public void refuseSoftcap(String operation) {
    if (softcap != 0) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "softcap is %s, and the output of %s does not tell its derivative: build the operation without it for backward",
              softcap,
              operation));
    }
  }

  /** Refuses what a Hessian-vector product does not have. */
  public void refuseSoftcapOfHessian() {
    if (softcap != 0) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "softcap is %s, and the Hessian of cross-entropy with one has another form: build the operation without it",
              softcap));
    }
  }

  /** Refuses what the loss of log-probabilities does not have. */
  public void requireForLogProbabilities() {
    String option =
        temperature != 0
            ? "temperature is " + temperature
            : softcap != 0
                ? "softcap is " + softcap
                : zLoss != 0
                    ? "zLoss is " + zLoss
                    : probabilityClamp != 0
                        ? "probabilityClamp is " + probabilityClamp
                        : focalGamma != 0 ? "focalGamma is " + focalGamma : null;
    if (option != null) {
      throw new OptionException(
          option + ", which is for logits: build the operation on log-probabilities without it");
    }
  }

  /** Says what is not as by default. */
  public void describe(Described text) {
    text.option("ignoreIndex", hasIgnoreIndex ? ignoreIndex : null, null)
        .option("labelSmoothing", labelSmoothing, 0.0)
        .option("smoothing", smoothing, Smoothing.UNIFORM)
        .option("temperature", temperature, 0.0)
        .option("softcap", softcap, 0.0)
        .option("zLoss", zLoss, 0.0)
        .option("probabilityClamp", probabilityClamp, 0.0)
        .option("focalGamma", focalGamma, 0.0)
        .option("focalAlpha", focalAlpha, 0.0)
        .option("fullyMasked", fullyMasked, FullyMasked.NAN);
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
    xent_options.label_smoothing(struct, labelSmoothing);
    xent_options.has_gradient_scale(struct, 1);
    xent_options.gradient_scale(struct, gradientScale);
    xent_options.smoothing(struct, Codes.of(smoothing));
    xent_options.temperature(struct, temperature);
    xent_options.softcap(struct, softcap);
    xent_options.z_loss(struct, zLoss);
    xent_options.probability_clamp(struct, probabilityClamp);
    xent_options.focal_gamma(struct, focalGamma);
    xent_options.focal_alpha(struct, focalAlpha);
  }
}
