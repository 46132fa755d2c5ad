// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import org.jspecify.annotations.Nullable;

/**
 * The options of a loss: what the kernels are told, and what a call takes beside that.
 *
 * @param options what the kernels are told
 * @param optionsOfProbabilities the same for probability rows
 * @param givenAxis of the classes, or null: 1, or 0 where there is no other
 * @param classWeights one per class, or null
 */
public record LossOptions(
    Options options,
    Options optionsOfProbabilities,
    @Nullable Integer givenAxis,
    @Nullable View classWeights) {

  /**
   * The options of a loss.
   *
   * @param ignoresLabelsAlone whether probability rows may come where there is an ignore index,
   *     which is not looked at then
   */
  public static LossOptions of(
      Options options,
      boolean ignoresLabelsAlone,
      @Nullable Integer givenAxis,
      @Nullable View classWeights) {
    Options ofProbabilities = ignoresLabelsAlone ? options.withoutIgnoreIndex() : options;
    return new LossOptions(options, ofProbabilities, givenAxis, classWeights);
  }

  /** The axis of the classes in an array of so many dimensions. */
  int axis(int rank) {
    return givenAxis != null ? givenAxis : rank > 1 ? 1 : 0;
  }

  /** Says what is not as by default. */
  void describe(Described text) {
    text.option("axis", givenAxis, null);
    options.describe(text);
    text.option("classWeights", classWeights, null);
  }

  /** What the kernels are told about such targets. */
  Options options(TargetKind kind) {
    return kind == TargetKind.PROBABILITIES ? optionsOfProbabilities : options;
  }

  /** Refuses what the loss of log-probabilities does not have. */
  LossOptions requireForLogProbabilities() {
    options.requireForLogProbabilities();
    return this;
  }
}
