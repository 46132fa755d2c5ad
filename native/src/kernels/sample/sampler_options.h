/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by entry points and kernels: a row's options, and the memory that penalties take. */
#ifndef XENT_SAMPLER_OPTIONS_H
#define XENT_SAMPLER_OPTIONS_H

#include "kernels/stages/targets/entries.h"
#include "numerics/types.h"

/* Structs may be longer than this version's; all of a call have the size of the first. */
static inline const xent_sampling *sampling_of_row(const xent_call *call, int64_t row) {
  const char *first = (const char *)call->sampling;
  const int64_t size = (int64_t)call->sampling->size;
  return (const xent_sampling *)(const void *)(first + (call->sampling_per_row ? row * size : 0));
}

/* Whether top-k keeps every class that equals the k-th. */
static inline bool keeps_all_ties(const xent_sampling *s) {
  const bool of_rules = s->rules == XENT_RULES_TRANSFORMERS || s->rules == XENT_RULES_VLLM;
  return s->ties == XENT_TIES_OF_RULES ? of_rules : s->ties == XENT_TIES_ALL;
}

#define XENT_THEN(filter, then) (XENT_FILTER_##filter | (uint64_t)(then) << 8)

/* The filters in their order, one per byte from the lowest on. */
static inline uint64_t order_of(const xent_sampling *s) {
  static const uint64_t rules[] = {
      [XENT_RULES_XENT] = XENT_THEN(TEMPERATURE, XENT_THEN(TOP_N_SIGMA, XENT_THEN(TOP_K, XENT_THEN(TOP_P,
                          XENT_THEN(MIN_P, XENT_THEN(TYPICAL_P, XENT_THEN(XTC, 0))))))),
      [XENT_RULES_TRANSFORMERS] = XENT_THEN(TEMPERATURE, XENT_THEN(TOP_K, XENT_THEN(TOP_P, XENT_THEN(MIN_P,
                                  XENT_THEN(TYPICAL_P, 0))))),
      [XENT_RULES_VLLM] = XENT_THEN(TEMPERATURE, XENT_THEN(MIN_P, XENT_THEN(TOP_K, XENT_THEN(TOP_P, 0)))),
      [XENT_RULES_LLAMA_CPP] = XENT_THEN(TOP_N_SIGMA, XENT_THEN(TOP_K, XENT_THEN(TYPICAL_P, XENT_THEN(TOP_P,
                               XENT_THEN(MIN_P, XENT_THEN(XTC, XENT_THEN(TEMPERATURE, 0))))))),
      [XENT_RULES_ONNXRUNTIME_GENAI] = XENT_THEN(TEMPERATURE, XENT_THEN(TOP_K, XENT_THEN(TOP_P, 0)))};
  return s->order ? s->order : rules[s->rules];
}

/* Whether a filter is set and may remove classes. */
static inline bool has_filter(const xent_sampling *s, int filter) {
  switch (filter) {
    case XENT_FILTER_TOP_K: return s->top_k > 0;
    case XENT_FILTER_TOP_P: return s->top_p > 0 && s->top_p < 1;
    case XENT_FILTER_MIN_P: return s->min_p > 0;
    case XENT_FILTER_TYPICAL_P: return s->typical_p > 0 && s->typical_p < 1;
    case XENT_FILTER_TOP_N_SIGMA: return s->top_n_sigma > 0;
    case XENT_FILTER_XTC: return s->xtc_probability > 0;
    default: return false;
  }
}

/* Whether the temperature has a position among the filters; earlier filters use the weights of temperature 1. */
static inline bool has_temperature(uint64_t order) {
  for (; order; order >>= 8)
    if ((order & 255) == XENT_FILTER_TEMPERATURE) return true;
  return false;
}

/* The first filter that is set, 0 if no filter is set; *at_1: it uses the weights of temperature 1. */
static inline int first_filter(const xent_sampling *s, bool *at_1) {
  uint64_t left = order_of(s);
  *at_1 = has_temperature(left);
  for (; left; left >>= 8) {
    const int filter = (int)(left & 255);
    if (has_filter(s, filter)) return filter;
    *at_1 &= filter != XENT_FILTER_TEMPERATURE;
  }
  return 0;
}

/* The factor of a row's logits, and the softcap before it: scale * x capped at c is scale * (x capped at c / scale). */
static inline double scale_of_logits(const xent_sampling *s) { return s->scale == 0 ? 1 : s->scale; }
static inline double unscaled_softcap(const xent_call *call, const xent_sampling *s) {
  return call->options->softcap / scale_of_logits(s);
}

