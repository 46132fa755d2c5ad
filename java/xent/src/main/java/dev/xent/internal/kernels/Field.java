// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: change what that reads, not this.
package dev.xent.internal.kernels;

/** What a status is about: the numbers of XENT_FIELD_..., which never change. */
public final class Field {
  public static final int NONE = 0;
  public static final int SHAPE = 1;
  public static final int OPTIONS = 2;
  public static final int ROW_RANGE = 3;
  public static final int CLASS_RANGE = 4;
  public static final int LOGITS = 5;
  public static final int OUTPUT = 6;
  public static final int GRADIENT = 7;
  public static final int UPSTREAM = 8;
  public static final int TARGETS = 9;
  public static final int LOSSES = 10;
  public static final int LOG_SUM_EXP = 11;
  public static final int CORRECT = 12;
  public static final int STATISTICS = 13;
  public static final int STATES = 14;
  public static final int EXACT_SUM = 15;
  public static final int REPORT = 16;
  public static final int CLASSES = 17;
  public static final int TARGET_WEIGHTS = 18;
  public static final int ROW_OFFSETS = 19;
  public static final int CLASS_MASK = 20;
  public static final int CLASS_WEIGHTS = 21;
  public static final int ROW_WEIGHTS = 22;
  public static final int SINK = 23;
  public static final int LOG_PROBABILITIES = 24;
  public static final int ARGMAX = 25;
  public static final int RANKS = 26;
  public static final int ENTROPIES = 27;
  public static final int TOP_CLASSES = 28;
  public static final int TOP_LOG_PROBABILITIES = 29;
  public static final int TARGET_GRADIENT = 30;
  public static final int TEACHER = 31;
  public static final int ISA = 32;
  public static final int FULLY_MASKED = 33;
  public static final int IGNORE_INDEX = 34;
  public static final int LABEL_SMOOTHING = 35;
  public static final int GRADIENT_SCALE = 36;
  public static final int SMOOTHING = 37;
  public static final int TEMPERATURE = 38;
  public static final int SOFTCAP = 39;
  public static final int Z_LOSS = 40;
  public static final int PROBABILITY_CLAMP = 41;
  public static final int TARGET_COUNT = 42;
  public static final int TOP_COUNT = 43;
  public static final int FIRST_CLASS = 44;
  public static final int ALL_CLASSES = 45;
  public static final int FOCAL_GAMMA = 46;
  public static final int FOCAL_ALPHA = 47;
  public static final int SAMPLING = 48;
  public static final int RULES = 49;
  public static final int TIES = 50;
  public static final int GREEDY = 51;
  public static final int MIN_KEEP = 52;
  public static final int TOP_K = 53;
  public static final int TOP_P = 54;
  public static final int MIN_P = 55;
  public static final int TYPICAL_P = 56;
  public static final int REPETITION_PENALTY = 57;
  public static final int FREQUENCY_PENALTY = 58;
  public static final int PRESENCE_PENALTY = 59;
  public static final int PROMPT_COUNT = 60;
  public static final int OUTPUT_COUNT = 61;
  public static final int BIAS = 62;
  public static final int PROMPT_TOKENS = 63;
  public static final int OUTPUT_TOKENS = 64;
  public static final int TOKENS = 65;
  public static final int PROCESSED_LOG_PROBABILITIES = 66;
  public static final int KEPT = 67;
  public static final int KEPT_MASK = 68;
  public static final int WORKSPACE = 69;
  public static final int ELEMENT_WEIGHTS = 70;
  public static final int POSITIVE_WEIGHTS = 71;
  public static final int FEATURES = 72;
  public static final int HIDDEN = 73;
  public static final int WEIGHTS = 74;
  public static final int HIDDEN_GRADIENT = 75;
  public static final int WEIGHTS_GRADIENT = 76;
  public static final int BIAS_GRADIENT = 77;
  public static final int BIAS_TOKENS = 78;
  public static final int BIAS_VALUES = 79;

  private Field() {}
}
