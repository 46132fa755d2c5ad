/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options against repetition in a text. The workspace has tables of positions, to which a call adds the new tokens:
 *   a chain for the tokens of each hash, the last one first: where the last token of the text comes before
 *   for each position after such a token, how many tokens before it equal the last ones of the text
 *   the n-grams of the text, each once, in a chain for each hash and in one for each hash of their first n - 1 tokens
 * A link is a position plus 1; 0 ends a chain. Positions fall along a chain, so that it ends with any workspace.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "api/checks.h"

enum { MOST = INT32_MAX - 1, FEW = 16, NEWEST = 16, TABLES = 9 };

typedef struct {
  int64_t room;    /* tokens for which the tables have room */
  int64_t counted; /* tokens that they have; 0: none */
  int64_t classes, ngram, range;
  int64_t has_dry;
  uint64_t context; /* the hash of the last n - 1 tokens */
  uint64_t oldest;  /* the factor in it of a token that leaves */
  int64_t follows;  /* the position after an earlier n-gram that equals the last one; 0: none */
  int64_t breaker;  /* the end of the last breaker; 0: none */
  uint64_t newest;  /* a hash of the last tokens, by which the workspace of another text is noticed */
} text_head;

typedef struct {
  const xent_text_biases_call *call;
  text_head *head;
  const int32_t *tokens;
  int64_t allowed, range, biases, most_biases;
  double base;
  int32_t *last, *previous;            /* the last token of a hash, and the one before each token with the same hash */
  int32_t *same;                       /* tokens before a position that equal the last ones of the text */
  int32_t *ngrams, *next_ngram;        /* by all tokens */
  int32_t *contexts, *next_of_context; /* by all tokens but the last */
  int32_t *places, *next_place;        /* biases by their class: index plus 1; places may have any numbers */
  int32_t *breakers, *next_breaker;    /* breakers by their last token: where they begin, plus 1 */
} text;

/* ---- checks ---- */

static xent_status refuse(xent_report *report, xent_status status, int32_t field, int64_t integer) {
  report->field = field;
  report->integer = integer;
  return status;
}
static xent_status refuse_value(xent_report *report, int32_t field, double value) {
  report->value = value;
  return refuse(report, XENT_INVALID_OPTION, field, 0);
}

uint64_t xent_text_biases_workspace(int64_t tokens, int64_t listed) {
  if (tokens < 0 || tokens > MOST || listed < 0 || listed > 2 * (int64_t)MOST) return 0;
  const uint64_t numbers = TABLES * ((uint64_t)tokens + 1) + 3 * (uint64_t)listed;
  return sizeof(text_head) + (numbers + 1) / 2 * 8;
}

/* The tokens for which a workspace has room, which is large enough: one or more. */
static int64_t room_of(const xent_text_biases_call *c) {
  const uint64_t least = xent_text_biases_workspace(0, c->breaker_count + c->banned_count);
  const uint64_t room = 1 + (c->workspace_size - least) / (TABLES * sizeof(int32_t));
  return room > MOST ? MOST : (int64_t)room;
}

static xent_status check_options(const xent_text_biases_call *c, xent_report *report) {
  const bool finite = c->dry_multiplier >= 0 && c->dry_multiplier <= DBL_MAX;
  if (c->no_repeat_ngram < 0)
    return refuse(report, XENT_INVALID_OPTION, XENT_FIELD_NO_REPEAT_NGRAM, c->no_repeat_ngram);
  if (!finite) return refuse_value(report, XENT_FIELD_DRY_MULTIPLIER, c->dry_multiplier);
  if (c->dry_base != 0 && !(c->dry_base >= 1 && c->dry_base <= DBL_MAX))
    return refuse_value(report, XENT_FIELD_DRY_BASE, c->dry_base);
  if (c->dry_allowed_length < 0)
    return refuse(report, XENT_INVALID_OPTION, XENT_FIELD_DRY_ALLOWED_LENGTH, c->dry_allowed_length);
  return c->dry_range < 0 ? refuse(report, XENT_INVALID_OPTION, XENT_FIELD_DRY_RANGE, c->dry_range) : XENT_OK;
}

/* Checks an array of `count` numbers of four bytes. */
static xent_status check_array(const void *array, int64_t count, int64_t most, xent_report *report, int32_t field) {
  if (count < 0 || count > most) return refuse(report, XENT_INVALID_SHAPE, field, count);
  const bool missing = count > 0 && (!array || ((uintptr_t)array & (sizeof(int32_t) - 1)));
  return missing ? refuse(report, XENT_INVALID_ARGUMENT, field, 0) : XENT_OK;
}

