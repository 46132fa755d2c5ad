/* SPDX-License-Identifier: Apache-2.0 */
/* Converts a point of the grid to a call: sizes, layouts, options, and the address of every array. */
#include "arrays.h"
#include "elements.h"
#include "fill.h"
#include "grid.h"
#include "place.h"

enum { MOST_ELEMENTS = 6000 };

static bool one_in(random_source *r, int64_t n) { return random_below(r, n) == 0; }

/* ---- sizes ---- */

/* The number of classes that fit with their gradients, on both sides of where vectors, panels and blocks end. */
static void choose_features(fuzz_problem *p, random_source *r) {
  static const int64_t features[] = {1, 2, 5, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 257};
  xent_shape *s = &p->shape;
  s->features = features[random_below(r, 14)];
  while (s->features > 1 && (s->features * s->classes > 8000 || s->features * s->outer * s->inner > 8000))
    s->features = s->features / 2;
}

static bool has_columns(int layout) {
  return layout == COLUMNS_DENSE || layout == COLUMNS_APART || layout == CLASSES_LAST;
}

/* The number of rows: for single rows, and enough for blocks and strips. */
static void choose_sizes(fuzz_problem *p, const grid_point *at, random_source *r) {
  static const int64_t rows[] = {1, 2, 3, 5, 13, 16, 17, 33, 40, 66}, inner[] = {2, 3, 16, 33, 64, 255, 256, 257, 300};
  xent_shape *s = &p->shape;
  *s = (xent_shape){.outer = 1, .classes = at->classes, .inner = 1};
  const bool columns = has_columns(at->layout) || (at->layout == EACH_ITS_OWN && one_in(r, 2));
  if (columns) {
    s->inner = one_in(r, 2) ? inner[random_below(r, 9)] : 2 + random_below(r, 129);
    while (s->inner > 2 && s->inner * s->classes > MOST_ELEMENTS) s->inner /= 2;
    if (s->inner * s->classes * 4 < MOST_ELEMENTS) s->outer = 1 + random_below(r, 3);
  } else {
    s->outer = rows[random_below(r, 10)];
    while (s->outer > 1 && s->outer * s->classes > MOST_ELEMENTS) s->outer /= 2;
  }
  p->row_begin = p->class_begin = 0;
  p->row_end = s->outer * s->inner;
  p->class_end = s->classes;
  if (p->row_end > 2 && one_in(r, 4)) {
    p->row_begin = 1;
    p->row_end -= 1;
  }
  const grid_function *f = &grid_functions[at->function];
  p->selected = f->selected;
  p->hessian = f->hessian;
  p->elementwise = f->elementwise;
  p->sampled = f->sampled;
  p->linear = f->linear;
  p->least_workspace = true;
  if (p->linear) choose_features(p, r);
  s->target_count = f->sparse ? 1 + random_below(r, 4) : 0;
  if (f->sampled) {
    s->prompt_count = 1 + random_below(r, 6);
    s->output_count = 1 + random_below(r, 9);
    s->target_count = 1 + random_below(r, 5);
  }
  s->top_count = 1 + random_below(r, 4);
  if (s->top_count > s->classes) s->top_count = s->classes;
}

/* Of the whole range of temperatures and softcaps; a power of two in half of the cases. */
static double any_factor(random_source *r) {
  const double power = 64 * random_unit(r) - 32;
  return exp2(one_in(r, 2) ? rint(power) : power);
}
static double any_heat(random_source *r) {
  return one_in(r, 3) ? 2 : one_in(r, 5) ? any_factor(r) : exp(1.5 * (double)random_normal(r));
}

