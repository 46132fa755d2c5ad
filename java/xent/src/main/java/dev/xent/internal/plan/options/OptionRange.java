// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.internal.plan.options;

import dev.xent.errors.OptionException;

/** The ranges of numeric options. */
public enum OptionRange {
  LABEL_SMOOTHING("labelSmoothing", 0, 1, true, 0, "a number from 0 to 1", true, false),
  GRADIENT_SCALE("gradientScale", -Double.MAX_VALUE, Double.MAX_VALUE, true, Double.NaN,
      "a finite number", false, false),
  TEMPERATURE("temperature", 0x1p-32, 0x1p32, false, 1, "a number from 2^-32 to 2^32", true, false),
  SOFTCAP("softcap", 0x1p-32, 0x1p32, false, Double.NaN, "a number from 2^-32 to 2^32", true,
      false),
  Z_LOSS("zLoss", 0, Double.MAX_VALUE, true, 0, "a finite number that is 0 or more", true, false),
  PROBABILITY_CLAMP("probabilityClamp", 0, 0.5, false, Double.NaN, "a number above 0, at most 0.5",
      false, false, LABEL_SMOOTHING),
  FOCAL_GAMMA("focalGamma", 0, 0x1p32, true, 0, "a number from 0 to 2^32", true, true,
      LABEL_SMOOTHING, Z_LOSS, PROBABILITY_CLAMP),
  FOCAL_ALPHA("focalAlpha", 0, 1, false, Double.NaN, "a number above 0, at most 1", false, false),
  MIN_KEEP("minKeep", 1, 0x1p63, false, 1, "1 or more", true, false),
  TOP_K("topK", 0, 0x1p63, true, 0, "0, which keeps all classes, or more", true, false),
  TOP_P("topP", 0, 1, false, 1, "a number above 0, at most 1, which keeps all classes", true,
      false),
  MIN_P("minP", 0, 1, true, 0, "a number from 0 to 1", true, false),
  TYPICAL_P("typicalP", 0, 1, false, 1, "a number above 0, at most 1, which keeps all classes",
      true, false),
  TOP_N_SIGMA("topNSigma", 0, 0x1p32, true, 0, "a number from 0 to 2^32", true, false),
  XTC_PROBABILITY("xtcProbability", 0, 1, true, 0, "a number from 0 to 1", true, false),
  XTC_THRESHOLD("xtcThreshold", 0, 1, false, 0.1, "a number above 0, at most 1", true, false),
  SAMPLING_TEMPERATURE("temperature", 0x1p-32, 0x1p32, true, 1,
      "0, which takes the largest logit, or a number from 2^-32 to 2^32", true, false),
  REPETITION_PENALTY("repetitionPenalty", Float.MIN_NORMAL, Float.MAX_VALUE, false, 1,
      "a number from 2^-126 to 3.4e38; 1 changes nothing", true, false),
  FREQUENCY_PENALTY("frequencyPenalty", -Float.MAX_VALUE, Float.MAX_VALUE, true, 0,
      "a number from -3.4e38 to 3.4e38", true, false),
  PRESENCE_PENALTY("presencePenalty", -Float.MAX_VALUE, Float.MAX_VALUE, true, 0,
      "a number from -3.4e38 to 3.4e38", true, false),
  SCALE("scale", 0x1p-32, 0x1p32, false, 1, "a number from 2^-32 to 2^32", true, false),
  DYNATEMP_RANGE("dynatempRange", 0, 0x1p32, true, 0, "a number from 0 to 2^32", true, false),
  DYNATEMP_EXPONENT("dynatempExponent", 0x1p-32, 0x1p32, false, 1, "a number from 2^-32 to 2^32",
      true, false),
  STEP("step", 0, 4294967295L, true, 0, "a number from 0 to 4294967295", true, false),
  DRAW("draw", 0, 4294967295L, true, 0, "a number from 0 to 4294967295", true, false);

  /** The number of options of xent_options; they come first. */
  static final int OF_CALLS = 8;

  /** Its name in messages. */
  public final String text;

  /** The expected value, for messages. */
  public final String expected;

  /** Whether saved statistics depend on it. */
  final boolean recorded;

  /** Whether a loss accepts it with class indices alone. */
  final boolean ofLabels;

  /** The options that it excludes. */
  final OptionRange[] notBeside;

  private final double least;
  private final double most;
  private final boolean takesZero;
  private final double unset;

  OptionRange(
      String text,
      double least,
      double most,
      boolean takesZero,
      double unset,
      String expected,
      boolean recorded,
      boolean ofLabels,
      OptionRange... notBeside) {
    this.text = text;
    this.least = least;
    this.most = most;
    this.takesZero = takesZero;
    this.unset = unset;
    this.expected = expected;
    this.recorded = recorded;
    this.ofLabels = ofLabels;
    this.notBeside = notBeside;
  }

  /**
   * Returns the value for the struct: 0 for the default.
   *
   * @throws OptionException unless it is in the range
   */
  public double require(double value) {
    if (!has(value)) {
      throw refused(Double.toString(value));
    }
    return value == unset ? 0 : value;
  }

  /**
   * Returns the value.
   *
   * @throws OptionException unless it is in the range
   */
  public long require(long value) {
    if (!has(value)) {
      throw refused(Long.toString(value));
    }
    return value;
  }

  /** The largest value of a whole number. */
  public long most() {
    return (long) most;
  }

  private boolean has(double value) {
    return value == 0 ? takesZero : value >= least && value <= most;
  }

  private OptionException refused(String value) {
    return new OptionException(text, value, expected);
  }
}