/* The length of the sequence at i; 0 without a whole one. */
static int64_t length_at(const int32_t *sequences, int64_t i, int64_t count) {
  const int64_t length = i < count ? sequences[i] : 0;
  return length >= 1 && length < count - i ? length : 0;
}

/* Checks that each sequence has one token or more, that the array ends with the last one, and last tokens if there are
 * classes. */
static xent_status check_sequences(const int32_t *sequences, int64_t count, int64_t classes, xent_report *report,
                                   int32_t field) {
  for (int64_t i = 0, length; i < count; i += 1 + length) {
    length = length_at(sequences, i, count);
    if (length == 0) return refuse(report, XENT_INVALID_SHAPE, field, sequences[i]);
    const int64_t last = sequences[i + length];
    if (!classes || (last >= 0 && last < classes)) continue;
    report->label = last;
    return refuse(report, XENT_INVALID_LABEL, field, 0);
  }
  return XENT_OK;
}

static xent_status check_arrays(const xent_text_biases_call *c, xent_report *report) {
  xent_status status = check_array(c->tokens, c->token_count, MOST, report, XENT_FIELD_TOKENS);
  if (status == XENT_INVALID_SHAPE) report->field = XENT_FIELD_TOKEN_COUNT;
  if (status) return status;
  if (c->continues < 0 || c->continues > 1)
    return refuse(report, XENT_INVALID_ARGUMENT, XENT_FIELD_CONTINUES, c->continues);
  if (c->reserved) return refuse(report, XENT_UNSUPPORTED, XENT_FIELD_CONTINUES, c->reserved);
  status = check_array(c->dry_breakers, c->breaker_count, MOST, report, XENT_FIELD_DRY_BREAKERS);
  if (!status) status = check_array(c->banned_sequences, c->banned_count, MOST, report, XENT_FIELD_BANNED_SEQUENCES);
  const int64_t room = status ? 0 : c->token_count + c->banned_count;
  if (!status) status = check_array(c->bias_tokens, room, INT64_MAX, report, XENT_FIELD_BIAS_TOKENS);
  if (!status) status = check_array(c->bias_values, room, INT64_MAX, report, XENT_FIELD_BIAS_VALUES);
  if (status) return status;
  if (!c->bias_count || (uintptr_t)c->bias_count % _Alignof(int64_t))
    return refuse(report, XENT_INVALID_ARGUMENT, XENT_FIELD_BIAS_COUNT, 0);
  const uint64_t needed = xent_text_biases_workspace(c->token_count, c->breaker_count + c->banned_count);
  if (!c->workspace || ((uintptr_t)c->workspace & 7) || c->workspace_size < needed)
    return refuse(report, XENT_INVALID_ARGUMENT, XENT_FIELD_WORKSPACE, (int64_t)needed);
  return check_sequences(c->banned_sequences, c->banned_count, c->classes, report, XENT_FIELD_BANNED_SEQUENCES);
}

static xent_status check_tokens(const xent_text_biases_call *c, int64_t begin, xent_report *report) {
  for (int64_t i = begin; i < c->token_count; i++) {
    if (c->tokens[i] >= 0 && c->tokens[i] < c->classes) continue;
    report->row = i;
    report->label = c->tokens[i];
    return refuse(report, XENT_INVALID_LABEL, XENT_FIELD_TOKENS, 0);
  }
  return XENT_OK;
}

/* ---- tables ---- */

static const uint64_t token_factor = UINT64_C(0x9e3779b97f4a7c15), context_factor = UINT64_C(0xd1342543de82ef95);

static uint64_t hash_of(int32_t token) { return ((uint64_t)(uint32_t)token + 1) * token_factor; }
static uint64_t mixed(uint64_t hash) { return (hash ^ hash >> 32) * token_factor; }
/* The place of a hash among `room` ones. */
static int64_t place_of(uint64_t hash, int64_t room) { return (int64_t)((hash >> 32) * (uint64_t)room >> 32); }

/* The position of a link, if it is before another one, else -1. */
static int64_t before(int32_t link, int64_t position) { return link > 0 && link - 1 < position ? link - 1 : -1; }

static bool are_equal(const int32_t *a, const int32_t *b, int64_t count) {
  int64_t i = 0;
  while (i < count && a[i] == b[i]) i++;
  return i >= count;
}

