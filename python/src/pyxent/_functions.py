# SPDX-License-Identifier: Apache-2.0
# Written by tools/functions.py: edit its sources, not this file.
"""The sizes and the layouts of xent_shape in their order, the rules of arrays, the functions of the core, options and their ranges."""
from __future__ import annotations

from ctypes import c_double, c_int32, c_int64, c_uint32, c_uint64
from typing import Any, NamedTuple, TypedDict

Fields = list[tuple[str, Any]]


class Rule(NamedTuple):
    array: str
    form: str  # what each number belongs to
    holds: str  # the types it may have
    spread: bool  # one number may apply to several rows or classes
    written: bool = False
    in_place: tuple[str, ...] = ()  # the inputs in whose memory it may be


class Function(NamedTuple):
    number: int
    has_classes: bool  # takes a range of classes
    arrays: list[str]  # in the order of its struct
    rules: list[str]  # of the arrays with a layout
    struct: list[int]  # its size, and offsets of members, or 0: _native.py


class Range(NamedTuple):
    least: float
    most: float
    takes_zero: bool
    unset: float | None  # the meaning of 0 in the struct
    fix: str  # in messages


class LogitNumbers(TypedDict, total=False):
    temperature: float | None
    softcap: float | None


class RareLossNumbers(TypedDict, total=False):
    z_loss: float | None
    probability_clamp: float | None
    focal_gamma: float | None


class LossNumbers(RareLossNumbers, total=False):
    label_smoothing: float | None


class SamplingNumbers(TypedDict, total=False):
    softcap: float | None
    min_keep: int | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float | None
    top_n_sigma: float | None
    xtc_probability: float | None
    xtc_threshold: float | None
    temperature: float | None
    scale: float | None
    dynatemp_range: float | None
    dynatemp_exponent: float | None


SIZES = ["outer", "classes", "inner", "target_count", "top_count", "first_class", "all_classes", "prompt_count",
         "output_count", "features"]

LAYOUTS = ["logits", "output", "gradient", "upstream", "targets", "losses", "log_sum_exp", "correct", "target_weights",
           "row_offsets", "class_mask", "class_weights", "row_weights", "sink", "log_probabilities", "argmax", "ranks",
           "entropies", "top_classes", "top_log_probabilities", "target_gradient", "teacher", "bias", "prompt_tokens",
           "output_tokens", "tokens", "processed_log_probabilities", "kept", "kept_mask", "element_weights",
           "positive_weights", "hidden", "weights", "hidden_gradient", "weights_gradient", "bias_gradient",
           "bias_tokens", "bias_values", "draft_tokens", "draft_probabilities"]

