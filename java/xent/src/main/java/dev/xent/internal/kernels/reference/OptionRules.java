// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.TARGETS;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Options;
import dev.xent.internal.kernels.reference.call.Report;
import java.util.List;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** What options may be. */
final class OptionRules {
  /** The reference has one instruction set, which stands for every one that this version has. */
  private static final Set<Integer> ISAS =
      Set.of(
          XentH.XENT_ISA_BEST(),
          XentH.XENT_ISA_SCALAR(),
          XentH.XENT_ISA_AVX2(),
          XentH.XENT_ISA_AVX512(),
          XentH.XENT_ISA_NEON());

  private OptionRules() {}

  static int check(Call call) {
    Options options = call.options;
    Report report = call.report;
    if (!ISAS.contains(options.isa)) {
      return report.refuseOption(Field.ISA, options.isa);
    }
    if (options.fullyMasked != XentH.XENT_FULLY_MASKED_NAN()
        && options.fullyMasked != XentH.XENT_FULLY_MASKED_ZERO()) {
      return report.refuseOption(Field.FULLY_MASKED, options.fullyMasked);
    }
    if (options.hasIgnoreIndex != 0 && options.hasIgnoreIndex != 1) {
      return report.refuseOption(Field.IGNORE_INDEX, options.hasIgnoreIndex);
    }
    double smoothing = options.labelSmoothing;
    if (!(smoothing >= 0 && smoothing <= 1)) {
      return report.refuseOption(Field.LABEL_SMOOTHING, smoothing);
    }
    if (options.hasGradientScale != 0 && options.hasGradientScale != 1) {
      return report.refuseOption(Field.GRADIENT_SCALE, options.hasGradientScale);
    }
    return Double.isFinite(options.scale())
        ? checkFurther(call)
        : report.refuseOption(Field.GRADIENT_SCALE, options.gradientScale);
  }

  private static int checkFurther(Call call) {
    Options options = call.options;
    Report report = call.report;
    if (options.smoothing != XentH.XENT_SMOOTHING_UNIFORM()
        && options.smoothing != XentH.XENT_SMOOTHING_OTHERS()) {
      return report.refuseOption(Field.SMOOTHING, options.smoothing);
    }
    if (options.reserved != 0) {
      return report.refuse(Status.UNSUPPORTED, Field.OPTIONS, options.reserved);
    }
    if (!isFactor(options.temperature)) {
      return report.refuseOption(Field.TEMPERATURE, options.temperature);
    }
    if (!isFactor(options.softcap)) {
      return report.refuseOption(Field.SOFTCAP, options.softcap);
    }
    if (!(options.zLoss >= 0 && Double.isFinite(options.zLoss))) {
      return report.refuseOption(Field.Z_LOSS, options.zLoss);
    }
    double clamp = options.probabilityClamp;
    if (!(clamp >= 0 && clamp <= 0.5) || (clamp > 0 && options.labelSmoothing > 0)) {
      return report.refuseOption(Field.PROBABILITY_CLAMP, clamp);
    }
    return checkFocal(options, report);
  }

  private static int checkFocal(Options options, Report report) {
    double gamma = options.focalGamma;
    boolean plain =
        options.labelSmoothing == 0 && options.zLoss == 0 && options.probabilityClamp == 0;
    if (!(gamma >= 0 && gamma <= 0x1p32) || (gamma > 0 && !plain)) {
      return report.refuseOption(Field.FOCAL_GAMMA, gamma);
    }
    double alpha = options.focalAlpha;
    return alpha >= 0 && alpha <= 1 ? Status.OK : report.refuseOption(Field.FOCAL_ALPHA, alpha);
  }

  /** Binary cross-entropy has an ignore index among labels. */
  static int checkIgnoreIndex(Call call) {
    Options options = call.options;
    if (options.hasIgnoreIndex == 0
        || ElementType.holds(call.shape.of(TARGETS).type, ElementType.LABELS)) {
      return Status.OK;
    }
    return call.report.refuseValue(
        Status.INVALID_OPTION,
        Field.IGNORE_INDEX,
        (double) options.ignoreIndex,
        options.ignoreIndex);
  }

  /** An option that some functions do not have; but for an ignore index 0 is none. */
  private record Rare(int field, ToDoubleFunction<Options> value) {
    boolean isGiven(Options options) {
      return field == Field.IGNORE_INDEX
          ? options.hasIgnoreIndex != 0
          : value.applyAsDouble(options) != 0;
    }
  }

  private static final List<Rare> RARE =
      List.of(
          new Rare(Field.IGNORE_INDEX, o -> o.ignoreIndex),
          new Rare(Field.FULLY_MASKED, o -> o.fullyMasked),
          new Rare(Field.LABEL_SMOOTHING, o -> o.labelSmoothing),
          new Rare(Field.SMOOTHING, o -> o.smoothing),
          new Rare(Field.TEMPERATURE, o -> o.temperature),
          new Rare(Field.SOFTCAP, o -> o.softcap),
          new Rare(Field.Z_LOSS, o -> o.zLoss),
          new Rare(Field.PROBABILITY_CLAMP, o -> o.probabilityClamp),
          new Rare(Field.FOCAL_GAMMA, o -> o.focalGamma),
          new Rare(Field.FOCAL_ALPHA, o -> o.focalAlpha));

  /** Fields of options as bits. */
  static long bits(int... fields) {
    return IntStream.of(fields).mapToLong(field -> 1L << field).reduce(0, (a, b) -> a | b);
  }

  /**
   * No option is set that the function does not have.
   *
   * @param own the fields of those it has, as bits
   */
  static int checkForeign(Call call, long own) {
    for (int i = 0; i < RARE.size(); i++) {
      Rare rare = RARE.get(i);
      if (rare.isGiven(call.options) && (own >> rare.field & 1) == 0) {
        double value = rare.value.applyAsDouble(call.options);
        return call.report.refuseValue(Status.UNSUPPORTED, rare.field, value, 0);
      }
    }
    return Status.OK;
  }

  /** A number whose powers up to the third, and its reciprocal's, are normal; 0 is "not used". */
  static boolean isFactor(double value) {
    return value == 0 || (value >= 0x1p-32 && value <= 0x1p32);
  }
}
