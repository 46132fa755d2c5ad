/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of xent_options and xent_sampling that have a range: each is 0, or within it. C checks them in this
 * order. tools/functions.py writes the ranges and messages of Java and Python and the flags of the command from this
 * list, and compares the comments of xent.h and the tables of the pages with it. Integers that are not listed here may
 * have any value of their type.
 *
 *   _(c, member, XENT_FIELD_..., type, functions, traits, RECORDED, default, symbol, message, help, least, most, rules)
 *
 *   functions   XENT_FOR_...
 *   traits      XENT_WITH_..., XENT_ON_..., XENT_BY_...
 *   RECORDED    a backward needs the same value as the forward that wrote its statistics; RECORDED_IF_SET: the digest
 *               of statistics includes it only if it is not 0; otherwise UNRECORDED
 *   default     the meaning of 0; NONE: the option is not used. Java and Python accept 0 if it is the default, within
 *               a range of both signs, or if the message begins with it
 *   symbol      in the formulas of the pages
 *   message     the expected value in errors of Java and Python; % is the range, and "" the same
 *   help        of the flag of the command, in which % is the value; "" keeps it out of the flags
 *   rules       members of xent_number
 */
#ifndef XENT_OPTIONS_H
#define XENT_OPTIONS_H

/* The functions that have an option. Other functions reject it, except that functions
 * without targets ignore those of targets: XENT_OPTIONS_OF_ROWS. */
enum {
  XENT_FOR_SOFTMAX = 1, /* and log-sum-exp */
  XENT_FOR_LOSSES = 2,  /* cross-entropy and linear cross-entropy */
  XENT_FOR_SELECTED = 4,
  XENT_FOR_DIVERGENCES = 8,
  XENT_FOR_HVP = 16,
  XENT_FOR_BINARY = 32,
  XENT_FOR_SAMPLE = 64,
  XENT_FOR_SIGMOID = 128,
  XENT_FOR_ROWS = XENT_FOR_SOFTMAX | XENT_FOR_LOSSES | XENT_FOR_SELECTED | XENT_FOR_DIVERGENCES | XENT_FOR_HVP,
  XENT_FOR_GRADIENTS = XENT_FOR_LOSSES | XENT_FOR_SELECTED | XENT_FOR_DIVERGENCES | XENT_FOR_HVP | XENT_FOR_BINARY,
  XENT_FOR_ALL = 255
};

/* What the functions of losses and the paths of kernels/paths.h need to know about an option. */
enum {
  XENT_WITH_LABELS = 1, /* losses have it with class indices alone */
  XENT_ON_LOGITS = 2,   /* it changes logits before their exponential */
  XENT_ON_BACKWARD = 4, /* it changes a backward of softmax, of which it is part of the factor */
  XENT_ON_LOSSES = 8,   /* it changes losses and gradients of labels; a temperature, which may be 1, is tested alone */
  XENT_BY_ROWS = 16     /* only paths/generic computes it; other paths reject a call with it */
};

#define XENT_FACTOR 0x1p-32, 0x1p32 /* the powers up to the third, and those of the reciprocal, are normal floats */