RULES = {
    "LOGITS": Rule("logits", "PER_CLASS", "NUMBERS", False),
    "TEACHER": Rule("teacher", "PER_CLASS", "NUMBERS", False),
    "TARGETS": Rule("targets", "OF_TARGETS", "LABELS | NUMBERS", False),
    "TARGET_WEIGHTS": Rule("target_weights", "PER_TARGET", "NUMBERS", False),
    "ROW_OFFSETS": Rule("row_offsets", "OFFSETS", "CLASS_NUMBERS", False),
    "CLASS_MASK": Rule("class_mask", "PER_CLASS", "FLAGS", True),
    "CLASS_WEIGHTS": Rule("class_weights", "ONE_ROW", "NUMBERS", False),
    "ROW_WEIGHTS": Rule("row_weights", "PER_ROW", "NUMBERS | FLAGS", True),
    "SINK": Rule("sink", "PER_ROW", "NUMBERS", True),
    "KNOWN_OUTPUT": Rule("output", "PER_CLASS", "NUMBERS", False),
    "UPSTREAM": Rule("upstream", "PER_CLASS", "NUMBERS", False),
    "UPSTREAM_OF_ROWS": Rule("upstream", "PER_ROW", "NUMBERS", False),
    "OUTPUT_ARRAY": Rule("output", "PER_CLASS", "NUMBERS", False, True, ("logits",)),
    "GRADIENT": Rule("gradient", "PER_CLASS", "NUMBERS", False, True, ("logits",)),
    "SOFTMAX_GRADIENT": Rule("gradient", "PER_CLASS", "NUMBERS", False, True, ("output", "upstream",)),
    "ELEMENT_GRADIENT": Rule("gradient", "PER_CLASS", "NUMBERS", False, True, ("logits", "upstream",)),
    "LOSSES": Rule("losses", "PER_ROW", "NUMBERS", False, True),
    "LOG_SUM_EXP": Rule("log_sum_exp", "PER_ROW", "NUMBERS", False, True),
    "CORRECT": Rule("correct", "PER_ROW", "FLAGS", False, True),
    "LOG_PROBABILITIES": Rule("log_probabilities", "PER_ROW", "NUMBERS", False, True),
    "ARGMAX": Rule("argmax", "PER_ROW", "CLASS_NUMBERS", False, True),
    "RANKS": Rule("ranks", "PER_ROW", "CLASS_NUMBERS", False, True),
    "ENTROPIES": Rule("entropies", "PER_ROW", "NUMBERS", False, True),
    "TOP_CLASSES": Rule("top_classes", "PER_TOP", "CLASS_NUMBERS", False, True),
    "TOP_LOG_PROBABILITIES": Rule("top_log_probabilities", "PER_TOP", "NUMBERS", False, True),
    "TARGET_GRADIENT": Rule("target_gradient", "OF_TARGETS", "NUMBERS", False, True),
    "BIAS": Rule("bias", "PER_CLASS", "NUMBERS", True),
    "PROMPT_TOKENS": Rule("prompt_tokens", "PER_PROMPT", "LABELS", False),
    "OUTPUT_TOKENS": Rule("output_tokens", "PER_OUTPUT", "LABELS", False),
    "TOKENS": Rule("tokens", "PER_ROW", "CLASS_NUMBERS", False, True),
    "PROCESSED_LOG_PROBABILITIES": Rule("processed_log_probabilities", "PER_ROW", "NUMBERS", False, True),
    "KEPT": Rule("kept", "PER_ROW", "CLASS_NUMBERS", False, True),
    "KEPT_MASK": Rule("kept_mask", "PER_CLASS", "FLAGS", False, True),
    "MASK_OF_TOKENS": Rule("class_mask", "PER_CLASS", "FLAGS | WORDS", True),
    "BIAS_TOKENS": Rule("bias_tokens", "PER_TARGET", "LABELS", False),
    "BIAS_VALUES": Rule("bias_values", "PER_TARGET", "NUMBERS", False),
    "DRAFT_TOKENS": Rule("draft_tokens", "PER_ROW", "LABELS", False),
    "DRAFT_PROBABILITIES": Rule("draft_probabilities", "PER_CLASS", "NUMBERS", False),
    "ELEMENT_TARGETS": Rule("targets", "PER_CLASS", "LABELS | NUMBERS", False),
    "ELEMENT_WEIGHTS": Rule("element_weights", "PER_CLASS", "NUMBERS | FLAGS", True),
    "POSITIVE_WEIGHTS": Rule("positive_weights", "PER_CLASS", "NUMBERS", True),
    "ELEMENT_LOSSES": Rule("losses", "PER_CLASS", "NUMBERS", False, True),
    "SELECTED_CLASSES": Rule("targets", "OF_TARGETS", "LABELS", False),
    "SELECTED_UPSTREAM": Rule("upstream", "OF_TARGETS", "NUMBERS", False),
    "SELECTED_LOG_PROBABILITIES": Rule("log_probabilities", "OF_TARGETS", "NUMBERS", False, True),
    "HIDDEN": Rule("hidden", "PER_FEATURE", "NUMBERS", False),
    "WEIGHTS": Rule("weights", "OF_CLASSES", "NUMBERS", False),
    "BIAS_OF_CLASSES": Rule("bias", "ONE_ROW", "NUMBERS", False),
    "MADE_LOGITS": Rule("logits", "PER_CLASS", "NUMBERS", False, True),
    "HIDDEN_GRADIENT": Rule("hidden_gradient", "PER_FEATURE", "NUMBERS", False, True),
    "WEIGHTS_GRADIENT": Rule("weights_gradient", "OF_CLASSES", "NUMBERS", False, True),
    "BIAS_GRADIENT": Rule("bias_gradient", "ONE_ROW", "NUMBERS", False, True),
}