/* ---- the workspace: tables of the classes of a row's tokens and biases, then the flags of a mask of bits ---- */

/* The head of the workspace: what its first table has, so that the next call of a text checks and adds only its new
 * tokens. */
typedef struct {
  int64_t classes, prompt_count;
  int64_t checked; /* tokens of the prompt and outputs that were checked */
  uint64_t last;   /* a hash of the last of them, by which the workspace of another text is noticed */
  int64_t counted; /* as checked, but in the table; -1: it cannot be continued */
  int64_t with_prompt; /* whether the table has the tokens of the prompt */
  int64_t entries;
} table_head;

enum {
  TABLE_FEW = 16,  /* tokens that are inserted one by one, each in the time of moving the entries after it */
  TABLE_LAST = 16  /* tokens in the hash */
};

/* A class with its number of output tokens, or with its bias. */
typedef struct {
  int32_t class;
  union {
    int32_t count;
    float bias;
  };
} named_class;

/* A table: a bit per class that it has; for each word of bits the number of entries before it; then the entries, in the
 * order of the classes. More tokens move none of these. */
static inline int64_t table_words(int64_t classes) { return classes / 64 + (classes % 64 != 0); }
static inline uint64_t bytes_before_entries(int64_t classes) {
  const uint64_t words = (uint64_t)table_words(classes);
  return words * sizeof(uint64_t) + (words + words % 2) * sizeof(int32_t);
}
/* Room for both tables, which may have the same classes; tokens: of both. */
static inline uint64_t bytes_of_tables(int64_t classes, int64_t tokens) {
  const uint64_t entries = (uint64_t)(tokens < 2 * classes ? tokens : 2 * classes);
  return tokens < 1 ? 0 : sizeof(table_head) + 2 * bytes_before_entries(classes) + entries * sizeof(named_class);
}
static inline uint64_t bytes_of_flags(int64_t classes) { return ((uint64_t)classes + 7) / 8 * 8; }

/* The tokens of a row, fewer than 2^31 of the prompt and of the output, and the most with its biases. */
static inline int64_t prompt_of_row(const xent_call *call) {
  return call->prompt_tokens ? call->shape->prompt_count : 0;
}
static inline int64_t output_of_row(const xent_call *call) {
  return call->output_tokens ? call->shape->output_count : 0;
}
static inline int64_t tokens_of_row(const xent_call *call) {
  const int64_t tokens = prompt_of_row(call) + output_of_row(call);
  const int64_t biases = call->bias_tokens ? call->shape->target_count : 0;
  int64_t all;
  return __builtin_add_overflow(tokens, biases, &all) ? INT64_MAX : all;
}

/* Token i of a text: of its prompt, then of its outputs. */
static inline int64_t token_of_text(const xent_call *call, int64_t row, int64_t i) {
  const xent_shape *s = call->shape;
  const int64_t before = prompt_of_row(call);
  const void *tokens = i < before ? call->prompt_tokens : call->output_tokens;
  const xent_layout *l = i < before ? &s->prompt_tokens : &s->output_tokens;
  return load_label_at(tokens, l->type, row_offset(s, l, row) + (i < before ? i : i - before) * l->classes);
}
/* A hash of the last of the first `count` tokens of a text. */
static inline uint64_t hash_of_last(const xent_call *call, int64_t row, int64_t count) {
  uint64_t hash = 0;
  for (int64_t i = count > TABLE_LAST ? count - TABLE_LAST : 0; i < count; i++) {
    hash = (hash ^ (uint64_t)token_of_text(call, row, i)) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
  }
  return hash;
}
/* The first tokens of a text that were checked by an earlier call with its workspace; 0: none. Without tokens the
 * workspace has no tables, only the flags of a mask. */
static inline int64_t checked_tokens(const xent_call *call, int64_t row) {
  const table_head *head = call->workspace;
  const int64_t prompt = prompt_of_row(call);
  if (!call->continues || prompt + output_of_row(call) == 0) return 0;
  const int64_t known = head->checked;
  const bool fits = known > 0 && known >= prompt && known <= prompt + output_of_row(call) &&
                    head->classes == call->shape->classes && head->prompt_count == prompt;
  return fits && head->last == hash_of_last(call, row, known) ? known : 0;
}

/* Whether the mask has one bit per class instead of one byte. */
static inline bool has_mask_of_bits(const xent_call *call) {
  return call->class_mask && xent_element_type_of(call->shape->class_mask.type).holds & XENT_WORDS;
}

#endif