/* Other numbers in the place of those that are set, and scales. */
static void widen_options(xent_options *o, const grid_point *at, random_source *r) {
  static const double scales[] = {1, 0.25, -1.0 / 3, 1e-30, 1e-38, 3e-45, 1e-307, 5e-320, 1e30, -0.0};
  const bool scaled = at->function > LOG_SOFTMAX_BACKWARD && at->function < SIGMOID;
  if (scaled && one_in(r, 2)) o->gradient_scale = scales[random_below(r, 10)];
  if (o->temperature != 0 || (at->function >= SIGMOID && one_in(r, 2))) o->temperature = any_heat(r);
  if (o->softcap != 0) o->softcap = one_in(r, 2) ? 30 : one_in(r, 8) ? any_factor(r) : 1 + 50 * random_unit(r);
  if (o->z_loss != 0) o->z_loss = random_unit(r);
  if (o->label_smoothing > 0 && one_in(r, 2))
    o->label_smoothing = one_in(r, 2) ? 1 - ldexp(random_unit(r), -(int)random_below(r, 40)) : random_unit(r);
  if (o->probability_clamp > 0 && one_in(r, 2))
    o->probability_clamp = one_in(r, 5) ? 0x1p-1060 : 0.5 * random_unit(r) + 1e-9;
  if (o->focal_gamma > 0 && one_in(r, 2)) o->focal_gamma = 8 * random_unit(r) + 0x1p-20;
  if (o->focal_alpha > 0 && one_in(r, 2)) o->focal_alpha = one_in(r, 4) ? 1 : random_unit(r) + 0x1p-60;
}

static void widen_counts(xent_shape *s, const grid_point *at, random_source *r) {
  const bool many = one_in(r, s->classes > XENT_CHUNK ? 2 : 20);
  const int64_t most = !many ? 9 : at->function == SELECTED ? 24 : 2100;
  if (grid_functions[at->function].sparse && s->outer * s->inner < 20) s->target_count = 1 + random_below(r, most);
  if (grid_functions[at->function].elementwise && one_in(r, 8)) s->target_count = 1; /* which elements do not have */
  if (one_in(r, 6)) s->top_count = 1 + random_below(r, s->classes < 1100 ? s->classes : 1100);
}

/* Plain ones, or those that make a call general. */
static void choose_options(fuzz_problem *p, const grid_point *at, random_source *r) {
  xent_options *o = &p->options;
  *o = xent_default_options();
  p->any_isa = true;
  o->fully_masked = (int32_t)random_below(r, 2);
  const bool classes = !grid_functions[at->function].probabilities,
             labels = classes && !grid_functions[at->function].sparse;
  if (at->function == EXACT_SUM_OF_VALUES) return;
  if (p->elementwise) {
    o->fully_masked = XENT_FULLY_MASKED_NAN;
    if (at->function >= SIGMOID) return;
    o->has_ignore_index = labels && one_in(r, 2);
    o->ignore_index = -100;
    if (one_in(r, 3)) o->gradient_scale = -0.25;
    if (one_in(r, 3)) o->focal_gamma = one_in(r, 2) ? 2 : 0.3;
    if (one_in(r, 3)) o->focal_alpha = 0.25;
    return;
  }
  if (p->sampled) {
    o->fully_masked = XENT_FULLY_MASKED_NAN;
    if (one_in(r, 4)) o->softcap = 20;
    return;
  }
  if (at->function == SELECTED) {
    o->has_ignore_index = at->layout == RAGGED || one_in(r, 2);
    o->ignore_index = -100;
    o->softcap = one_in(r, 2) ? 0 : 20;
    return;
  }
  if (at->function == DIVERGENCE || at->function == HVP) {
    o->temperature = one_in(r, 2) ? 0 : 2.5;
    return;
  }
  o->has_ignore_index = classes && (at->layout == RAGGED || one_in(r, 2)); /* which rows of no class have */
  o->ignore_index = -100;
  if (one_in(r, 3)) o->label_smoothing = one_in(r, 4) ? 1 : 0.1;
  if (one_in(r, 3)) o->gradient_scale = one_in(r, 3) ? 1e-40 : -0.25;
  if (!one_in(r, 4)) return;
  if (one_in(r, 2)) o->temperature = 0.7;
  if (one_in(r, 2) && !(grid_functions[at->function].needed & BIT(UPSTREAM))) o->softcap = 20;
  if (one_in(r, 2)) o->z_loss = 1e-3;
  if (labels && o->label_smoothing > 0 && one_in(r, 2)) o->smoothing = XENT_SMOOTHING_OTHERS;
  const bool whole = at->function < PARTS_OF_SOFTMAX; /* sums of parts do not contain the clamped terms */
  if ((labels || whole) && o->label_smoothing == 0 && one_in(r, 3)) o->probability_clamp = 0.01;
  const bool plain = o->label_smoothing == 0 && o->z_loss == 0 && o->probability_clamp == 0;
  if (labels && plain && one_in(r, 2)) o->focal_gamma = 2;
}