FUNCTIONS = {
    "softmax": Function(1, True, ["logits", "output", "class_mask", "sink", "row_offsets", "statistics"],
        ["LOGITS", "OUTPUT_ARRAY", "CLASS_MASK", "SINK", "ROW_OFFSETS"],
        [288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160, 200, 240, 280]),
    "log_softmax": Function(2, True, ["logits", "output", "class_mask", "sink", "row_offsets", "statistics"],
        ["LOGITS", "OUTPUT_ARRAY", "CLASS_MASK", "SINK", "ROW_OFFSETS"],
        [288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160, 200, 240, 280]),
    "log_sum_exp": Function(3, False, ["logits", "log_sum_exp", "class_mask", "sink", "row_offsets"],
        ["LOGITS", "LOG_SUM_EXP", "CLASS_MASK", "SINK", "ROW_OFFSETS"],
        [256, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176, 216]),
    "softmax_backward": Function(4, True, ["output", "upstream", "gradient", "class_mask", "row_offsets", "statistics"],
        ["KNOWN_OUTPUT", "UPSTREAM", "SOFTMAX_GRADIENT", "CLASS_MASK", "ROW_OFFSETS"],
        [288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160, 200, 240, 280]),
    "log_softmax_backward": Function(5, True, ["output", "upstream", "gradient", "class_mask", "row_offsets",
        "statistics"],
        ["KNOWN_OUTPUT", "UPSTREAM", "SOFTMAX_GRADIENT", "CLASS_MASK", "ROW_OFFSETS"],
        [288, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160, 200, 240, 280]),
    "check_targets": Function(6, False, ["targets", "target_weights", "class_mask", "class_weights", "row_weights",
        "row_offsets", "exact_sum"],
        ["TARGETS", "TARGET_WEIGHTS", "CLASS_MASK", "CLASS_WEIGHTS", "ROW_WEIGHTS", "ROW_OFFSETS"],
        [320, 0, 48, 0, 0, 64, 0, 56, 0, 0, 0, 0, 0, 0, 72, 112, 152, 192, 232, 272, 312]),
    "cross_entropy": Function(7, False, ["logits", "targets", "losses", "log_sum_exp", "correct", "gradient",
        "target_weights", "class_mask", "class_weights", "row_weights", "sink", "log_probabilities", "argmax", "ranks",
        "entropies", "top_classes", "top_log_probabilities", "target_gradient", "row_offsets", "statistics",
        "exact_sum"],
        ["LOGITS", "TARGETS", "LOSSES", "LOG_SUM_EXP", "CORRECT", "GRADIENT", "TARGET_WEIGHTS", "CLASS_MASK",
         "CLASS_WEIGHTS", "ROW_WEIGHTS", "SINK", "LOG_PROBABILITIES", "ARGMAX", "RANKS", "ENTROPIES", "TOP_CLASSES",
         "TOP_LOG_PROBABILITIES", "TARGET_GRADIENT", "ROW_OFFSETS"],
        [848, 0, 48, 0, 0, 0, 0, 56, 64, 0, 0, 0, 0, 0, 72, 112, 152, 192, 232, 272, 312, 352, 392, 432, 472, 512, 552,
         592, 632, 672, 712, 752, 792, 832, 840]),
    "cross_entropy_backward": Function(8, True, ["logits", "targets", "upstream", "gradient", "target_weights",
        "class_mask", "class_weights", "row_weights", "row_offsets", "statistics"],
        ["LOGITS", "TARGETS", "UPSTREAM_OF_ROWS", "GRADIENT", "TARGET_WEIGHTS", "CLASS_MASK", "CLASS_WEIGHTS",
         "ROW_WEIGHTS", "ROW_OFFSETS"],
        [456, 0, 56, 0, 0, 0, 0, 64, 0, 72, 80, 0, 0, 0, 88, 128, 168, 208, 248, 288, 328, 368, 408, 448]),
    "selected_log_probabilities": Function(9, False, ["logits", "targets", "log_probabilities", "gradient", "upstream",
        "class_mask", "sink", "row_offsets", "statistics"],
        ["LOGITS", "SELECTED_CLASSES", "SELECTED_LOG_PROBABILITIES", "GRADIENT", "SELECTED_UPSTREAM", "CLASS_MASK",
         "SINK", "ROW_OFFSETS"],
        [392, 0, 48, 0, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 64, 104, 144, 184, 224, 264, 304, 344, 384]),
    "selected_log_probabilities_backward": Function(10, False, ["logits", "targets", "gradient", "upstream",
        "class_mask", "row_offsets", "statistics"],
        ["LOGITS", "SELECTED_CLASSES", "GRADIENT", "SELECTED_UPSTREAM", "CLASS_MASK", "ROW_OFFSETS"],
        [312, 0, 48, 0, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 64, 104, 144, 184, 224, 264, 304]),
    "kl_divergence": Function(11, False, ["logits", "teacher", "losses", "gradient", "class_mask", "row_weights",
        "exact_sum"],
        ["LOGITS", "TEACHER", "LOSSES", "GRADIENT", "CLASS_MASK", "ROW_WEIGHTS"],
        [304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176, 216, 256, 296]),
    "jensen_shannon_divergence": Function(12, False, ["logits", "teacher", "losses", "gradient", "class_mask",
        "row_weights", "exact_sum"],
        ["LOGITS", "TEACHER", "LOSSES", "GRADIENT", "CLASS_MASK", "ROW_WEIGHTS"],
        [304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176, 216, 256, 296]),
    "total_variation": Function(13, False, ["logits", "teacher", "losses", "gradient", "class_mask", "row_weights",
        "exact_sum"],
        ["LOGITS", "TEACHER", "LOSSES", "GRADIENT", "CLASS_MASK", "ROW_WEIGHTS"],
        [304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176, 216, 256, 296]),
    "cross_entropy_hvp": Function(14, False, ["logits", "upstream", "output", "class_mask", "row_weights", "sink",
        "row_offsets"],
        ["LOGITS", "UPSTREAM", "OUTPUT_ARRAY", "CLASS_MASK", "ROW_WEIGHTS", "SINK", "ROW_OFFSETS"],
        [336, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176, 216, 256, 296]),
    "sample": Function(15, False, ["logits", "tokens", "class_mask", "bias", "prompt_tokens", "output_tokens",
        "processed_log_probabilities", "kept", "kept_mask", "log_probabilities", "ranks", "entropies", "top_classes",
        "top_log_probabilities", "workspace", "bias_tokens", "bias_values", "draft_tokens", "draft_probabilities"],
        ["LOGITS", "TOKENS", "MASK_OF_TOKENS", "BIAS", "PROMPT_TOKENS", "OUTPUT_TOKENS", "PROCESSED_LOG_PROBABILITIES",
         "KEPT", "KEPT_MASK", "LOG_PROBABILITIES", "RANKS", "ENTROPIES", "TOP_CLASSES", "TOP_LOG_PROBABILITIES",
         "BIAS_TOKENS", "BIAS_VALUES", "DRAFT_TOKENS", "DRAFT_PROBABILITIES"],
        [840, 56, 64, 48, 672, 0, 60, 96, 72, 0, 0, 80, 88, 0, 104, 144, 184, 224, 264, 304, 344, 384, 424, 464, 504,
         544, 584, 624, 664, 680, 720, 760, 800]),
    "binary_cross_entropy": Function(16, False, ["logits", "targets", "losses", "gradient", "element_weights",
        "positive_weights", "exact_sum"],
        ["LOGITS", "ELEMENT_TARGETS", "ELEMENT_LOSSES", "GRADIENT", "ELEMENT_WEIGHTS", "POSITIVE_WEIGHTS"],
        [304, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136, 176, 216, 256, 296]),
    "linear_cross_entropy": Function(17, False, ["hidden", "weights", "bias", "logits", "targets", "target_weights",
        "class_mask", "class_weights", "row_weights", "sink", "losses", "log_sum_exp", "correct", "log_probabilities",
        "argmax", "ranks", "entropies", "top_classes", "top_log_probabilities", "target_gradient", "hidden_gradient",
        "weights_gradient", "bias_gradient", "statistics", "exact_sum", "workspace"],
        ["HIDDEN", "WEIGHTS", "BIAS_OF_CLASSES", "MADE_LOGITS", "TARGETS", "TARGET_WEIGHTS", "CLASS_MASK",
         "CLASS_WEIGHTS", "ROW_WEIGHTS", "SINK", "LOSSES", "LOG_SUM_EXP", "CORRECT", "LOG_PROBABILITIES", "ARGMAX",
         "RANKS", "ENTROPIES", "TOP_CLASSES", "TOP_LOG_PROBABILITIES", "TARGET_GRADIENT", "HIDDEN_GRADIENT",
         "WEIGHTS_GRADIENT", "BIAS_GRADIENT"],
        [1032, 0, 48, 0, 1024, 0, 0, 64, 72, 0, 0, 0, 0, 56, 80, 120, 160, 200, 240, 280, 320, 360, 400, 440, 480, 520,
         560, 600, 640, 680, 720, 760, 800, 840, 880, 920, 960, 1000, 1008, 1016]),
    "linear_cross_entropy_backward": Function(18, True, ["hidden", "weights", "bias", "logits", "targets",
        "target_weights", "class_mask", "class_weights", "row_weights", "upstream", "hidden_gradient",
        "weights_gradient", "bias_gradient", "statistics", "workspace"],
        ["HIDDEN", "WEIGHTS", "BIAS_OF_CLASSES", "LOGITS", "TARGETS", "TARGET_WEIGHTS", "CLASS_MASK", "CLASS_WEIGHTS",
         "ROW_WEIGHTS", "UPSTREAM_OF_ROWS", "HIDDEN_GRADIENT", "WEIGHTS_GRADIENT", "BIAS_GRADIENT"],
        [640, 0, 56, 0, 632, 0, 0, 72, 0, 80, 88, 0, 0, 64, 96, 136, 176, 216, 256, 296, 336, 376, 416, 456, 496, 536,
         576, 616, 624]),
    "linear_states": Function(19, True, ["hidden", "weights", "bias", "targets", "target_weights", "class_mask",
        "class_weights", "statistics", "states", "workspace"],
        ["HIDDEN", "WEIGHTS", "BIAS_OF_CLASSES", "TARGETS", "TARGET_WEIGHTS", "CLASS_MASK", "CLASS_WEIGHTS"],
        [408, 0, 56, 0, 400, 0, 0, 72, 0, 80, 88, 0, 0, 64, 96, 136, 176, 216, 256, 296, 336, 376, 384, 392]),
    "forward_states": Function(20, True, ["logits", "targets", "class_mask", "target_weights", "class_weights",
        "statistics", "states"],
        ["LOGITS", "TARGETS", "CLASS_MASK", "TARGET_WEIGHTS", "CLASS_WEIGHTS"],
        [304, 0, 56, 0, 0, 0, 0, 64, 0, 72, 80, 0, 0, 0, 88, 128, 168, 208, 248, 288, 296]),
    "backward_states": Function(21, True, ["output", "upstream", "class_mask", "states"],
        ["KNOWN_OUTPUT", "UPSTREAM", "CLASS_MASK"],
        [208, 0, 56, 0, 0, 0, 0, 0, 0, 64, 72, 0, 0, 0, 80, 120, 160, 200]),
    "finish": Function(22, False, ["targets", "losses", "log_sum_exp", "correct", "class_weights", "row_weights",
        "sink", "states", "statistics", "exact_sum"],
        ["TARGETS", "LOSSES", "LOG_SUM_EXP", "CORRECT", "CLASS_WEIGHTS", "ROW_WEIGHTS", "SINK"],
        [376, 68, 48, 0, 0, 64, 0, 56, 0, 0, 0, 0, 0, 0, 72, 112, 152, 192, 232, 272, 312, 352, 360, 368]),
    "sigmoid": Function(23, False, ["logits", "output"],
        ["LOGITS", "OUTPUT_ARRAY"],
        [136, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96]),
    "log_sigmoid": Function(24, False, ["logits", "output"],
        ["LOGITS", "OUTPUT_ARRAY"],
        [136, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96]),
    "sigmoid_backward": Function(25, False, ["logits", "upstream", "gradient"],
        ["LOGITS", "UPSTREAM", "ELEMENT_GRADIENT"],
        [176, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136]),
    "log_sigmoid_backward": Function(26, False, ["logits", "upstream", "gradient"],
        ["LOGITS", "UPSTREAM", "ELEMENT_GRADIENT"],
        [176, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 96, 136]),
}

