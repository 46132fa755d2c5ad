/* SPDX-License-Identifier: Apache-2.0 */
#include "elements.h"

#include "arrays.h"

#define AT(member) offsetof(xent_shape, member)
static const fuzz_kind kinds[ARRAYS] = {
    [LOGITS] = {AT(logits), PER_CLASS, FLOATS, false},
    [OUTPUT] = {AT(output), PER_CLASS, FLOATS, true},
    [GRADIENT] = {AT(gradient), PER_CLASS, FLOATS, true},
    [UPSTREAM] = {AT(upstream), PER_CLASS, FLOATS, false},
    [TARGETS] = {AT(targets), PER_ROW, TARGET, false},
    [LOSSES] = {AT(losses), PER_ROW, FLOATS, true},
    [LOG_SUM_EXP] = {AT(log_sum_exp), PER_ROW, FLOATS, true},
    [CORRECT] = {AT(correct), PER_ROW, BYTES, true},
    [TARGET_WEIGHTS] = {AT(target_weights), PER_ENTRY, FLOATS, false},
    [ROW_OFFSETS] = {AT(row_offsets), PER_OFFSET, OFFSETS, false},
    [CLASS_MASK] = {AT(class_mask), PER_CLASS, BYTES, false},
    [CLASS_WEIGHTS] = {AT(class_weights), ONE_ROW, FLOATS, false},
    [ROW_WEIGHTS] = {AT(row_weights), PER_ROW, FLOATS_OR_BYTES, false},
    [SINK] = {AT(sink), PER_ROW, FLOATS, false},
    [LOG_PROBABILITIES] = {AT(log_probabilities), PER_ROW, FLOATS, true},
    [ARGMAX] = {AT(argmax), PER_ROW, CLASS_NUMBERS, true},
    [RANKS] = {AT(ranks), PER_ROW, CLASS_NUMBERS, true},
    [ENTROPIES] = {AT(entropies), PER_ROW, FLOATS, true},
    [TOP_CLASSES] = {AT(top_classes), PER_TOP, CLASS_NUMBERS, true},
    [TOP_LOG_PROBABILITIES] = {AT(top_log_probabilities), PER_TOP, FLOATS, true},
    [TARGET_GRADIENT] = {AT(target_gradient), PER_CLASS, FLOATS, true},
    [TEACHER] = {AT(teacher), PER_CLASS, FLOATS, false},
    [BIAS_OF_CLASSES] = {AT(bias), ONE_ROW, FLOATS, false},
    [WEIGHTS_GRADIENT] = {AT(weights_gradient), MATRIX, FLOATS, true},
    [BIAS_GRADIENT] = {AT(bias_gradient), ONE_ROW, FLOATS, true}};
static const fuzz_kind sampled_kinds[ARRAYS] = {
    [BIAS] = {AT(bias), PER_CLASS, FLOATS, false},
    [PROMPT_TOKENS] = {AT(prompt_tokens), PER_PROMPT, TARGET, false},
    [OUTPUT_TOKENS] = {AT(output_tokens), PER_OUTPUT, TARGET, false},
    [CLASS_MASK] = {AT(class_mask), PER_CLASS, BYTES_OR_WORDS, false},
    [BIAS_TOKENS] = {AT(bias_tokens), PER_ENTRY, TARGET, false},
    [BIAS_VALUES] = {AT(bias_values), PER_ENTRY, FLOATS, false},
    [DRAFT_TOKENS] = {AT(draft_tokens), PER_ROW, TARGET, false},
    [DRAFT_PROBABILITIES] = {AT(draft_probabilities), PER_CLASS, FLOATS, false},
    [TOKENS] = {AT(tokens), PER_ROW, CLASS_NUMBERS, true},
    [PROCESSED_LOG_PROBABILITIES] = {AT(processed_log_probabilities), PER_ROW, FLOATS, true},
    [KEPT] = {AT(kept), PER_ROW, CLASS_NUMBERS, true},
    [KEPT_MASK] = {AT(kept_mask), PER_CLASS, BYTES, true}};