/* ---- layouts ---- */

static int32_t float_type(int types, random_source *r, bool computed) {
  static const int32_t narrow[] = {XENT_F32, XENT_F16, XENT_BF16};
  switch (types) {
    case ALL_F16: return XENT_F16;
    case ALL_BF16: return XENT_BF16;
    case ALL_F64: return XENT_F64;
    case MIXED_NARROW: return narrow[random_below(r, 3)];
    case MIXED_WIDE: return computed || one_in(r, 2) ? XENT_F64 : XENT_F32;
    default: return XENT_F32;
  }
}

static int32_t type_of(const fuzz_problem *p, const grid_point *at, int index, random_source *r) {
  static const int32_t labels[] = {XENT_I64, XENT_I32, XENT_U32, XENT_U64, XENT_I16, XENT_U16, XENT_I8, XENT_U8};
  if (p->linear && index == LOGITS) return XENT_F32;
  const bool computed = index == LOGITS || (index == OUTPUT && at->function > LSE) || index == OUTPUT;
  switch (kind_of(p, index)->types) {
    case BYTES: return XENT_U8;
    case BYTES_OR_WORDS: return one_in(r, 2) ? XENT_U8 : one_in(r, 2) ? XENT_I32 : XENT_U32;
    case CLASS_NUMBERS:
    case OFFSETS: return one_in(r, 2) ? XENT_I32 : XENT_I64;
    case TARGET:
      if (grid_functions[at->function].probabilities) break;
      return labels[random_below(r, at->classes > INT16_MAX ? 4 : at->classes > INT8_MAX ? 6 : 8)];
    case FLOATS_OR_BYTES:
      if (one_in(r, 4)) return XENT_U8;
      break;
    default: break;
  }
  if (at->function == EXACT_SUM_OF_VALUES) return at->types == ALL_F64 ? XENT_F64 : XENT_F32;
  if (at->function == HVP && index == OUTPUT)
    return at->types == ALL_F64 || at->types == MIXED_WIDE ? XENT_F64 : XENT_F32;
  return float_type(at->types, r, computed);
}

static xent_layout layout_as(int layout, const xent_shape *s, fuzz_extent extent, int64_t entries, int32_t type) {
  const bool matrix = extent == MATRIX, one_row = extent == ONE_ROW;
  const int64_t inner = matrix ? 1 : s->inner, outer = matrix ? s->classes : s->outer;
  switch (layout) {
    case ROWS_APART: return (xent_layout){entries * inner + 3, one_row ? 1 : inner, 1, type, 0};
    case COLUMNS_APART: return (xent_layout){entries * (inner + 3), one_row ? 1 : inner + 3, 1, type, 0};
    case GAPS_EVERYWHERE: return (xent_layout){entries * inner * 2, one_row ? 2 : inner * 2, 2, type, 0};
    case COLUMNS_OF_ROWS: return (xent_layout){1, one_row ? 1 : outer, entries * outer, type, 0};
    case CLASSES_LAST: return (xent_layout){entries * inner, 1, entries, type, 0};
    default: return (xent_layout){entries * inner, one_row ? 1 : inner, 1, type, 0};
  }
}

