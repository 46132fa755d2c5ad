/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include "arrays.h"
#include "elements.h"
#include "fill.h"

/* The row offsets, as far as memory holds them. */
void make_offsets(fuzz_problem *p, fuzz_input *in) {
  const int64_t outer = p->shape.outer, classes = p->shape.classes;
  const int32_t type = p->shape.row_offsets.type;
  if (type != XENT_I32 && type != XENT_I64) return;
  array a = {.data = p->slots[ROW_OFFSETS].initial, .layout = p->shape.row_offsets};
  random_source r = {p->seed ^ ROW_OFFSETS};
  int64_t at = chance(in, 32) ? below(in, 20) : 0;
  const bool short_rows = chance(in, 128);
  for (int64_t i = 0; i <= outer; i++) {
    if (type == XENT_I32)
      ((int32_t *)(void *)a.data)[i] = (int32_t)at;
    else
      ((int64_t *)(void *)a.data)[i] = at;
    const int64_t most = classes < 0 ? 0 : classes < 2000 ? classes : 2000;
    at += short_rows ? random_below(&r, (most < 8 ? most : 8) + 1) : random_below(&r, most + 1);
  }
  for (int changes = is_wild(p, in, 24) ? 2 : 0; changes > 0; changes--) {
    const int64_t i = below(in, outer < 255 ? outer + 1 : 256), number = wild_number(in);
    if (type == XENT_I32)
      ((int32_t *)(void *)a.data)[i] = (int32_t)number;
    else
      ((int64_t *)(void *)a.data)[i] = number;
  }
}

/* One of the arrays of the call. */
static int some_array(fuzz_input *in, uint32_t arrays) {
  int at = (int)below(in, ARRAYS);
  while (!(arrays & BIT(at)) && at < ARRAYS - 1) at++;
  return at;
}

/* Shares memory: in place, or overlapping another array. */
void share_memory(fuzz_problem *p, fuzz_input *in, uint32_t arrays) {
  static const int from[][2] = {{GRADIENT, LOGITS}, {OUTPUT, LOGITS}, {GRADIENT, OUTPUT}, {GRADIENT, UPSTREAM}};
  for (int i = 0; i < ARRAYS; i++) p->in_slot_of[i] = i;
  if (!p->linear && chance(in, 80)) {
    const int which = (int)below(in, 4), i = from[which][0], onto = from[which][1];
    if ((arrays & BIT(i)) && (arrays & BIT(onto))) {
      p->in_slot_of[i] = onto;
      if (!chance(in, 64)) *layout_to_set(p, i) = *layout_of_array(p, onto);
    }
  }
  if (is_wild(p, in, 16)) {
    const int i = some_array(in, arrays), onto = some_array(in, arrays);
    if ((arrays & BIT(i)) && (arrays & BIT(onto)) && p->in_slot_of[i] == i && p->in_slot_of[onto] == onto &&
        i != onto && i != ROW_OFFSETS) {
      p->in_slot_of[i] = onto;
      p->offset[i] = below(in, 8) * 8;
    }
  }
  for (int i = 0; i < ARRAYS; i++) /* one step, so that each slot belongs to one array */
    if (p->in_slot_of[p->in_slot_of[i]] != p->in_slot_of[i]) p->in_slot_of[i] = i, p->offset[i] = 0;
}

static void place_array(fuzz_problem *p, fuzz_input *in, int i) {
  int64_t bytes = p->bytes[i] < 0 ? 0 : p->bytes[i];
  for (int k = 0; k < ARRAYS; k++)
    if (k != i && p->in_slot_of[k] == i && p->address[k] && p->bytes[k] >= 0 && p->offset[k] + p->bytes[k] > bytes)
      bytes = p->offset[k] + p->bytes[k];
  const bool at_end = chance(in, 176);
  slot_place(&p->slots[i], bytes, at_end, is_wild(p, in, 3) ? 1 + below(in, 7) : 0);
}

