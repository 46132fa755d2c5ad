/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classes of a row's tokens, and those of its biases, in two tables of the workspace:
 *   for each token: set the bit of its class
 *   for each bit that is set: append an entry
 *   for each token: find the entry of its class, and count the token
 * In a call that adds a few tokens to those that the first table has, each is inserted instead.
 */
#ifndef XENT_SAMPLE_TOKENS_H
#define XENT_SAMPLE_TOKENS_H

#include "kernels/stages/load/row_source.h"
#include "kernels/sample/sampler_options.h"

typedef struct {
  int64_t classes, count; /* of the entries */
  uint64_t *words;
  int32_t *before; /* entries before a word */
  named_class *entries;
} token_table;

/* A row's tokens [begin, end). Tokens were checked, but memory may change, so they are checked again when they are
 * read. */
typedef struct {
  const void *at;
  int64_t first, stride, begin, end, classes;
  int32_t type;
} token_list;

XENT_INLINE token_list tokens_of(const xent_call *call, const void *at, const xent_layout *l, int64_t row,
                                 int64_t begin, int64_t end) {
  const xent_shape *s = call->shape;
  return (token_list){.at = at, .first = row_offset(s, l, row), .stride = l->classes, .begin = begin,
                      .end = at ? end : begin, .classes = s->classes, .type = l->type};
}

/* The class of entry i; -1: it is not a class. */
XENT_INLINE int64_t class_of_token(const token_list *l, int64_t i, const int32_t type) {
  const int64_t class = load_label_at(l->at, type, l->first + i * l->stride);
  return class >= 0 && class < l->classes ? class : -1;
}

XENT_INLINE uint64_t bit_of(int64_t class) { return UINT64_C(1) << class % 64; }

/* The number of entries of the classes before one; at most all, so that they are within the workspace. */
XENT_INLINE int64_t entry_of(const token_table *t, int64_t class) {
  if (class >= t->classes || t->count == 0) return t->count;
  const int64_t i = t->before[class / 64] + __builtin_popcountll(t->words[class / 64] & (bit_of(class) - 1));
  return i >= 0 && i < t->count ? i : t->count;
}

/* A table that has no entries yet, in memory that may have others. */
XENT_INLINE token_table table_at(int64_t classes, void *at) {
  token_table t = {.classes = classes, .words = at};
  t.before = (int32_t *)(void *)(t.words + table_words(classes));
  t.entries = (named_class *)(void *)((char *)at + bytes_before_entries(classes));
  return t;
}

XENT_INLINE void take_tokens_of(token_table *t, const token_list *l, const bool marks, const int32_t type) {
  for (int64_t i = l->begin; i < l->end; i++) {
    const int64_t class = class_of_token(l, i, type);
    if (class >= 0 && marks) t->words[class / 64] |= bit_of(class);
    if (class < 0 || marks) continue;
    const int64_t at = entry_of(t, class);
    if (at < t->count) t->entries[at].count++; /* else another thread writes the workspace */
  }
}
XENT_INLINE void take_tokens(token_table *t, const token_list *l, const bool marks) {
  if (l->type == XENT_I32)
    take_tokens_of(t, l, marks, XENT_I32);
  else
    take_tokens_of(t, l, marks, l->type);
}

/* Makes the entries of the classes of two lists. In most parts of a row no bit is set. */
XENT_SHARED void make_entries(token_table *t, const token_list *a, const token_list *b) {
  enum { PART = 8 };
  const int64_t words = table_words(t->classes);
  memset(t->words, 0, (size_t)words * sizeof *t->words);
  take_tokens(t, a, true);
  take_tokens(t, b, true);
  for (int64_t begin = 0; begin < words; begin += PART) {
    const int64_t end = begin + PART < words ? begin + PART : words;
    uint64_t any = end - begin < PART;
    for (int i = 0; i < PART && !any; i++) any |= t->words[begin + i];
    for (int i = 0; i < PART && !any; i++) t->before[begin + i] = (int32_t)t->count;
    for (int64_t word = begin; word < end && any; word++) {
      t->before[word] = (int32_t)t->count;
      for (uint64_t bits = t->words[word]; bits; bits &= bits - 1)
        t->entries[t->count++] = (named_class){(int32_t)(word * 64 + __builtin_ctzll(bits)), {0}};
    }
  }
}