/* Inputs whose rows, or elements, repeat. */
static void repeat(fuzz_problem *p, const grid_point *at, random_source *r) {
  static const int inputs[] = {LOGITS, UPSTREAM, TARGETS, ROW_WEIGHTS, SINK};
  xent_layout *mask = layout_to_set(p, CLASS_MASK), *sink = layout_to_set(p, SINK);
  if (one_in(r, 6) && at->layout != RAGGED && !p->elementwise) mask->outer = mask->inner = 0;
  if (one_in(r, 6) && !p->elementwise) sink->outer = sink->inner = 0;
  if (p->hessian && at->layout != RAGGED && one_in(r, 10)) layout_to_set(p, UPSTREAM)->classes = 0;
  for (int i = 0; p->elementwise && i < 5; i++) {
    xent_layout *l = layout_to_set(p, inputs[i]);
    int64_t *const steps[] = {&l->outer, &l->classes, &l->inner};
    if (one_in(r, 4)) *steps[random_below(r, 3)] = 0;
  }
}

static void choose_layouts(fuzz_problem *p, const grid_point *at, random_source *r) {
  static const int of_rows[] = {ROWS_DENSE, ROWS_APART, GAPS_EVERYWHERE, COLUMNS_OF_ROWS},
                   of_columns[] = {COLUMNS_DENSE, COLUMNS_APART, GAPS_EVERYWHERE, CLASSES_LAST};
  for (int i = 0; i < ARRAYS; i++) layout_to_set(p, i)->type = type_of(p, at, i, r); /* targets say what others are */
  for (int i = 0; i < ARRAYS; i++) {
    const fuzz_extent extent = extent_of(p, i);
    const int layout =
        at->layout != EACH_ITS_OWN ? at->layout : (p->shape.inner > 1 ? of_columns : of_rows)[random_below(r, 4)];
    *layout_to_set(p, i) = layout_as(layout, &p->shape, extent, entries_of(p, extent), layout_of_array(p, i)->type);
  }
}

/* ---- memory ---- */

static const int shared_with[FUNCTIONS][2] = {
    [SOFTMAX] = {OUTPUT, LOGITS}, [LOG_SOFTMAX] = {OUTPUT, LOGITS}, [PARTS_OF_SOFTMAX] = {OUTPUT, LOGITS},
    [SOFTMAX_BACKWARD] = {GRADIENT, OUTPUT}, [LOG_SOFTMAX_BACKWARD] = {GRADIENT, OUTPUT},
    [PARTS_OF_BACKWARD] = {GRADIENT, OUTPUT}, [PARTS_OF_LOG_BACKWARD] = {GRADIENT, OUTPUT},
    [LABELS_WITH_GRADIENT] = {GRADIENT, LOGITS}, [PROBABILITIES_WITH_GRADIENT] = {GRADIENT, LOGITS},
    [PARTS_OF_LABELS] = {GRADIENT, LOGITS}, [PARTS_OF_PROBABILITIES] = {GRADIENT, LOGITS},
    [PARTS_OF_SPARSE] = {GRADIENT, LOGITS}, [DIVERGENCE] = {GRADIENT, LOGITS},
    [HVP] = {OUTPUT, LOGITS}, [SIGMOID] = {OUTPUT, LOGITS}, [LOG_SIGMOID] = {OUTPUT, LOGITS},
    [SIGMOID_BACKWARD] = {GRADIENT, LOGITS}, [LOG_SIGMOID_BACKWARD] = {GRADIENT, LOGITS},
    [BINARY_OF_LABELS] = {GRADIENT, LOGITS}, [BINARY_OF_NUMBERS] = {GRADIENT, LOGITS}};

