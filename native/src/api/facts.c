/* SPDX-License-Identifier: Apache-2.0 */
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
    default: return "unknown status";
  }
}

const char *xent_field_name(int32_t field) {
  switch (field) {
    case XENT_FIELD_NONE: return "none";
    case XENT_FIELD_SHAPE: return "shape";
    case XENT_FIELD_OPTIONS: return "options";
    case XENT_FIELD_ROW_RANGE: return "row_range";
    case XENT_FIELD_CLASS_RANGE: return "class_range";
    case XENT_FIELD_LOGITS: return "logits";
    case XENT_FIELD_OUTPUT: return "output";
    case XENT_FIELD_GRADIENT: return "gradient";
    case XENT_FIELD_UPSTREAM: return "upstream";
    case XENT_FIELD_TARGETS: return "targets";
    case XENT_FIELD_LOSSES: return "losses";
    case XENT_FIELD_LOG_SUM_EXP: return "log_sum_exp";
    case XENT_FIELD_HITS: return "hits";
    case XENT_FIELD_STATISTICS: return "statistics";
    case XENT_FIELD_STATES: return "states";
    case XENT_FIELD_TALLY: return "tally";
    case XENT_FIELD_REPORT: return "report";
    case XENT_FIELD_CLASSES: return "classes";
    case XENT_FIELD_TARGET_WEIGHTS: return "target_weights";
    case XENT_FIELD_ROW_OFFSETS: return "row_offsets";
    case XENT_FIELD_CLASS_MASK: return "class_mask";
    case XENT_FIELD_CLASS_WEIGHTS: return "class_weights";
    case XENT_FIELD_ROW_WEIGHTS: return "row_weights";
    case XENT_FIELD_SINK: return "sink";
    case XENT_FIELD_LOG_PROBABILITIES: return "log_probabilities";
    case XENT_FIELD_ARGMAX: return "argmax";
    case XENT_FIELD_RANKS: return "ranks";
    case XENT_FIELD_ENTROPIES: return "entropies";
    case XENT_FIELD_TOP_CLASSES: return "top_classes";
    case XENT_FIELD_TOP_LOG_PROBABILITIES: return "top_log_probabilities";
    case XENT_FIELD_TARGET_GRADIENT: return "target_gradient";
    case XENT_FIELD_TEACHER: return "teacher";
    case XENT_FIELD_ISA: return "isa";
    case XENT_FIELD_FULLY_MASKED: return "fully_masked";
    case XENT_FIELD_IGNORE_INDEX: return "ignore_index";
    case XENT_FIELD_LABEL_SMOOTHING: return "label_smoothing";
    case XENT_FIELD_GRADIENT_SCALE: return "gradient_scale";
    case XENT_FIELD_SMOOTHING: return "smoothing";
    case XENT_FIELD_TEMPERATURE: return "temperature";
    case XENT_FIELD_SOFTCAP: return "softcap";
    case XENT_FIELD_Z_LOSS: return "z_loss";
    case XENT_FIELD_PROBABILITY_CLAMP: return "probability_clamp";
    case XENT_FIELD_TARGET_COUNT: return "target_count";
    case XENT_FIELD_TOP_COUNT: return "top_count";
    case XENT_FIELD_FIRST_CLASS: return "first_class";
    case XENT_FIELD_ALL_CLASSES: return "all_classes";
    default: return "unknown";
  }
}