static text text_of(const xent_text_biases_call *c) {
  text t = {.call = c, .head = c->workspace, .tokens = c->tokens};
  const int64_t listed = c->breaker_count + c->banned_count, room = room_of(c);
  t.allowed = c->dry_allowed_length ? c->dry_allowed_length : 2;
  t.range = c->dry_range && c->dry_range < MOST ? c->dry_range : MOST;
  t.base = c->dry_base == 0 ? 1.75 : c->dry_base;
  t.most_biases = c->token_count + c->banned_count < c->classes ? c->token_count + c->banned_count : c->classes;
  t.last = (int32_t *)(void *)(t.head + 1);
  t.previous = t.last + room;
  t.same = t.previous + room;
  t.ngrams = t.same + room;
  t.next_ngram = t.ngrams + room;
  t.contexts = t.next_ngram + room;
  t.next_of_context = t.contexts + room;
  t.places = t.next_of_context + room;
  t.next_place = t.places + room;
  t.breakers = t.next_place + room + listed;
  t.next_breaker = t.breakers + c->breaker_count;
  return t;
}

/* context_factor to the power of n - 1. */
static uint64_t factor_of_oldest(int64_t power) {
  uint64_t result = 1;
  for (uint64_t square = context_factor; power > 0; power >>= 1, square *= square)
    if (power & 1) result *= square;
  return result;
}

/* The head of empty tables. */
static text_head empty_head(const text *t) {
  const xent_text_biases_call *c = t->call;
  return (text_head){.room = room_of(c),
                     .classes = c->classes,
                     .ngram = c->no_repeat_ngram,
                     .range = t->range,
                     .has_dry = c->dry_multiplier != 0,
                     .oldest = factor_of_oldest(c->no_repeat_ngram - 1)};
}

/* A hash of the last of the first `count` tokens. */
static uint64_t hash_of_newest(const text *t, int64_t count) {
  uint64_t hash = 0;
  for (int64_t i = count > NEWEST ? count - NEWEST : 0; i < count; i++) {
    hash = (hash ^ (uint64_t)t->tokens[i]) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
  }
  return hash;
}

/* The number of tokens that the tables have; 0 if they must be made. */
static int64_t known_tokens(const text *t) {
  if (!t->call->continues) return 0;
  const text_head *head = t->head, empty = empty_head(t);
  const int64_t known = head->counted;
  const bool fits = known > 0 && known <= t->call->token_count && head->room == empty.room &&
                    head->classes == empty.classes && head->ngram == empty.ngram && head->range == empty.range &&
                    head->has_dry == empty.has_dry && head->oldest == empty.oldest;
  return fits && head->newest == hash_of_newest(t, known) ? known : 0;
}

/* ---- breakers ---- */

/* Links all breakers. */
static void add_breakers(text *t) {
  const int32_t *sequences = t->call->dry_breakers;
  const int64_t count = t->call->breaker_count;
  if (count) memset(t->breakers, 0, (size_t)count * sizeof *t->breakers);
  for (int64_t i = 0, length; (length = length_at(sequences, i, count)) > 0; i += 1 + length) {
    int32_t *first = &t->breakers[place_of(hash_of(sequences[i + length]), count)];
    t->next_breaker[i] = *first;
    *first = (int32_t)i + 1;
  }
}

/* Whether a breaker of at most `most` tokens ends with the token before `end`. */
static bool is_breaker(const text *t, const int32_t *end, int64_t most) {
  const int32_t *sequences = t->call->dry_breakers;
  const int64_t count = t->call->breaker_count;
  if (!count) return false;
  int64_t i = before(t->breakers[place_of(hash_of(end[-1]), count)], count);
  for (; i >= 0; i = before(t->next_breaker[i], i)) {
    const int64_t length = length_at(sequences, i, count);
    if (length && length <= most && are_equal(sequences + i + 1, end - length, length)) return true;
  }
  return false;
}

/* The number of tokens from `begin` on that come after the last breaker there. */
static int64_t since_breaker(const text *t, int64_t begin) {
  int64_t end = t->head->breaker;
  while (end > begin && !is_breaker(t, t->tokens + end, end - begin)) end--;
  return t->call->token_count - (end > begin ? end : begin);
}

/* ---- DRY ---- */

static int64_t begin_of_range(const text *t, int64_t end) { return end > t->range ? end - t->range : 0; }