/* The written array takes the memory and the layout of what it replaces. */
static bool share(fuzz_problem *p, const grid_point *at, uint32_t given) {
  for (int i = 0; i < ARRAYS; i++) p->in_slot_of[i] = i;
  if (at->place == BESIDE) return true;
  const int written = shared_with[at->function][0];
  int other = shared_with[at->function][1];
  if (at->place == IN_PLACE_OF_UPSTREAM) {
    if (other != OUTPUT && at->function < SIGMOID_BACKWARD) return false;
    other = UPSTREAM;
  }
  if (written == other || !(given & BIT(written)) || !(given & BIT(other))) return false;
  p->in_slot_of[written] = other;
  if (at->function == HVP && layout_of_array(p, written)->type != layout_of_array(p, other)->type) return false;
  *layout_to_set(p, written) = *layout_of_array(p, other);
  return true;
}

static void choose_offsets(fuzz_problem *p, const grid_point *at, random_source *r) {
  fuzz_slot *s = &p->slots[ROW_OFFSETS];
  const int64_t size = (int64_t)size_of_type(p->shape.row_offsets.type);
  slot_place(s, (p->shape.outer + 1) * size, at->at_end, at->shift * size % 64);
  array a = {.data = s->initial, .layout = p->shape.row_offsets};
  int64_t end = one_in(r, 2) ? 0 : random_below(r, 5);
  for (int64_t i = 0; i <= p->shape.outer; i++) {
    set_number(&a, i, (double)end);
    end += one_in(r, 8) ? random_below(r, at->classes + 1) : at->classes;
  }
  p->address[ROW_OFFSETS] = s->data;
}

static xent_sampling some_sampling(random_source *r) {
  static const int32_t rules[] = {XENT_RULES_XENT, XENT_RULES_TRANSFORMERS, XENT_RULES_LLAMA_CPP};
  xent_sampling s = xent_default_sampling();
  s.rules = rules[random_below(r, 3)];
  s.greedy = one_in(r, 8);
  if (one_in(r, 4)) s.min_keep = 1 + random_below(r, 30);
  if (one_in(r, 2)) s.top_k = 1 + random_below(r, one_in(r, 2) ? 60 : 9000);
  if (one_in(r, 2)) s.top_p = one_in(r, 2) ? 0.9 : 1e-9;
  if (one_in(r, 3)) s.min_p = 0.05;
  if (one_in(r, 4)) s.typical_p = 0.8;
  if (one_in(r, 4) && s.rules != XENT_RULES_TRANSFORMERS) s.top_n_sigma = 2;
  if (one_in(r, 4) && s.rules != XENT_RULES_TRANSFORMERS) s.xtc_probability = 1;
  if (one_in(r, 2)) s.temperature = one_in(r, 4) ? 0x1p-32 : 0.7;
  if (one_in(r, 2)) s.repetition_penalty = 1.3;
  if (one_in(r, 2)) s.frequency_penalty = 0.25;
  if (one_in(r, 3)) s.presence_penalty = -0.5;
  if (one_in(r, 4)) s.scale = one_in(r, 2) ? 0x1p-32 : 1.5;
  if (one_in(r, 4)) s.dynatemp_range = 0.5;
  s.seed = random_bits(r);
  return s;
}

/* One for all rows, or each its own; and the workspace. */
static void place_sampling(fuzz_problem *p, const grid_point *at, random_source *r) {
  p->sampling_per_row = one_in(r, 2);
  const int64_t count = p->sampling_per_row ? rows_of(p) : 1;
  slot_place(&p->slots[SAMPLING], count * (int64_t)sizeof(xent_sampling), at->at_end, at->shift * 8 % 64);
  for (int64_t i = 0; i < count; i++) {
    const xent_sampling s = some_sampling(r);
    memcpy(p->slots[SAMPLING].initial + (size_t)i * sizeof s, &s, sizeof s);
  }
  const int64_t tokens = (p->address[PROMPT_TOKENS] ? p->shape.prompt_count : 0) +
                         (p->address[OUTPUT_TOKENS] ? p->shape.output_count : 0) +
                         (p->address[BIAS_TOKENS] ? p->shape.target_count : 0);
  p->workspace_size = xent_sample_workspace(p->shape.classes, tokens);
  if (p->address[CLASS_MASK] && extent_of(p, CLASS_MASK) == PER_WORD)
    p->workspace_size += ((uint64_t)p->shape.classes + 7) / 8 * 8;
  slot_place(&p->slots[WORKSPACE], (int64_t)p->workspace_size, at->at_end, at->shift * 8 % 64);
  p->address[SAMPLING] = p->slots[SAMPLING].data;
  p->address[WORKSPACE] = p->slots[WORKSPACE].data;
}