XENT_OPTIONS: Fields = [("size", c_uint64), ("isa", c_int32), ("fully_masked", c_int32), ("has_ignore_index", c_int32),
    ("smoothing", c_int32), ("ignore_index", c_int64), ("reserved", c_uint64), ("label_smoothing", c_double),
    ("gradient_scale", c_double), ("temperature", c_double), ("softcap", c_double), ("z_loss", c_double),
    ("probability_clamp", c_double), ("focal_gamma", c_double), ("focal_alpha", c_double)]

XENT_SAMPLING: Fields = [("size", c_uint64), ("rules", c_int32), ("ties", c_int32), ("greedy", c_int32),
    ("reserved", c_int32), ("min_keep", c_int64), ("top_k", c_int64), ("top_p", c_double), ("min_p", c_double),
    ("typical_p", c_double), ("temperature", c_double), ("repetition_penalty", c_double),
    ("frequency_penalty", c_double), ("presence_penalty", c_double), ("seed", c_uint64), ("stream", c_uint64),
    ("step", c_uint32), ("draw", c_uint32), ("top_n_sigma", c_double), ("xtc_probability", c_double),
    ("xtc_threshold", c_double), ("order", c_uint64), ("scale", c_double), ("dynatemp_range", c_double),
    ("dynatemp_exponent", c_double)]

