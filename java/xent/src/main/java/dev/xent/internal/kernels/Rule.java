// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.internal.kernels;

import static dev.xent.internal.kernels.ElementType.*;
import static dev.xent.internal.kernels.Form.*;

/** The requirements on an array, shared by the functions that accept it in the same way. */
public enum Rule {
  LOGITS(Array.LOGITS, PER_CLASS, NUMBERS, false, false),
  TEACHER(Array.TEACHER, PER_CLASS, NUMBERS, false, false),
  TARGETS(Array.TARGETS, OF_TARGETS, LABELS | NUMBERS, false, false),
  TARGET_WEIGHTS(Array.TARGET_WEIGHTS, PER_TARGET, NUMBERS, false, false),
  ROW_OFFSETS(Array.ROW_OFFSETS, OFFSETS, CLASS_NUMBERS, false, false),
  CLASS_MASK(Array.CLASS_MASK, PER_CLASS, FLAGS, false, true),
  CLASS_WEIGHTS(Array.CLASS_WEIGHTS, ONE_ROW, NUMBERS, false, false),
  ROW_WEIGHTS(Array.ROW_WEIGHTS, PER_ROW, NUMBERS | FLAGS, false, true),
  SINK(Array.SINK, PER_ROW, NUMBERS, false, true),
  KNOWN_OUTPUT(Array.OUTPUT, PER_CLASS, NUMBERS, false, false),
  UPSTREAM(Array.UPSTREAM, PER_CLASS, NUMBERS, false, false),
  UPSTREAM_OF_ROWS(Array.UPSTREAM, PER_ROW, NUMBERS, false, false),
  OUTPUT_ARRAY(Array.OUTPUT, PER_CLASS, NUMBERS, true, false, Array.LOGITS),
  GRADIENT(Array.GRADIENT, PER_CLASS, NUMBERS, true, false, Array.LOGITS),
  SOFTMAX_GRADIENT(Array.GRADIENT, PER_CLASS, NUMBERS, true, false, Array.OUTPUT, Array.UPSTREAM),
  ELEMENT_GRADIENT(Array.GRADIENT, PER_CLASS, NUMBERS, true, false, Array.LOGITS, Array.UPSTREAM),
  LOSSES(Array.LOSSES, PER_ROW, NUMBERS, true, false),
  LOG_SUM_EXP(Array.LOG_SUM_EXP, PER_ROW, NUMBERS, true, false),
  CORRECT(Array.CORRECT, PER_ROW, FLAGS, true, false),
  LOG_PROBABILITIES(Array.LOG_PROBABILITIES, PER_ROW, NUMBERS, true, false),
  ARGMAX(Array.ARGMAX, PER_ROW, CLASS_NUMBERS, true, false),
  RANKS(Array.RANKS, PER_ROW, CLASS_NUMBERS, true, false),
  ENTROPIES(Array.ENTROPIES, PER_ROW, NUMBERS, true, false),
  TOP_CLASSES(Array.TOP_CLASSES, PER_TOP, CLASS_NUMBERS, true, false),
  TOP_LOG_PROBABILITIES(Array.TOP_LOG_PROBABILITIES, PER_TOP, NUMBERS, true, false),
  TARGET_GRADIENT(Array.TARGET_GRADIENT, OF_TARGETS, NUMBERS, true, false),
  BIAS(Array.BIAS, PER_CLASS, NUMBERS, false, true),
  PROMPT_TOKENS(Array.PROMPT_TOKENS, PER_PROMPT, LABELS, false, false),
  OUTPUT_TOKENS(Array.OUTPUT_TOKENS, PER_OUTPUT, LABELS, false, false),
  TOKENS(Array.TOKENS, PER_ROW, CLASS_NUMBERS, true, false),
  PROCESSED_LOG_PROBABILITIES(Array.PROCESSED_LOG_PROBABILITIES, PER_ROW, NUMBERS, true, false),
  KEPT(Array.KEPT, PER_ROW, CLASS_NUMBERS, true, false),
  KEPT_MASK(Array.KEPT_MASK, PER_CLASS, FLAGS, true, false),
  MASK_OF_TOKENS(Array.CLASS_MASK, PER_CLASS, FLAGS | WORDS, false, true),
  BIAS_TOKENS(Array.BIAS_TOKENS, PER_TARGET, LABELS, false, false),
  BIAS_VALUES(Array.BIAS_VALUES, PER_TARGET, NUMBERS, false, false),
  DRAFT_TOKENS(Array.DRAFT_TOKENS, PER_ROW, LABELS, false, false),
  DRAFT_PROBABILITIES(Array.DRAFT_PROBABILITIES, PER_CLASS, NUMBERS, false, false),
  ELEMENT_TARGETS(Array.TARGETS, PER_CLASS, LABELS | NUMBERS, false, false),
  ELEMENT_WEIGHTS(Array.ELEMENT_WEIGHTS, PER_CLASS, NUMBERS | FLAGS, false, true),
  POSITIVE_WEIGHTS(Array.POSITIVE_WEIGHTS, PER_CLASS, NUMBERS, false, true),
  ELEMENT_LOSSES(Array.LOSSES, PER_CLASS, NUMBERS, true, false),
  SELECTED_CLASSES(Array.TARGETS, OF_TARGETS, LABELS, false, false),
  SELECTED_UPSTREAM(Array.UPSTREAM, OF_TARGETS, NUMBERS, false, false),
  SELECTED_LOG_PROBABILITIES(Array.LOG_PROBABILITIES, OF_TARGETS, NUMBERS, true, false),
  HIDDEN(Array.HIDDEN, PER_FEATURE, NUMBERS, false, false),
  WEIGHTS(Array.WEIGHTS, OF_CLASSES, NUMBERS, false, false),
  BIAS_OF_CLASSES(Array.BIAS, ONE_ROW, NUMBERS, false, false),
  MADE_LOGITS(Array.LOGITS, PER_CLASS, NUMBERS, true, false),
  HIDDEN_GRADIENT(Array.HIDDEN_GRADIENT, PER_FEATURE, NUMBERS, true, false),
  WEIGHTS_GRADIENT(Array.WEIGHTS_GRADIENT, OF_CLASSES, NUMBERS, true, false),
  BIAS_GRADIENT(Array.BIAS_GRADIENT, ONE_ROW, NUMBERS, true, false),
  KNOWN_STATISTICS(Array.STATISTICS, RECORDS, 0, false, false),
  STATISTICS(Array.STATISTICS, RECORDS, 0, false, false),
  KNOWN_STATES(Array.STATES, RECORDS, 0, false, false),
  STATES(Array.STATES, RECORDS, 0, false, false),
  EXACT_SUM(Array.EXACT_SUM, RECORDS, 0, false, false),
  WORKSPACE(Array.WORKSPACE, RECORDS, 0, false, false);

  public final Array array;

  /** The items that it has numbers for. */
  public final Form form;

  /** The uses of arrays in {@link ElementType}, as a set; its type must have one of them. */
  public final int holds;

  public final boolean written;

  /** Whether several rows or classes may share one number. */
  public final boolean spread;

  private final long inPlace;

  Rule(Array array, Form form, int holds, boolean written, boolean spread, Array... inPlace) {
    this.array = array;
    this.form = form;
    this.holds = holds;
    this.written = written;
    this.spread = spread;
    long bits = 0;
    for (Array other : inPlace) {
      bits |= 1L << other.ordinal();
    }
    this.inPlace = bits;
  }

  /** Whether it may be the same memory as another array, to be written in place. */
  public boolean mayBe(Array other) {
    return (inPlace >> other.ordinal() & 1) != 0;
  }

  /** Whether an array of this type has one bit per class. */
  public boolean isOfBits(ElementType type) {
    return (holds & ElementType.WORDS) != 0 && type.holds(ElementType.WORDS);
  }
}