static bool place(fuzz_problem *p, const grid_point *at, uint32_t given, random_source *r) {
  for (int i = 0; i < ARRAYS; i++) {
    p->bytes[i] = given & BIT(i) ? bytes_of_array(p, i) : 0;
    if (p->bytes[i] < 0) return false;
  }
  for (int i = 0; i < ARRAYS; i++) {
    const int64_t size = (int64_t)size_of_type(layout_of_array(p, i)->type);
    if (i != ROW_OFFSETS)
      slot_place(&p->slots[i], p->in_slot_of[i] == i ? p->bytes[i] : 0, at->at_end, at->shift * size % 64);
  }
  for (int i = 0; i < ARRAYS; i++) p->address[i] = given & BIT(i) ? p->slots[p->in_slot_of[i]].data : NULL;
  fuzz_input usual = {NULL, NULL};
  if (p->sampled) {
    p->bytes[SAMPLING] = p->bytes[WORKSPACE] = 0;
    place_structs(p, &usual, given);
    place_sampling(p, at, r);
    return true;
  }
  const int64_t rows = rows_of(p), chunks = xent_chunks(p->shape.classes);
  p->bytes[STATISTICS] = rows * (int64_t)sizeof(xent_statistics);
  p->bytes[STATES] = (p->row_end - p->row_begin) * chunks * (int64_t)sizeof(xent_state);
  p->bytes[WORKSPACE] = p->linear ? (int64_t)workspace_of_layer(p) : 0;
  if (p->bytes[WORKSPACE] > ROOM - 64) return false;
  place_structs(p, &usual, given);
  for (int i = STATISTICS; i <= STATES; i++) {
    slot_place(&p->slots[i], p->bytes[i], at->at_end, at->shift * 8 % 64);
    p->address[i] = given & BIT(i) ? p->slots[i].data : NULL;
  }
  slot_place(&p->slots[WORKSPACE], p->bytes[WORKSPACE], at->at_end, 0);
  p->address[WORKSPACE] = p->slots[WORKSPACE].data;
  p->workspace_size = (uint64_t)p->bytes[WORKSPACE];
  return true;
}

/* ---- contents ---- */

int64_t element_of(const fuzz_problem *p, int index, int64_t row, int64_t entry) {
  const xent_layout *l = layout_of_array(p, index);
  if (extent_of(p, index) == ONE_ROW) return entry * l->classes;
  if (p->ragged && extent_of(p, index) == PER_CLASS) return (row_offset(p, row) + entry) * l->classes;
  return row / p->shape.inner * l->outer + row % p->shape.inner * l->inner +
         (extent_of(p, index) == PER_ROW ? 0 : entry * l->classes);
}

/* Lawful ones: classes that the row has and that are not masked, and the number that is ignored. */
static void fill_labels(fuzz_problem *p, random_source *r) {
  array labels = {.data = p->slots[TARGETS].initial, .layout = p->shape.targets};
  const int64_t entries = p->shape.target_count ? p->shape.target_count : 1;
  for (int64_t row = 0; row < rows_of(p); row++) {
    const int64_t classes = p->ragged ? row_offset(p, row + 1) - row_offset(p, row) : p->shape.classes;
    for (int64_t k = 0; k < entries; k++) {
      const bool ignored = classes == 0 || (p->options.has_ignore_index && one_in(r, 4));
      const int64_t label = ignored ? p->options.ignore_index
                                    : random_below(r, classes < 128 || labels.layout.type > XENT_U8 ? classes : 128);
      set_number(&labels, element_of(p, TARGETS, row, k), (double)label);
      if (!ignored && p->address[CLASS_MASK]) p->slots[CLASS_MASK].initial[element_of(p, CLASS_MASK, row, label)] = 1;
    }
  }
}

