/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classes of a row's tokens, in the workspace:
 *   for each token: set the bit of its class
 *   for each bit that is set: append an entry
 *   for each token: find the entry of its class, and count the token
 * In a call that adds a few tokens to those that the workspace has, each is inserted instead.
 */
#ifndef XENT_SAMPLE_TOKENS_H
#define XENT_SAMPLE_TOKENS_H

#include "kernels/load/row.h"
#include "kernels/sample/options.h"

typedef struct {
  table_head *head;
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
XENT_INLINE bool is_in_table(const token_table *t, int64_t class) { return t->words[class / 64] & bit_of(class); }

/* The number of entries of the classes before one; at most all, so that they are within the workspace. */
XENT_INLINE int64_t entry_of(const token_table *t, int64_t class) {
  const int64_t entries = t->head->entries;
  if (class >= t->head->classes) return entries;
  const int64_t i = t->before[class / 64] + __builtin_popcountll(t->words[class / 64] & (bit_of(class) - 1));
  return i >= 0 && i < entries ? i : entries;
}

/* ---- all tokens ---- */

/* The entry of a class before its tokens are counted. A bias of -0 changes nothing. */
XENT_INLINE named_class new_entry(int64_t class) { return (named_class){(int32_t)class, -1, -0.0f}; }

/* Appends the entries of a word's bits. Returns the number of all entries. */
XENT_INLINE int64_t append_entries(token_table *t, int64_t word, int64_t entries) {
  t->before[word] = (int32_t)entries;
  for (uint64_t bits = t->words[word]; bits; bits &= bits - 1)
    t->entries[entries++] = new_entry(word * 64 + __builtin_ctzll(bits));
  return entries;
}
/* Appends the entries of all bits that are set. In most parts of a row no bit is set. */
XENT_SHARED void append_all_entries(token_table *t, int64_t classes) {
  enum { PART = 8 };
  const int64_t words = table_words(classes);
  int64_t entries = 0;
  for (int64_t begin = 0; begin < words; begin += PART) {
    const int64_t end = begin + PART < words ? begin + PART : words;
    uint64_t any = end - begin < PART;
    for (int i = 0; i < PART && !any; i++) any |= t->words[begin + i];
    for (int i = 0; i < PART && !any; i++) t->before[begin + i] = (int32_t)entries;
    for (int64_t word = begin; word < end && any; word++) entries = append_entries(t, word, entries);
  }
  t->before[words] = (int32_t)entries;
  t->head->entries = entries;
}

XENT_INLINE void count_class(token_table *t, int64_t class, int32_t more) {
  const int64_t i = entry_of(t, class);
  if (i >= t->head->entries) return; /* another thread writes the workspace */
  named_class *named = &t->entries[i];
  named->count = (named->count < 0 ? 0 : named->count) + more;
}

XENT_INLINE void take_tokens_of(token_table *t, const token_list *l, const bool marks, int32_t more,
                                const int32_t type) {
  for (int64_t i = l->begin; i < l->end; i++) {
    const int64_t class = class_of_token(l, i, type);
    if (class >= 0 && marks) t->words[class / 64] |= bit_of(class);
    if (class >= 0 && !marks && is_in_table(t, class)) count_class(t, class, more);
  }
}
XENT_INLINE void take_tokens(token_table *t, const token_list *l, const bool marks, int32_t more) {
  if (l->type == XENT_I32)
    take_tokens_of(t, l, marks, more, XENT_I32);
  else
    take_tokens_of(t, l, marks, more, l->type);
}

XENT_SHARED void add_biases(token_table *t, const xent_call *call, const token_list *l, int64_t row) {
  const xent_layout *values = &call->shape->bias_values;
  const int64_t first = row_offset(call->shape, values, row);
  for (int64_t i = l->begin; i < l->end; i++) {
    const int64_t class = class_of_token(l, i, l->type);
    if (class < 0 || !is_in_table(t, class)) continue;
    const int64_t at = first + i * values->classes;
    t->entries[entry_of(t, class)].bias = (float)one_float_at(call->bias_values, values->type, at);
  }
}

XENT_SHARED void make_table(token_table *t, const xent_call *call, int64_t row, bool with_prompt) {
  const xent_shape *s = call->shape;
  const int64_t of_prompt = with_prompt ? s->prompt_count : 0;
  const token_list biased = tokens_of(call, call->bias_tokens, &s->bias_tokens, row, 0, s->target_count);
  const token_list prompt = tokens_of(call, call->prompt_tokens, &s->prompt_tokens, row, 0, of_prompt);
  const token_list outputs = tokens_of(call, call->output_tokens, &s->output_tokens, row, 0, s->output_count);
  memset(t->words, 0, (size_t)table_words(s->classes) * sizeof *t->words);
  take_tokens(t, &biased, true, 0);
  take_tokens(t, &prompt, true, 0);
  take_tokens(t, &outputs, true, 0);
  append_all_entries(t, s->classes);
  add_biases(t, call, &biased, row);
  take_tokens(t, &prompt, false, 0);
  take_tokens(t, &outputs, false, 1);
}

/* ---- a few more tokens ---- */

/* Inserts an entry at `begin` and moves those up to `end`. */
XENT_INLINE void insert_entry(named_class *entries, int64_t begin, int64_t end, named_class inserted) {
  memmove(entries + begin + 1, entries + begin, (size_t)(end - begin) * sizeof inserted);
  entries[begin] = inserted;
}

XENT_INLINE void insert_class(token_table *t, int64_t class) {
  table_head *head = t->head;
  const int64_t words = table_words(head->classes);
  if (head->entries >= head->classes) return;
  insert_entry(t->entries, entry_of(t, class), head->entries++, new_entry(class));
  t->words[class / 64] |= bit_of(class);
  for (int64_t word = class / 64 + 1; word <= words; word++) t->before[word]++;
}

/* Whether the workspace has all but a few of the tokens; else the table is made again. */
XENT_INLINE bool continues_table(const xent_call *call, int64_t row, bool with_prompt) {
  const table_head *head = call->workspace;
  const int64_t known = call->shape->counted_tokens, all = prompt_of_row(call) + output_of_row(call);
  return has_checked(call, row) && head->counted == known && head->with_prompt == with_prompt && !call->bias_tokens &&
         all >= known && all - known <= TABLE_FEW && head->entries >= 0 && head->entries <= known &&
         head->entries <= call->shape->classes;
}
XENT_SHARED void continue_table(token_table *t, const xent_call *call, int64_t row, int64_t begin) {
  const xent_shape *s = call->shape;
  const token_list outputs = tokens_of(call, call->output_tokens, &s->output_tokens, row, begin, s->output_count);
  for (int64_t i = outputs.begin; i < outputs.end; i++) {
    const int64_t class = class_of_token(&outputs, i, outputs.type);
    if (class >= 0 && !is_in_table(t, class)) insert_class(t, class);
    if (class >= 0) count_class(t, class, 1);
  }
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

/* The table of a row. with_prompt: a penalty counts the tokens of the prompt. */
XENT_INLINE token_table table_of_row(const xent_call *call, int64_t row, bool with_prompt) {
  const int64_t words = table_words(call->shape->classes);
  token_table t = {.head = call->workspace};
  t.words = (uint64_t *)(void *)(t.head + 1);
  t.before = (int32_t *)(void *)(t.words + words);
  t.entries = (named_class *)(void *)(t.before + words + 1);
  const bool continues = continues_table(call, row, with_prompt);
  remember_text(call, row);
  if (continues)
    continue_table(&t, call, row, call->shape->counted_tokens - prompt_of_row(call));
  else
    make_table(&t, call, row, with_prompt);
  t.head->with_prompt = with_prompt;
  t.head->counted = call->bias_tokens ? -1 : t.head->checked;
  return t;
}

#endif