/* The lengths of repetitions with a new token, from those before it. */
static void add_same(text *t, int64_t i) {
  const int32_t *tokens = t->tokens, token = tokens[i];
  const int64_t begin = begin_of_range(t, i + 1);
  int64_t q = before(t->last[place_of(hash_of(token), t->head->room)], i);
  for (; q >= begin; q = before(t->previous[q], q)) {
    if (tokens[q] != token) continue;
    const bool goes_on = q > 0 && tokens[q - 1] == tokens[i - 1] && t->same[q] > 0 && t->same[q] <= q;
    t->same[q + 1] = goes_on ? t->same[q] + 1 : 1;
  }
}

/* The lengths for all positions in the range: the Z algorithm on the reversed text. */
static void find_same(text *t) {
  const int64_t end = t->call->token_count, count = end - begin_of_range(t, end);
  const int32_t *last = t->tokens + end - 1;
  for (int64_t k = 1, from = 0, to = 0; k < count; k++) {
    int64_t same = k < to ? to - k : 0;
    if (same > 0 && same > t->same[end - (k - from)]) same = t->same[end - (k - from)];
    while (k + same < count && last[-same] == last[-k - same]) same++;
    if (k + same > to) from = k, to = k + same;
    t->same[end - k] = (int32_t)same;
  }
}

static void add_token(text *t, int64_t i, bool few) {
  int32_t *last = &t->last[place_of(hash_of(t->tokens[i]), t->head->room)];
  if (few) add_same(t, i);
  t->previous[i] = *last;
  *last = (int32_t)i + 1;
  if (is_breaker(t, t->tokens + i + 1, i + 1)) t->head->breaker = i + 1;
}

/* ---- n-grams: the token at a position and the n - 1 tokens before it, its context ---- */

static int32_t *context_at_end(const text *t) { return &t->contexts[place_of(mixed(t->head->context), t->head->room)]; }

static bool have_equal_contexts(const text *t, int64_t a, int64_t b) {
  const int64_t count = t->head->ngram - 1;
  return a >= count && are_equal(t->tokens + a - count, t->tokens + b - count, count);
}

/* The position of the n-gram of a chain that equals that at i; -1 without one. */
static int64_t find_ngram(const text *t, int64_t i, int32_t first) {
  int64_t q = before(first, i);
  while (q >= 0 && (t->tokens[q] != t->tokens[i] || !have_equal_contexts(t, q, i))) q = before(t->next_ngram[q], q);
  return q;
}

/* Adds the n-gram at i, unless the text has it. The one after an n-gram that comes before too is known if its token is:
 * so a long context is not compared for each token of a repetition. */
static void add_ngram(text *t, int64_t i) {
  text_head *head = t->head;
  const int64_t context = head->ngram - 1, follows = head->follows;
  const uint64_t token = hash_of(t->tokens[i]);
  if (i >= context) {
    int32_t *first = &t->ngrams[place_of(mixed(head->context + token), head->room)];
    const bool goes_on = follows > 0 && follows < i && t->tokens[follows] == t->tokens[i];
    const int64_t known = goes_on ? follows : find_ngram(t, i, *first);
    head->follows = known + 1;
    if (known < 0) {
      int32_t *of_context = context_at_end(t);
      t->next_ngram[i] = *first;
      t->next_of_context[i] = *of_context;
      *first = *of_context = (int32_t)i + 1;
    }
  }
  head->context = head->context * context_factor + token;
  if (i >= context) head->context -= hash_of(t->tokens[i - context]) * head->oldest;
}

/* ---- all tables ---- */

static void clear_tables(text *t) {
  *t->head = empty_head(t);
  const size_t bytes = (size_t)t->head->room * sizeof(int32_t);
  memset(t->last, 0, bytes);
  memset(t->ngrams, 0, bytes);
  memset(t->contexts, 0, bytes);
  add_breakers(t);
}

static void add_tokens(text *t, int64_t begin) {
  text_head *head = t->head;
  const int64_t end = t->call->token_count;
  const bool few = end - begin <= FEW;
  for (int64_t i = begin; i < end && head->has_dry; i++) add_token(t, i, few);
  for (int64_t i = begin; i < end && head->ngram; i++) add_ngram(t, i);
  if (!few && head->has_dry) find_same(t);
  head->counted = end;
  head->newest = hash_of_newest(t, end);
}

/* ---- biases ---- */

/* The index of a class, which is added if it is new; -1: another thread changes the text. A place that an earlier call
 * wrote follows the last bias, or is that of another class. */