OPTIONS = {
    "label_smoothing": Range(0.0, 1.0, True, 0.0,
        "expected a number from 0 to 1"),
    "gradient_scale": Range(-1.7976931348623157e+308, 1.7976931348623157e+308, True, None,
        "expected a finite number"),
    "temperature": Range(2.3283064365386963e-10, 4294967296.0, False, 1.0,
        "expected a number from 2^-32 to 2^32"),
    "softcap": Range(2.3283064365386963e-10, 4294967296.0, False, None,
        "expected a number from 2^-32 to 2^32"),
    "z_loss": Range(0.0, 1.7976931348623157e+308, True, 0.0,
        "expected a finite number that is 0 or more"),
    "probability_clamp": Range(0.0, 0.5, False, None,
        "expected a number above 0, at most 0.5"),
    "focal_gamma": Range(0.0, 4294967296.0, True, 0.0,
        "expected a number from 0 to 2^32"),
    "focal_alpha": Range(0.0, 1.0, False, None,
        "expected a number above 0, at most 1"),
}

SAMPLING = {
    "min_keep": Range(1, 9.223372036854776e+18, False, 1.0,
        "expected 1 or more"),
    "top_k": Range(0.0, 9.223372036854776e+18, True, 0.0,
        "expected 0, which keeps all classes, or more"),
    "top_p": Range(0.0, 1.0, False, 1.0,
        "expected a number above 0, at most 1, which keeps all classes"),
    "min_p": Range(0.0, 1.0, True, 0.0,
        "expected a number from 0 to 1"),
    "typical_p": Range(0.0, 1.0, False, 1.0,
        "expected a number above 0, at most 1, which keeps all classes"),
    "top_n_sigma": Range(0.0, 4294967296.0, True, 0.0,
        "expected a number from 0 to 2^32"),
    "xtc_probability": Range(0.0, 1.0, True, 0.0,
        "expected a number from 0 to 1"),
    "xtc_threshold": Range(0.0, 1.0, False, 0.1,
        "expected a number above 0, at most 1"),
    "temperature": Range(2.3283064365386963e-10, 4294967296.0, True, 1.0,
        "expected 0, which takes the largest logit, or a number from 2^-32 to 2^32"),
    "repetition_penalty": Range(1.1754943508222875e-38, 3.4028234663852886e+38, False, 1.0,
        "expected a number from 2^-126 to 3.4e38; 1 changes nothing"),
    "frequency_penalty": Range(-3.4028234663852886e+38, 3.4028234663852886e+38, True, 0.0,
        "expected a number from -3.4e38 to 3.4e38"),
    "presence_penalty": Range(-3.4028234663852886e+38, 3.4028234663852886e+38, True, 0.0,
        "expected a number from -3.4e38 to 3.4e38"),
    "scale": Range(2.3283064365386963e-10, 4294967296.0, False, 1.0,
        "expected a number from 2^-32 to 2^32"),
    "dynatemp_range": Range(0.0, 4294967296.0, True, 0.0,
        "expected a number from 0 to 2^32"),
    "dynatemp_exponent": Range(2.3283064365386963e-10, 4294967296.0, False, 1.0,
        "expected a number from 2^-32 to 2^32"),
    "step": Range(0, 4294967295.0, True, 0,
        "expected a number from 0 to 4294967295"),
    "draw": Range(0, 4294967295.0, True, 0,
        "expected a number from 0 to 4294967295"),
}

NOT_BESIDE = {  # the numbers that an option excludes
    "probability_clamp": ["label_smoothing"],
    "focal_gamma": ["label_smoothing", "z_loss", "probability_clamp"],
}

OF_LABELS = ["focal_gamma"]  # numbers of losses with class indices alone