static const fuzz_kind kinds_of_layer[ARRAYS] = {
    [HIDDEN] = {AT(hidden), PER_FEATURE, FLOATS, false},
    [WEIGHTS] = {AT(weights), MATRIX, FLOATS, false},
    [HIDDEN_GRADIENT] = {AT(hidden_gradient), PER_FEATURE, FLOATS, true},
    [LOGITS] = {AT(logits), PER_CLASS, FLOATS, true},
    [UPSTREAM] = {AT(upstream), PER_ROW, FLOATS, false}};

const fuzz_kind *kind_of(const fuzz_problem *p, int index) {
  if (p->linear && kinds_of_layer[index].layout) return &kinds_of_layer[index];
  return p->sampled && sampled_kinds[index].layout ? &sampled_kinds[index] : &kinds[index];
}

static size_t place_of_layout(const fuzz_problem *p, int index) {
  if (p->elementwise && index == ROW_WEIGHTS) return AT(element_weights);
  if (p->elementwise && index == SINK) return AT(positive_weights);
  return kind_of(p, index)->layout;
}
const xent_layout *layout_of_array(const fuzz_problem *p, int index) {
  return (const xent_layout *)(const void *)((const char *)&p->shape + place_of_layout(p, index));
}
xent_layout *layout_to_set(fuzz_problem *p, int index) {
  return (xent_layout *)(void *)((char *)&p->shape + place_of_layout(p, index));
}

static bool is_float_type(int32_t type) { return type >= XENT_F32 && type <= XENT_BF16; }

static bool is_word_type(int32_t type) { return type == XENT_I32 || type == XENT_U32; }

fuzz_extent extent_of(const fuzz_problem *p, int index) {
  if (p->selected && (index == TARGETS || index == UPSTREAM || index == LOG_PROBABILITIES))
    return p->shape.target_count ? PER_ENTRY : PER_ROW;
  if (p->elementwise) return PER_CLASS;
  if (p->sampled && index == CLASS_MASK && is_word_type(p->shape.class_mask.type)) return PER_WORD;
  if (p->sampled) return kind_of(p, index)->extent;
  if (index == TARGETS || index == TARGET_GRADIENT) {
    if (p->shape.target_count) return PER_ENTRY;
    return is_float_type(p->shape.targets.type) ? PER_CLASS : PER_ROW;
  }
  if (index == UPSTREAM && p->address[LOGITS] && !p->hessian && !p->linear) return PER_ROW; /* of cross-entropy */
  return kind_of(p, index)->extent;
}

int64_t rows_of(const fuzz_problem *p) {
  const xent_shape *s = &p->shape;
  const wide_int rows = s->outer < 0 || s->inner < 0 ? -1 : (wide_int)s->outer * s->inner;
  return rows > INT64_MAX ? -1 : (int64_t)rows;
}

int64_t row_offset(const fuzz_problem *p, int64_t row) {
  const array a = {.data = p->slots[ROW_OFFSETS].initial, .layout = p->shape.row_offsets};
  return a.layout.type == XENT_I32 ? ((const int32_t *)(const void *)a.data)[row]
                                   : ((const int64_t *)(const void *)a.data)[row];
}

int64_t entries_of(const fuzz_problem *p, fuzz_extent extent) {
  return extent == PER_CLASS || extent == ONE_ROW ? p->shape.classes
         : extent == PER_ENTRY                    ? p->shape.target_count
         : extent == PER_TOP                      ? p->shape.top_count
         : extent == PER_PROMPT                   ? p->shape.prompt_count
         : extent == PER_OUTPUT                   ? p->shape.output_count
         : extent == PER_WORD                     ? p->shape.classes / 32 + (p->shape.classes % 32 > 0)
         : extent == PER_FEATURE || extent == MATRIX ? p->shape.features
                                                  : 1;
}