static int64_t bias_of(text *t, int32_t class) {
  const xent_text_biases_call *c = t->call;
  int32_t *first = &t->places[place_of(hash_of(class), t->head->room)];
  for (int64_t i = before(*first, t->biases); i >= 0; i = before(t->next_place[i], i))
    if (c->bias_tokens[i] == class) return i;
  const int64_t i = t->biases;
  if (i >= t->most_biases) return -1;
  c->bias_tokens[i] = class;
  c->bias_values[i] = 0;
  t->next_place[i] = *first;
  *first = (int32_t)++t->biases;
  return i;
}

static void ban(text *t, int32_t class) {
  const int64_t i = bias_of(t, class);
  if (i >= 0) t->call->bias_values[i] = -INFINITY;
}

/* Keeps the largest length of a class, an integer in the place of its bias. */
static void add_length(text *t, int32_t class, int32_t length) {
  const int64_t i = bias_of(t, class);
  int32_t known = length;
  if (i < 0) return;
  memcpy(&known, &t->call->bias_values[i], sizeof known);
  if (length > known) memcpy(&t->call->bias_values[i], &length, sizeof length);
}

static float penalty_of(const text *t, int32_t length) {
  double penalty = t->call->dry_multiplier;
  for (int64_t k = length - t->allowed; k > 0; k--) {
    penalty *= t->base;
    if (penalty > (double)FLT_MAX || t->base == 1) break;
  }
  return (float)-penalty;
}

static void add_dry(text *t) {
  const int64_t end = t->call->token_count, begin = begin_of_range(t, end), longest = since_breaker(t, begin);
  int64_t q = end > 0 ? before(t->previous[end - 1], end - 1) : -1;
  for (; q >= begin; q = before(t->previous[q], q)) {
    const int64_t next = q + 1, most = longest < next - begin ? longest : next - begin;
    const int64_t length = t->same[next] < most ? t->same[next] : most;
    if (t->tokens[q] != t->tokens[end - 1] || length < t->allowed || is_breaker(t, t->tokens + next + 1, 1)) continue;
    add_length(t, t->tokens[next], (int32_t)length);
  }
  for (int64_t i = 0; i < t->biases; i++) {
    int32_t length;
    memcpy(&length, &t->call->bias_values[i], sizeof length);
    t->call->bias_values[i] = penalty_of(t, length);
  }
}

static void ban_ngrams(text *t) {
  const int64_t end = t->call->token_count;
  if (end < t->head->ngram - 1) return;
  for (int64_t q = before(*context_at_end(t), end); q >= 0; q = before(t->next_of_context[q], q))
    if (have_equal_contexts(t, q, end)) ban(t, t->tokens[q]);
}

static void ban_sequences(text *t) {
  const int32_t *sequences = t->call->banned_sequences;
  const int64_t count = t->call->banned_count, tokens = t->call->token_count;
  for (int64_t i = 0, length; (length = length_at(sequences, i, count)) > 0; i += 1 + length) {
    const int64_t first = tokens - (length - 1);
    if (first >= 0 && are_equal(sequences + i + 1, t->tokens + first, length - 1)) ban(t, sequences[i + length]);
  }
}

static void write_biases(text *t) {
  if (t->head->has_dry) add_dry(t);
  if (t->head->ngram) ban_ngrams(t);
  ban_sequences(t);
  *t->call->bias_count = t->biases;
}

static xent_status text_biases(const xent_text_biases_call *call, xent_report *report) {
  if (call->classes < 1 || call->classes > INT32_MAX)
    return refuse(report, XENT_INVALID_SHAPE, XENT_FIELD_CLASSES, call->classes);
  xent_status status = check_options(call, report);
  if (!status) status = check_arrays(call, report);
  if (status) return status;
  text t = text_of(call);
  const int64_t known = known_tokens(&t);
  if (known == 0) status = check_sequences(call->dry_breakers, call->breaker_count, 0, report, XENT_FIELD_DRY_BREAKERS);
  if (!status) status = check_tokens(call, known, report);
  if (status) return status;
  if (known == 0) clear_tables(&t);
  add_tokens(&t, known);
  write_biases(&t);
  return XENT_OK;
}

xent_status xent_text_biases(const xent_text_biases_call *call) {
  xent_report own = {.size = sizeof own};
  xent_status status = xent_check_call(call, sizeof *call, sizeof *call);
  if (!status && call->report) status = xent_check_size(call->report, sizeof *call->report);
  if (status) return status;
  xent_report *report = call->report ? call->report : &own;
  *report = (xent_report){.size = report->size, .row = -1};
  const float_mode mode = float_mode_enter();
  status = text_biases(call, report);
  float_mode_leave(mode);
  return status;
}