void place_arrays(fuzz_problem *p, fuzz_input *in, uint32_t given) {
  for (int i = 0; i < ARRAYS; i++) {
    if (i == ROW_OFFSETS) continue;
    if (p->in_slot_of[i] == i)
      place_array(p, in, i);
    else
      slot_place(&p->slots[i], 0, false, 0);
  }
  for (int i = 0; i < ARRAYS; i++) {
    if (!(given & BIT(i))) continue;
    const fuzz_slot *s = &p->slots[p->in_slot_of[i]];
    p->address[i] = p->bytes[i] < 0 ? nowhere() : s->data + p->offset[i];
  }
}

static int64_t place_of_row(const fuzz_problem *p, const xent_layout *l, int64_t row) {
  return row / p->shape.inner * l->outer + row % p->shape.inner * l->inner;
}

/* Calls reject a label of a masked class. With a mask per row, few calls of many rows would be left. */
static void unmask_labels(fuzz_problem *p) {
  const xent_layout *of_masks = &p->shape.class_mask;
  const array labels = {.data = p->slots[TARGETS].initial, .layout = p->shape.targets};
  for (int64_t row = 0; row < rows_of(p); row++) {
    const double label = get_number(&labels, place_of_row(p, &labels.layout, row));
    if (label >= 0 && label < (double)p->shape.classes)
      p->slots[CLASS_MASK].initial[place_of_row(p, of_masks, row) + (int64_t)label * of_masks->classes] = 1;
  }
}

void fill_arrays(fuzz_problem *p, fuzz_input *in, uint32_t given) {
  const uint64_t styles = take(in, 8);
  p->raw = in->at;
  p->raw_bytes = (size_t)(in->end - in->at);
  for (int i = 0; i < ARRAYS; i++) {
    fuzz_slot *s = &p->slots[i];
    if (i == ROW_OFFSETS || p->in_slot_of[i] != i) continue;
    if (!(given & BIT(i)) || kind_of(p, i)->written)
      memset(s->initial, 0xc3, (size_t)s->bytes);
    else
      fill_array(p, i, s->initial, s->bytes, (unsigned)(styles >> i % 16 * 4 & 15));
  }
  const uint32_t both = BIT(TARGETS) | BIT(CLASS_MASK);
  if (p->path && (given & both) == both && !p->ragged && extent_of(p, TARGETS) == PER_ROW) unmask_labels(p);
}

/* ---- structs ---- */

static uint64_t read_struct_size(fuzz_input *in, size_t known) {
  if (!chance(in, 8)) return known;
  if (chance(in, 128)) return (uint64_t)wild_number(in);
  return known - 16 + (uint64_t)below(in, 8) * 8;
}

/* A struct with its size. If the size is accepted, the struct has that size in bytes, and one of the last ones may be
 * set. */
static void place_struct(fuzz_problem *p, fuzz_input *in, int slot, const void *from, size_t known, uint64_t size) {
  const bool is_read = size >= 64 && size <= 4096 && size % 8 == 0;
  const size_t bytes = is_read ? (size_t)size : known;
  slot_place(&p->slots[slot], (int64_t)bytes, true, chance(in, 2) ? 4 : 0);
  memcpy(p->slots[slot].initial, from, bytes < known ? bytes : known);
  memcpy(p->slots[slot].initial, &size, sizeof size);
  if (bytes > known && chance(in, 64)) p->slots[slot].initial[known + take(in, 2) % (bytes - known)] = 1;
  p->address[slot] = chance(in, 1) ? NULL : p->slots[slot].data;
}

static double share(fuzz_input *in) { return (double)(1 + below(in, 100)) / 100; }