/* Inserts an entry for a class, unless there is one. */
XENT_INLINE void insert_class(token_table *t, int64_t class) {
  const int64_t word = class / 64, words = table_words(t->classes), at = entry_of(t, class);
  if (t->words[word] & bit_of(class) || t->count >= t->classes) return;
  memmove(t->entries + at + 1, t->entries + at, (size_t)(t->count - at) * sizeof *t->entries);
  t->entries[at] = (named_class){(int32_t)class, {0}};
  t->count++;
  t->words[word] |= bit_of(class);
  for (int64_t i = word + 1; i < words; i++) t->before[i]++;
}

/* The table of the row's biases, of repeated classes the last one, after the entries of its tokens. */
XENT_SHARED token_table table_of_biases(const xent_call *call, int64_t row, void *at) {
  const xent_layout *values = &call->shape->bias_values;
  const token_list l = tokens_of(call, call->bias_tokens, &call->shape->bias_tokens, row, 0, call->shape->target_count);
  const int64_t first = row_offset(call->shape, values, row);
  const token_list none = {.begin = 0};
  token_table t = table_at(call->shape->classes, at);
  make_entries(&t, &l, &none);
  for (int64_t i = l.begin; i < l.end; i++) {
    const int64_t class = class_of_token(&l, i, l.type), entry = class < 0 ? t.count : entry_of(&t, class);
    if (entry < t.count)
      t.entries[entry].bias = (float)one_float_at(call->bias_values, values->type, first + i * values->classes);
  }
  return t;
}

/* The number of tokens in the table of the workspace, if it has all but a few; else 0, and the table is made again. */
XENT_INLINE int64_t tokens_of_table(const xent_call *call, int64_t row, bool with_prompt) {
  const table_head *head = call->workspace;
  const int64_t known = checked_tokens(call, row), all = prompt_of_row(call) + output_of_row(call);
  const bool fits = head->counted == known && head->with_prompt == with_prompt && all - known <= TABLE_FEW &&
                    head->entries >= 0 && head->entries <= known && head->entries <= call->shape->classes;
  return fits ? known : 0;
}

/* All tokens were checked. */
XENT_INLINE void remember_text(const xent_call *call, int64_t row) {
  table_head *head = call->workspace;
  head->classes = call->shape->classes;
  head->prompt_count = prompt_of_row(call);
  head->checked = head->prompt_count + output_of_row(call);
  head->last = hash_of_last(call, row, head->checked);
}

/* The tokens of a call that needs no table are in none. */
XENT_INLINE void forget_table(const xent_call *call, int64_t row) {
  remember_text(call, row);
  ((table_head *)call->workspace)->counted = -1;
}

/* The table of a row's tokens. with_prompt: a penalty counts the tokens of the prompt. */
XENT_INLINE token_table table_of_row(const xent_call *call, int64_t row, bool with_prompt) {
  const xent_shape *s = call->shape;
  table_head *head = call->workspace;
  const int64_t known = tokens_of_table(call, row, with_prompt);
  const bool continues = known > 0;
  const int64_t begin = continues ? known - prompt_of_row(call) : 0;
  const token_list outputs = tokens_of(call, call->output_tokens, &s->output_tokens, row, begin, s->output_count);
  const token_list prompt =
      tokens_of(call, call->prompt_tokens, &s->prompt_tokens, row, 0, with_prompt ? s->prompt_count : 0);
  token_table t = table_at(s->classes, head + 1);
  t.count = continues ? head->entries : 0;
  if (!continues) make_entries(&t, &prompt, &outputs);
  for (int64_t i = outputs.begin; continues && i < outputs.end; i++) {
    const int64_t class = class_of_token(&outputs, i, outputs.type);
    if (class >= 0) insert_class(&t, class);
  }
  take_tokens(&t, &outputs, false);
  remember_text(call, row);
  head->with_prompt = with_prompt;
  head->counted = head->checked;
  head->entries = t.count;
  return t;
}

#endif
