/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/ways.h"
#include "xent.h"

uint32_t xent_abi_version(void) { return XENT_ABI_VERSION; }
uint32_t xent_numerics_version(void) { return XENT_NUMERICS_VERSION; }
const char *xent_version(void) { return XENT_VERSION; }

const char *xent_status_message(xent_status status) {
  switch (status) {
    case XENT_OK: return "done";
    case XENT_INVALID_ARGUMENT: return "an argument is NULL, misaligned, or a size or range that cannot be";
    case XENT_INVALID_SHAPE: return "a shape or stride that cannot be";
    case XENT_INVALID_OPTION: return "an option has a value that it cannot have";
    case XENT_INVALID_LABEL: return "a label is neither a class nor the ignore index";
    case XENT_OVERLAP: return "an output overlaps another array and is not in place";
    case XENT_UNSUPPORTED: return "a type, instruction set or option that this build does not have";
    case XENT_INVALID_SIZE: return "size of a struct is 0 or none that this build knows: set .size = sizeof the struct";
    case XENT_OUT_OF_STACK: return "the thread has less stack left than a call takes";
    default: return "unknown status";
  }
}

const char *xent_field_name(int32_t field) {
  static const char *const names[] = {
      [XENT_FIELD_NONE] = "none", [XENT_FIELD_SHAPE] = "shape", [XENT_FIELD_OPTIONS] = "options",
      [XENT_FIELD_ROW_RANGE] = "row_range", [XENT_FIELD_CLASS_RANGE] = "class_range", [XENT_FIELD_LOGITS] = "logits",
      [XENT_FIELD_OUTPUT] = "output", [XENT_FIELD_GRADIENT] = "gradient", [XENT_FIELD_UPSTREAM] = "upstream",
      [XENT_FIELD_TARGETS] = "targets", [XENT_FIELD_LOSSES] = "losses", [XENT_FIELD_LOG_SUM_EXP] = "log_sum_exp",
      [XENT_FIELD_HITS] = "hits", [XENT_FIELD_STATISTICS] = "statistics", [XENT_FIELD_STATES] = "states",
      [XENT_FIELD_TALLY] = "tally", [XENT_FIELD_REPORT] = "report", [XENT_FIELD_CLASSES] = "classes",
      [XENT_FIELD_TARGET_WEIGHTS] = "target_weights", [XENT_FIELD_ROW_OFFSETS] = "row_offsets",
      [XENT_FIELD_CLASS_MASK] = "class_mask", [XENT_FIELD_CLASS_WEIGHTS] = "class_weights",
      [XENT_FIELD_ROW_WEIGHTS] = "row_weights", [XENT_FIELD_SINK] = "sink",
      [XENT_FIELD_LOG_PROBABILITIES] = "log_probabilities", [XENT_FIELD_ARGMAX] = "argmax",
      [XENT_FIELD_RANKS] = "ranks", [XENT_FIELD_ENTROPIES] = "entropies", [XENT_FIELD_TOP_CLASSES] = "top_classes",
      [XENT_FIELD_TOP_LOG_PROBABILITIES] = "top_log_probabilities", [XENT_FIELD_TARGET_GRADIENT] = "target_gradient",
      [XENT_FIELD_TEACHER] = "teacher", [XENT_FIELD_ISA] = "isa", [XENT_FIELD_FULLY_MASKED] = "fully_masked",
      [XENT_FIELD_IGNORE_INDEX] = "ignore_index", [XENT_FIELD_LABEL_SMOOTHING] = "label_smoothing",
      [XENT_FIELD_GRADIENT_SCALE] = "gradient_scale", [XENT_FIELD_SMOOTHING] = "smoothing",
      [XENT_FIELD_TEMPERATURE] = "temperature", [XENT_FIELD_SOFTCAP] = "softcap", [XENT_FIELD_Z_LOSS] = "z_loss",
      [XENT_FIELD_PROBABILITY_CLAMP] = "probability_clamp", [XENT_FIELD_TARGET_COUNT] = "target_count",
      [XENT_FIELD_TOP_COUNT] = "top_count", [XENT_FIELD_FIRST_CLASS] = "first_class",
      [XENT_FIELD_ALL_CLASSES] = "all_classes",
      [XENT_FIELD_SAMPLING] = "sampling", [XENT_FIELD_RULES] = "rules", [XENT_FIELD_TIES] = "ties",
      [XENT_FIELD_GREEDY] = "greedy", [XENT_FIELD_MIN_KEEP] = "min_keep", [XENT_FIELD_TOP_K] = "top_k",
      [XENT_FIELD_TOP_P] = "top_p", [XENT_FIELD_MIN_P] = "min_p", [XENT_FIELD_TYPICAL_P] = "typical_p",
      [XENT_FIELD_REPETITION_PENALTY] = "repetition_penalty", [XENT_FIELD_FREQUENCY_PENALTY] = "frequency_penalty",
      [XENT_FIELD_PRESENCE_PENALTY] = "presence_penalty", [XENT_FIELD_PROMPT_COUNT] = "prompt_count",
      [XENT_FIELD_OUTPUT_COUNT] = "output_count", [XENT_FIELD_BIAS] = "bias",
      [XENT_FIELD_PROMPT_TOKENS] = "prompt_tokens", [XENT_FIELD_OUTPUT_TOKENS] = "output_tokens",
      [XENT_FIELD_TOKENS] = "tokens", [XENT_FIELD_PROCESSED_LOG_PROBABILITIES] = "processed_log_probabilities",
      [XENT_FIELD_KEPT] = "kept", [XENT_FIELD_KEPT_MASK] = "kept_mask", [XENT_FIELD_WORKSPACE] = "workspace",
      [XENT_FIELD_ELEMENT_WEIGHTS] = "element_weights", [XENT_FIELD_POSITIVE_WEIGHTS] = "positive_weights",
      [XENT_FIELD_FOCAL_GAMMA] = "focal_gamma", [XENT_FIELD_FOCAL_ALPHA] = "focal_alpha",
      [XENT_FIELD_FEATURES] = "features", [XENT_FIELD_HIDDEN] = "hidden", [XENT_FIELD_WEIGHTS] = "weights",
      [XENT_FIELD_HIDDEN_GRADIENT] = "hidden_gradient", [XENT_FIELD_WEIGHTS_GRADIENT] = "weights_gradient",
      [XENT_FIELD_BIAS_GRADIENT] = "bias_gradient",
  };
  return (uint32_t)field < sizeof names / sizeof *names && names[field] ? names[field] : "unknown";
}

const char *xent_way_name(int32_t way) {
  return (uint32_t)way < sizeof xent_way_names / sizeof *xent_way_names ? xent_way_names[way] : "unknown";
}