static bool has_sign(int32_t type) {
  return type == XENT_I8 || type == XENT_I16 || type == XENT_I32 || type == XENT_I64;
}

/* Classes, and -1 where the type has it. */
static void fill_tokens(fuzz_problem *p, int index, int64_t count, random_source *r) {
  array tokens = {.data = p->slots[index].initial, .layout = *layout_of_array(p, index)};
  const int64_t classes = p->shape.classes, most = classes < 128 ? classes : 128;
  for (int64_t row = 0; p->address[index] && row < rows_of(p); row++)
    for (int64_t k = 0; k < count; k++) {
      const bool none = has_sign(tokens.layout.type) && one_in(r, 4);
      set_number(&tokens, element_of(p, index, row, k), none ? -1 : (double)random_below(r, most));
    }
}

/* A draft of each row, or -1, and the probability that it was drawn with. */
static void fill_drafts(fuzz_problem *p, random_source *r) {
  fill_tokens(p, DRAFT_TOKENS, 1, r);
  if (!p->address[DRAFT_TOKENS] || !p->address[DRAFT_PROBABILITIES]) return;
  const array tokens = {.data = p->slots[DRAFT_TOKENS].initial, .layout = *layout_of_array(p, DRAFT_TOKENS)};
  array drawn = {.data = p->slots[DRAFT_PROBABILITIES].initial, .layout = *layout_of_array(p, DRAFT_PROBABILITIES)};
  for (int64_t row = 0; row < rows_of(p); row++) {
    const double token = get_number(&tokens, element_of(p, DRAFT_TOKENS, row, 0));
    if (token < 0) continue;
    set_number(&drawn, element_of(p, DRAFT_PROBABILITIES, row, (int64_t)token), (double)(1 + random_below(r, 8)) / 8);
  }
}

/* Rows of every kind; in doubles with digits that no float has. */
static void fill_rows(fuzz_problem *p, int index, random_source *r) {
  array a = {.data = p->slots[p->in_slot_of[index]].initial, .layout = *layout_of_array(p, index)};
  float *x = must_allocate((size_t)(p->shape.classes + 1) * sizeof *x);
  const double digits = a.layout.type == XENT_F64 ? 0x1p-24 : 0;
  const bool plain = one_in(r, 3);
  for (int64_t row = 0; row < rows_of(p); row++) {
    const int64_t n = p->ragged ? row_offset(p, row + 1) - row_offset(p, row) : p->shape.classes;
    const int kind = plain || one_in(r, 2) ? 0 : (int)random_below(r, ROW_KINDS);
    if (n > 0) fill_row(x, n, kind, r);
    for (int64_t k = 0; k < n; k++)
      set_number(&a, element_of(p, index, row, k), (double)x[k] * (1 + digits * (random_unit(r) - 0.5)));
  }
  free(x);
}

