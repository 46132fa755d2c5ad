/* SPDX-License-Identifier: Apache-2.0 */
#include "text_biases.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

static bool ends_with(const xent_text_biases_call *c, int64_t begin, int64_t end, const int32_t *tokens,
                      int64_t count) {
  if (count > end - begin) return false;
  for (int64_t i = 0; i < count; i++)
    if (c->tokens[end - count + i] != tokens[i]) return false;
  return true;
}

/* Whether a breaker within [begin, end) ends there. */
static bool has_breaker(const xent_text_biases_call *c, int64_t begin, int64_t end) {
  const int32_t *s = c->dry_breakers;
  for (int64_t i = 0; i < c->breaker_count; i += 1 + s[i])
    if (ends_with(c, begin, end, s + i + 1, s[i])) return true;
  return false;
}

/* How many tokens before a place equal the last ones of the text, up to a limit. */
static int64_t repeated(const xent_text_biases_call *c, int64_t place, int64_t most) {
  int64_t length = 0;
  while (length < most && c->tokens[place - 1 - length] == c->tokens[c->token_count - 1 - length]) length++;
  return length;
}

static void add_dry(const xent_text_biases_call *c, float *biases, uint8_t *has) {
  const double base = c->dry_base == 0 ? 1.75 : c->dry_base;
  const int64_t count = c->token_count, allowed = c->dry_allowed_length == 0 ? 2 : c->dry_allowed_length;
  const int64_t begin = c->dry_range == 0 || c->dry_range > count ? 0 : count - c->dry_range;
  int64_t longest = 0;
  while (longest < count - begin && !has_breaker(c, begin, count - longest)) longest++;
  for (int64_t place = begin; place < count; place++) {
    const int64_t length = repeated(c, place, place - begin < longest ? place - begin : longest);
    if (length < allowed || has_breaker(c, place, place + 1)) continue;
    double penalty = c->dry_multiplier;
    for (int64_t i = allowed; i < length && penalty <= (double)FLT_MAX; i++) penalty *= base;
    const float bias = (float)-penalty;
    float *known = &biases[c->tokens[place]];
    if (!has[c->tokens[place]] || bias < *known) *known = bias;
    has[c->tokens[place]] = 1;
  }
}

static void ban(int32_t class, float *biases, uint8_t *has) {
  biases[class] = -INFINITY;
  has[class] = 1;
}

void contract_text_biases(const xent_text_biases_call *c, float *biases, uint8_t *has) {
  for (int64_t i = 0; i < c->classes; i++) biases[i] = 0, has[i] = 0;
  if (c->dry_multiplier != 0) add_dry(c, biases, has);
  const int64_t before = c->no_repeat_ngram - 1;
  for (int64_t place = before; before >= 0 && place < c->token_count; place++)
    if (repeated(c, place, before) == before) ban(c->tokens[place], biases, has);
  const int32_t *s = c->banned_sequences;
  for (int64_t i = 0; i < c->banned_count; i += 1 + s[i])
    if (ends_with(c, 0, c->token_count, s + i + 1, s[i] - 1)) ban(s[i + s[i]], biases, has);
}