static xent_sampling some_sampling(const fuzz_problem *p, fuzz_input *in) {
  xent_sampling s = xent_default_sampling();
  if (chance(in, 96)) s.rules = (int32_t)below(in, 5);
  if (chance(in, 64)) s.ties = (int32_t)below(in, 3);
  s.greedy = chance(in, 16);
  const bool genai = s.rules == XENT_RULES_ONNXRUNTIME_GENAI;
  if (chance(in, 32)) s.min_keep = below(in, 40);
  if (chance(in, 128)) s.top_k = chance(in, 96) ? (int64_t)take(in, 2) : 1 + below(in, 60);
  if (chance(in, 112)) s.top_p = share(in);
  if (chance(in, 80) && !genai) s.min_p = share(in) / 4;
  if (chance(in, 48) && !genai && s.rules != XENT_RULES_VLLM) s.typical_p = share(in);
  if (chance(in, 48) && (s.rules == XENT_RULES_XENT || s.rules == XENT_RULES_LLAMA_CPP)) {
    s.top_n_sigma = chance(in, 128) ? 4 * share(in) : 0;
    s.xtc_probability = chance(in, 128) ? share(in) : 0;
    s.xtc_threshold = share(in) / 4;
    if (chance(in, 128)) /* all filters, starting from a random one */
      for (int i = 0, first = (int)below(in, 7); i < 7; i++) s.order |= (uint64_t)(1 + (first + i) % 7) << 8 * i;
  }
  if (chance(in, 96)) s.temperature = (double)(1 + below(in, 48)) / 16;
  if (chance(in, 96)) s.repetition_penalty = (double)(1 + below(in, 32)) / 8;
  if (chance(in, 64)) s.frequency_penalty = (double)(below(in, 64) - 32) / 16;
  if (chance(in, 64)) s.presence_penalty = (double)(below(in, 64) - 32) / 16;
  if (chance(in, 48)) s.scale = (double)(1 + below(in, 48)) / 16;
  if (chance(in, 48)) s.dynatemp_range = (double)(1 + below(in, 48)) / 16;
  if (chance(in, 32)) s.dynatemp_exponent = (double)(1 + below(in, 48)) / 16;
  if (chance(in, 32)) s.draw = (uint32_t)take(in, 1);
  s.seed = p->seed;
  s.step = (uint32_t)take(in, 1);
  if (!is_wild(p, in, 16)) return s;
  double *const numbers[] = {&s.top_p, &s.min_p, &s.typical_p, &s.temperature, &s.repetition_penalty,
                             &s.frequency_penalty, &s.presence_penalty, &s.top_n_sigma, &s.xtc_probability,
                             &s.xtc_threshold, &s.scale, &s.dynatemp_range, &s.dynatemp_exponent};
  int32_t *const switches[] = {&s.rules, &s.ties, &s.greedy, &s.reserved};
  const int64_t which = below(in, 20);
  if (which < 13)
    *numbers[which] = wild_double(in);
  else if (which < 17)
    *switches[which - 13] = (int32_t)wild_number(in);
  else if (which == 17)
    s.order = (uint64_t)wild_number(in);
  else
    *(which == 18 ? &s.min_keep : &s.top_k) = wild_number(in);
  return s;
}

/* Sampling options, two structs for alternate rows if they are per row, and the workspace. */
static void place_sampling(fuzz_problem *p, fuzz_input *in, uint32_t given) {
  const uint64_t any = is_wild(p, in, 8) ? read_struct_size(in, sizeof(xent_sampling)) : sizeof(xent_sampling);
  const uint64_t size = any > 512 && any <= 4096 ? 512 : any;
  const bool is_read = size >= sizeof(xent_sampling) && size <= 512 && size % 8 == 0;
  const size_t stride = is_read ? (size_t)size : sizeof(xent_sampling);
  p->sampling_per_row = is_wild(p, in, 4) ? (int32_t)wild_number(in) : chance(in, 64);
  const xent_sampling two[] = {some_sampling(p, in), some_sampling(p, in)};
  const int64_t count = p->bytes[SAMPLING] > 0 && p->sampling_per_row ? rows_of(p) : 1;
  slot_place(&p->slots[SAMPLING], count * (int64_t)stride, true, chance(in, 3) ? 4 : 0);
  for (int64_t i = 0; i < count; i++) {
    xent_sampling s = two[i % 2];
    s.size = size;
    s.stream = p->sampling_per_row ? p->seed + (uint64_t)i : p->seed;
    memcpy(p->slots[SAMPLING].initial + (size_t)i * stride, &s, sizeof s);
  }
  const bool beyond = p->bytes[SAMPLING] < 0 && p->sampling_per_row;
  if (given & BIT(SAMPLING)) p->address[SAMPLING] = beyond ? nowhere() : p->slots[SAMPLING].data;
  const int64_t bytes = p->bytes[WORKSPACE] < 0 ? 0 : p->bytes[WORKSPACE];
  slot_place(&p->slots[WORKSPACE], bytes, true, chance(in, 3) ? 4 : 0);
  p->workspace_size = (uint64_t)bytes;
  if (bytes > 0 && is_wild(p, in, 8)) p->workspace_size = take(in, 2) % (uint64_t)bytes;
  p->address[WORKSPACE] = is_wild(p, in, 3) ? NULL : p->slots[WORKSPACE].data;
}