static void fill(fuzz_problem *p, const grid_point *at, uint32_t given, random_source *r) {
  const uint32_t written = grid_functions[at->function].written | BIT(GRADIENT);
  p->seed = at->seed;
  p->raw_bytes = 0;
  for (int i = 0; i < ARRAYS; i++) {
    fuzz_slot *s = &p->slots[i];
    const bool weights = i == TARGETS || i == TARGET_WEIGHTS || i == CLASS_WEIGHTS || i == ROW_WEIGHTS;
    const unsigned style = weights ? (one_in(r, 2) ? 0 : 10) : (unsigned)random_below(r, 15);
    if (i == ROW_OFFSETS || !(given & BIT(i)) || p->in_slot_of[i] != i) continue;
    if (written & BIT(i))
      memset(s->initial, 0xc3, (size_t)s->bytes);
    else
      fill_array(p, i, s->initial, s->bytes, style);
  }
  if (at->wider && (given & BIT(LOGITS)) && !p->linear && !p->elementwise) fill_rows(p, LOGITS, r);
  if (p->sampled) {
    fill_tokens(p, PROMPT_TOKENS, p->shape.prompt_count, r);
    fill_tokens(p, OUTPUT_TOKENS, p->shape.output_count, r);
    fill_tokens(p, BIAS_TOKENS, p->shape.target_count, r);
    fill_drafts(p, r);
    return;
  }
  const bool labels = (given & BIT(TARGETS)) && !grid_functions[at->function].probabilities;
  if (labels && !p->elementwise) fill_labels(p, r);
}

/* An array that may be there: all of them for every fourth point. */
static uint32_t choose_arrays(const grid_function *f, bool ragged, random_source *r) {
  const uint32_t biases = f->sampled ? BIT(BIAS_TOKENS) | BIT(BIAS_VALUES) : 0; /* both, or none */
  const uint32_t drafts = f->sampled ? BIT(DRAFT_TOKENS) | BIT(DRAFT_PROBABILITIES) : 0;
  const uint32_t asked =
      one_in(r, 4) ? UINT32_MAX : (uint32_t)random_bits(r) & (one_in(r, 2) ? UINT32_MAX : (uint32_t)random_bits(r));
  uint32_t given = f->needed | (f->optional & asked);
  if ((given & biases) != biases) given &= ~biases;
  if ((given & drafts) != drafts) given &= ~drafts;
  given = ragged ? given | BIT(ROW_OFFSETS) : given & ~BIT(ROW_OFFSETS);
  return given;
}

bool grid_problem(fuzz_problem *p, const grid_point *at) {
  const grid_function *f = &grid_functions[at->function];
  const bool ragged = at->layout == RAGGED;
  if (ragged && !f->ragged) return false;
  if (f->linear && (at->types == ALL_F64 || at->types == MIXED_WIDE)) return false;
  if (at->function == EXACT_SUM_OF_VALUES && at->layout != ROWS_DENSE && at->layout != ROWS_APART &&
      at->layout != GAPS_EVERYWHERE)
    return false;
  if (f->sampled && (at->types == ALL_F64 || at->types == MIXED_WIDE)) return false;
  random_source r = {at->seed};
  memset(p->offset, 0, sizeof p->offset);
  memset(p->address, 0, sizeof p->address);
  choose_sizes(p, at, &r);
  choose_options(p, at, &r);
  if (at->wider) widen_options(&p->options, at, &r), widen_counts(&p->shape, at, &r);
  const uint32_t given = choose_arrays(f, ragged, &r);
  for (int i = 0; i < ARRAYS; i++) p->address[i] = given & BIT(i) ? nowhere() : NULL; /* there, for extent_of */
  choose_layouts(p, at, &r);
  if (at->wider && at->place == BESIDE) repeat(p, at, &r);
  if (p->options.has_ignore_index && !has_sign(p->shape.targets.type)) p->options.ignore_index = UINT8_MAX;
  if (!share(p, at, given)) return false;
  p->ragged = ragged;
  if (ragged)
    choose_offsets(p, at, &r);
  else
    slot_place(&p->slots[ROW_OFFSETS], 0, false, 0);
  if (!place(p, at, given, &r)) return false;
  fill(p, at, given, &r);
  grid_function_now = at->function;
  const bool parts = at->function >= PARTS_OF_SOFTMAX && at->function <= PARTS_OF_LOG_BACKWARD,
             unknown = (f->probabilities || f->sparse) && (given & BIT(CLASS_MASK)) && p->options.label_smoothing > 0;
  grid_shards = at->wider && parts && !unknown && one_in(&r, 2);
  return true;
}
