// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.internal.kernels;

/** The arrays of calls: those with a layout in {@link CallShape}, in its order, then records. */
public enum Array {
  LOGITS("logits"),
  OUTPUT("output"),
  GRADIENT("gradient"),
  UPSTREAM("upstream"),
  TARGETS("targets"),
  LOSSES("losses"),
  LOG_SUM_EXP("logSumExp"),
  CORRECT("correct"),
  TARGET_WEIGHTS("targetWeights"),
  ROW_OFFSETS("rowOffsets"),
  CLASS_MASK("classMask"),
  CLASS_WEIGHTS("classWeights"),
  ROW_WEIGHTS("rowWeights"),
  SINK("sink"),
  LOG_PROBABILITIES("logProbabilities"),
  ARGMAX("argmax"),
  RANKS("ranks"),
  ENTROPIES("entropies"),
  TOP_CLASSES("topClasses"),
  TOP_LOG_PROBABILITIES("topLogProbabilities"),
  TARGET_GRADIENT("targetGradient"),
  TEACHER("teacher"),
  BIAS("bias"),
  PROMPT_TOKENS("promptTokens"),
  OUTPUT_TOKENS("outputTokens"),
  TOKENS("tokens"),
  PROCESSED_LOG_PROBABILITIES("processedLogProbabilities"),
  KEPT("kept"),
  KEPT_MASK("keptMask"),
  ELEMENT_WEIGHTS("elementWeights"),
  POSITIVE_WEIGHTS("positiveWeights"),
  HIDDEN("hidden"),
  WEIGHTS("weights"),
  HIDDEN_GRADIENT("hiddenGradient"),
  WEIGHTS_GRADIENT("weightsGradient"),
  BIAS_GRADIENT("biasGradient"),
  BIAS_TOKENS("biasTokens"),
  BIAS_VALUES("biasValues"),
  DRAFT_TOKENS("draftTokens"),
  DRAFT_PROBABILITIES("draftProbabilities"),
  STATISTICS("statistics"),
  EXACT_SUM("exactSum"),
  WORKSPACE("workspace"),
  STATES("states");

  /** The number of arrays with a layout. */
  public static final int LAYOUTS = 40;

  public static final int COUNT = 44;

  /** Its name in messages. */
  public final String text;

  Array(String text) {
    this.text = text;
  }
}