void place_structs(fuzz_problem *p, fuzz_input *in, uint32_t given) {
  const xent_report report = {0};
  const xent_exact_sum exact_sum = xent_empty_exact_sum();
  p->options.size = read_struct_size(in, sizeof(xent_options));
  place_struct(p, in, OPTIONS, &p->options, sizeof p->options, p->options.size);
  place_struct(p, in, REPORT, &report, sizeof report, read_struct_size(in, sizeof report));
  place_struct(p, in, EXACT_SUM, &exact_sum, sizeof exact_sum, chance(in,
      4) ? (uint64_t)wild_number(in) : sizeof exact_sum);
  if (!(given & BIT(REPORT))) p->address[REPORT] = NULL;
  if (!(given & BIT(EXACT_SUM))) p->address[EXACT_SUM] = NULL;
  slot_place(&p->slots[STATES], 0, true, 0);
  slot_place(&p->slots[WORKSPACE], 0, true, 0);
  if (p->sampled) {
    place_sampling(p, in, given);
    return;
  }
  if (p->linear) {
    const int64_t bytes = p->bytes[WORKSPACE] < 0 ? 0 : p->bytes[WORKSPACE];
    slot_place(&p->slots[WORKSPACE], bytes, true, chance(in, 3) ? 8 : 0);
    p->workspace_size = bytes > 0 && is_wild(p, in, 8) ? take(in, 3) % (uint64_t)bytes : (uint64_t)bytes;
    p->address[WORKSPACE] = is_wild(p, in, 3) ? NULL : p->slots[WORKSPACE].data;
  }
  for (int i = STATISTICS; i <= STATES; i++) {
    slot_place(&p->slots[i], p->bytes[i] < 0 ? 0 : p->bytes[i], true, chance(in, 3) ? 4 : 0);
    if (given & BIT(i)) p->address[i] = p->bytes[i] < 0 ? nowhere() : p->slots[i].data;
  }
}

uint64_t workspace_of_layer(const fuzz_problem *p) {
  void *const *a = p->address;
  const bool whole = a[ARGMAX] || a[RANKS] || a[ENTROPIES] || a[TOP_CLASSES] || a[TOP_LOG_PROBABILITIES] ||
                     a[TARGET_GRADIENT] || p->options.probability_clamp > 0;
  const int32_t contents = (a[HIDDEN_GRADIENT] ? XENT_WORKSPACE_HIDDEN_GRADIENT : 0) |
                           (a[WEIGHTS_GRADIENT] || a[BIAS_GRADIENT] ? XENT_WORKSPACE_WEIGHTS_GRADIENT : 0) |
                           (whole ? XENT_WORKSPACE_WHOLE_ROWS : 0) |
                           (p->least_workspace ? XENT_WORKSPACE_LEAST : XENT_WORKSPACE_LOGITS);
  const int64_t rows = p->row_end > p->row_begin && p->row_begin >= 0 ? p->row_end - p->row_begin : 0;
  return xent_linear_workspace(rows, p->shape.features, p->shape.classes, contents);
}