/* Elements of all ragged rows of a call; at least 0. */
static int64_t ragged_elements(const fuzz_problem *p) {
  const int64_t outer = p->shape.outer, end = p->row_end < 0 || p->row_end > outer ? outer : p->row_end;
  const int64_t all = row_offset(p, outer), of_range = row_offset(p, end);
  const int64_t most = all > of_range ? all : of_range;
  return most < 0 ? 0 : most;
}

/* Bytes up to the end of the last element; -1 if they do not fit a room. */
static int64_t room_of(wide_int last, int64_t size) { return last < ROOM / 2 / size ? ((int64_t)last + 1) * size : -1; }

int64_t bytes_of_array(const fuzz_problem *p, int index) {
  const xent_layout *l = layout_of_array(p, index);
  const xent_shape *s = &p->shape;
  const fuzz_extent extent = extent_of(p, index);
  const int64_t size = (int64_t)size_of_type(l->type);
  if (extent == PER_OFFSET) return s->outer < 0 || s->outer > 4096 ? -1 : (s->outer + 1) * size;
  if (p->ragged && extent == PER_CLASS) {
    const int64_t n = ragged_elements(p);
    return l->classes < 0 ? 16 : n == 0 ? 0 : room_of((wide_int)(n - 1) * l->classes, size);
  }
  const int64_t entries = entries_of(p, extent);
  const bool rows = extent != ONE_ROW;
  if (extent == MATRIX) {
    if (s->classes < 1 || s->features < 1 || l->outer < 0 || l->classes < 0) return 16;
    return room_of((wide_int)(s->classes - 1) * l->outer + (wide_int)(s->features - 1) * l->classes, size);
  }
  const bool refused = s->outer < 0 || s->inner < 0 || entries < 0 || (rows && (l->outer < 0 || l->inner < 0)) ||
                       (extent != PER_ROW && l->classes < 0);
  if (refused) return 16;
  if ((rows && (s->outer == 0 || s->inner == 0)) || entries == 0) return 0;
  const wide_int last = (rows ? (wide_int)(s->outer - 1) * l->outer + (wide_int)(s->inner - 1) * l->inner : 0) +
                        (extent == PER_ROW ? 0 : (wide_int)(entries - 1) * l->classes);
  return room_of(last, size);
}

/* ---- which bytes are elements ---- */

static void mark_one(const fuzz_problem *p, int index, int64_t element, uint8_t *marks) {
  const size_t size = size_of_type(layout_of_array(p, index)->type);
  memset(marks + p->offset[index] + (size_t)element * size, 1, size);
}

void mark_elements(const fuzz_problem *p, int index, int64_t row_begin, int64_t row_end, int64_t class_begin,
                   int64_t class_end, uint8_t *marks) {
  const xent_layout *l = layout_of_array(p, index);
  const fuzz_extent extent = extent_of(p, index);
  const bool classes = extent == PER_CLASS;
  if (extent == ONE_ROW || extent == MATRIX) { /* per class, for all rows */
    for (int64_t class = class_begin; class < class_end; class++)
      for (int64_t k = 0; k < (extent == MATRIX ? p->shape.features : 1); k++)
        mark_one(p, index, extent == MATRIX ? class * l->outer + k * l->classes : class * l->classes, marks);
    return;
  }
  const int64_t entries = entries_of(p, extent), first = classes ? class_begin : 0,
                last = classes ? class_end : entries;
  for (int64_t row = row_begin; row < row_end; row++) {
    if (p->ragged && classes) {
      for (int64_t k = row_offset(p, row); k < row_offset(p, row + 1); k++) mark_one(p, index, k * l->classes, marks);
      continue;
    }
    const int64_t begin = row / p->shape.inner * l->outer + row % p->shape.inner * l->inner;
    for (int64_t k = first; k < last; k++) mark_one(p, index, begin + (extent == PER_ROW ? 0 : k * l->classes), marks);
  }
}