#define XENT_CALL_OPTIONS(_, c) \
  _(c, fully_masked, FULLY_MASKED, I32, XENT_FOR_ROWS, 0, UNRECORDED, 0, "", "", "", \
    XENT_FULLY_MASKED_NAN, XENT_FULLY_MASKED_ZERO) \
  _(c, has_ignore_index, IGNORE_INDEX, I32, XENT_FOR_ALL, 0, UNRECORDED, 0, "", "", "", 0, 1) \
  _(c, label_smoothing, LABEL_SMOOTHING, F64, XENT_FOR_LOSSES, XENT_ON_LOSSES, RECORDED, 0, "ε", "", \
    "Targets become (1 - %) * target + % / classes", 0, 1) \
  _(c, gradient_scale, GRADIENT_SCALE, F64, XENT_FOR_GRADIENTS, 0, UNRECORDED, 1, "c", "", "", -DBL_MAX, DBL_MAX) \
  _(c, smoothing, SMOOTHING, I32, XENT_FOR_LOSSES, XENT_WITH_LABELS, RECORDED, 0, "h", "", "", \
    XENT_SMOOTHING_UNIFORM, XENT_SMOOTHING_OTHERS) \
  _(c, reserved, OPTIONS, U64, 0, XENT_BY_ROWS | XENT_ON_LOSSES, UNRECORDED, 0, "", "", "", 0, 0) \
  _(c, temperature, TEMPERATURE, F64, XENT_FOR_ROWS | XENT_FOR_SIGMOID, XENT_ON_BACKWARD, RECORDED, 1, "τ", "", \
    "Divide logits by %, after the softcap", XENT_FACTOR) \
  _(c, softcap, SOFTCAP, F64, XENT_FOR_SOFTMAX | XENT_FOR_LOSSES | XENT_FOR_SELECTED | XENT_FOR_SAMPLE, \
    XENT_ON_LOGITS, RECORDED, NONE, "s", "", "Replace logits by % * tanh(x / %)", XENT_FACTOR) \
  _(c, z_loss, Z_LOSS, F64, XENT_FOR_LOSSES, XENT_ON_LOSSES, RECORDED, 0, "ζ", "", \
    "Add % * lse^2 to the loss of every row", 0, DBL_MAX) \
  _(c, probability_clamp, PROBABILITY_CLAMP, F64, XENT_FOR_LOSSES, XENT_ON_LOSSES, UNRECORDED, NONE, "d", "", \
    "Clamp the probability of the target to [%, 1 - %] in losses, not in gradients", 0, 0.5, \
    .not_beside = XENT_SETS(label_smoothing)) \
  _(c, focal_gamma, FOCAL_GAMMA, F64, XENT_FOR_LOSSES | XENT_FOR_BINARY, XENT_ON_LOSSES | XENT_WITH_LABELS, \
    RECORDED_IF_SET, 0, "γ", "", \
    "Multiply losses by (1 - p)^%, p the probability of the label; labels only", 0, 0x1p32, \
    .not_beside = XENT_SETS(label_smoothing) | XENT_SETS(z_loss) | XENT_SETS(probability_clamp)) \
  _(c, focal_alpha, FOCAL_ALPHA, F64, XENT_FOR_BINARY, 0, UNRECORDED, NONE, "α", "", \
    "Weight % of positive targets, 1 - % of negative ones, instead of 1", 0, 1)

/* All members, those of a function, and those with a trait, as sets of kernels/present.h. */
#define XENT_OPTION(c, name, ...) | XENT_SETS(name)
#define XENT_LISTED (0 XENT_CALL_OPTIONS(XENT_OPTION, ))
#define XENT_OPTION_FOR(function, name, FIELD, kind, functions, ...) | ((functions) & (function) ? XENT_SETS(name) : 0)
#define XENT_OPTIONS_FOR(function) (0 XENT_CALL_OPTIONS(XENT_OPTION_FOR, function))
#define XENT_OPTION_WITH(trait, name, FIELD, kind, functions, traits, ...) | ((traits) & (trait) ? XENT_SETS(name) : 0)
#define XENT_OPTIONS_WITH(trait) (0 XENT_CALL_OPTIONS(XENT_OPTION_WITH, trait))

/* The choice of rules, ties and order, and the filters. */
#define XENT_SAMPLING_CHOICES(_, c) \
  _(c, rules, RULES, I32, XENT_FOR_SAMPLE, 0, RECORDED, 0, "", "", "", XENT_RULES_XENT, XENT_RULES_ONNXRUNTIME_GENAI) \
  _(c, ties, TIES, I32, XENT_FOR_SAMPLE, 0, RECORDED, 0, "", "", "", XENT_TIES_OF_RULES, XENT_TIES_ALL) \
  _(c, greedy, GREEDY, I32, XENT_FOR_SAMPLE, 0, RECORDED, 0, "", "", "", 0, 1) \
  _(c, reserved, SAMPLING, I32, 0, 0, UNRECORDED, 0, "", "", "", 0, 0) \
  _(c, min_keep, MIN_KEEP, I64, XENT_FOR_SAMPLE, 0, RECORDED, 1, "n", "", \
    "Every filter keeps at least % classes", 0, 0x1p63) \
  _(c, top_k, TOP_K, I64, XENT_FOR_SAMPLE, 0, RECORDED, 0, "k", "0, which keeps all classes, or more", \
    "Keep the % largest classes", 0, 0x1p63) \
  _(c, top_p, TOP_P, F64, XENT_FOR_SAMPLE, 0, RECORDED, 1, "p", "%, which keeps all classes", \
    "Keep the smallest set of most likely classes with the total probability %", 0, 1) \
  _(c, min_p, MIN_P, F64, XENT_FOR_SAMPLE, 0, RECORDED, 0, "p", "", \
    "Keep classes with at least % times the largest probability", 0, 1) \
  _(c, typical_p, TYPICAL_P, F64, XENT_FOR_SAMPLE, 0, RECORDED, 1, "p", "%, which keeps all classes", \
    "Keep the classes whose information is nearest to the entropy, with the total probability %", 0, 1) \
  _(c, top_n_sigma, TOP_N_SIGMA, F64, XENT_FOR_SAMPLE, 0, RECORDED, 0, "n", "", \
    "Keep classes at most % standard deviations below the largest logit; 0 keeps all", 0, 0x1p32) \
  _(c, xtc_probability, XTC_PROBABILITY, F64, XENT_FOR_SAMPLE, 0, RECORDED, 0, "p", "", \
    "With this chance, remove all classes above the least likely one that has at least --xtc-threshold", 0, 1) \
  _(c, xtc_threshold, XTC_THRESHOLD, F64, XENT_FOR_SAMPLE, 0, RECORDED, 0.1, "t", "", \
    "The probability of the classes that --xtc-probability removes", 0, 1)

/* Options that change the logits. */
#define XENT_SAMPLING_PENALTIES(_, c) \
  _(c, temperature, TEMPERATURE, F64, XENT_FOR_SAMPLE, 0, RECORDED, 1, "τ", "0, which takes the largest logit, or %", \
    "Divide logits by %", XENT_FACTOR) \
  _(c, repetition_penalty, REPETITION_PENALTY, F64, XENT_FOR_SAMPLE, 0, RECORDED, 1, "ρ", "%; 1 changes nothing", \
    "Divide positive logits of earlier tokens by %, multiply negative ones", FLT_MIN, FLT_MAX) \
  _(c, frequency_penalty, FREQUENCY_PENALTY, F64, XENT_FOR_SAMPLE, 0, RECORDED, 0, "f", "", \
    "Subtract % for each time that a class is among the output tokens", -FLT_MAX, FLT_MAX) \
  _(c, presence_penalty, PRESENCE_PENALTY, F64, XENT_FOR_SAMPLE, 0, RECORDED, 0, "p", "", \
    "Subtract % from classes that are among the output tokens", -FLT_MAX, FLT_MAX) \
  _(c, scale, SCALE, F64, XENT_FOR_SAMPLE, 0, RECORDED, 1, "λ", "", \
    "Multiply logits by %, before all else", XENT_FACTOR) \
  _(c, dynatemp_range, DYNATEMP_RANGE, F64, XENT_FOR_SAMPLE, 0, RECORDED, 0, "Δ", "", \
    "Let the entropy set the temperature: from T - %, at least 0, to T + %", 0, 0x1p32) \
  _(c, dynatemp_exponent, DYNATEMP_EXPONENT, F64, XENT_FOR_SAMPLE, 0, RECORDED, 1, "q", "", \
    "The exponent of the entropy in --dynatemp-range", XENT_FACTOR)

#endif
