/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "f64.h"
#include "general_row.h"

__extension__ typedef unsigned __int128 wide;

/* ---- random bits ---- */

void contract_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t bits[4]) {
  uint32_t k0 = key[0], k1 = key[1], c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  for (int round = 0; round < 10; round++) {
    const uint64_t a = UINT64_C(0xd2511f53) * c0, b = UINT64_C(0xcd9e8d57) * c2;
    c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)b;
    c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)a;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  bits[0] = c0, bits[1] = c1, bits[2] = c2, bits[3] = c3;
}

/* ---- a row ---- */

/* A candidate, in order; what is left of them is [first, first + count). */
typedef struct {
  float x;
  int64_t class, weight;
  double score;
} candidate;

typedef struct {
  const sample_problem *problem;
  candidate *order, *first;
  int64_t count;
} row;

static int by_order(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  return a->x != b->x ? (a->x > b->x ? -1 : 1) : a->class < b->class ? -1 : 1;
}
static int by_score(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  return a->score < b->score ? -1 : a->score > b->score;
}

static int64_t times_in(const int64_t *tokens, int64_t count, int64_t class) {
  int64_t times = 0;
  for (int64_t i = 0; i < count; i++) times += tokens[i] == class;
  return times;
}

/* x of a class that is there. */
static float value_of(const sample_problem *p, int64_t class) {
  const xent_sampling *s = p->sampling;
  float x = p->logits[class];
  if (p->softcap != 0) x = (float)p->softcap * contract_tanh(x * (float)(1 / p->softcap));
  if (p->bias) x = x + p->bias[class];
  if (!p->prompt_count && !p->output_count) return x;
  const int64_t prompt = times_in(p->prompt, p->prompt_count, class);
  const int64_t output = times_in(p->output, p->output_count, class);
  if (s->repetition_penalty != 0 && prompt + output > 0) {
    const float rho = (float)s->repetition_penalty;
    x = x > 0 ? x / rho : x * rho;
  }
  if (output > 0) {
    const float count = (float)output, penalty = count * (float)s->frequency_penalty;
    if (s->frequency_penalty != 0) x = x - penalty;
    if (s->presence_penalty != 0) x = x - (float)s->presence_penalty;
  }
  return x;
}

/* Whether the row has a token. */
static bool take_candidates(row *r) {
  const sample_problem *p = r->problem;
  r->count = 0;
  for (int64_t class = 0; class < p->classes; class++) {
    if (p->mask && !p->mask[class]) continue;
    const float x = value_of(p, class);
    if (isnan(x) || x == INFINITY) return false;
    if (x > -INFINITY) r->order[r->count++] = (candidate){.x = x, .class = class};
  }
  qsort(r->order, (size_t)r->count, sizeof *r->order, by_order);
  r->first = r->order;
  return r->count > 0;
}

/* ---- weights ---- */

/* Of what is left, at a temperature; their sum. */
static int64_t weigh(row *r, const contract_temperature *t) {
  const float M = r->first[0].x;
  const bool shifted = fabsf(M * t->hi) > 16384;
  const float N = contract_reference((shifted ? 0.0f : M) * t->hi);
  int log_classes = 0;
  while (INT64_C(1) << log_classes < r->problem->classes) log_classes++;
  const int g = log_classes > 20 ? 32 - log_classes : 12;
  int64_t sum = 0;
  for (int64_t i = 0; i < r->count; i++) {
    const float y = shifted ? r->first[i].x - M : r->first[i].x;
    r->first[i].weight = (int64_t)rint(ldexp((double)contract_exp_at(y, N, t), g));
    sum += r->first[i].weight;
  }
  return sum;
}

/* ceil(p S), p in [0, 1]: p is m 2^(exponent - 53). */
static wide ceiling_of_product(double p, int64_t S) {
  int exponent;
  const double fraction = frexp(p, &exponent);
  const wide product = (wide)(uint64_t)ldexp(fraction, 53) * (uint64_t)S;
  const int shift = 53 - exponent;
  if (shift >= 128) return product > 0;
  return (product >> shift) + ((product & (((wide)1 << shift) - 1)) > 0);
}

/* ---- filters ---- */

static int64_t min_keep(const row *r) {
  const int64_t least = r->problem->sampling->min_keep;
  return least > 1 ? least : 1;
}

static void top_k(row *r) {
  const xent_sampling *s = r->problem->sampling;
  const bool rules_all = s->rules == XENT_RULES_TRANSFORMERS || s->rules == XENT_RULES_VLLM;
  const bool all = s->ties == XENT_TIES_OF_RULES ? rules_all : s->ties == XENT_TIES_ALL;
  int64_t k = s->top_k > min_keep(r) ? s->top_k : min_keep(r);
  if (s->top_k == 0 || k >= r->count) return;
  while (all && k < r->count && r->first[k].x == r->first[k - 1].x) k++;
  r->count = k;
}

static void top_p(row *r, const contract_temperature *t) {
  const double p = r->problem->sampling->top_p;
  if (p == 0 || p == 1) return;
  const wide least = ceiling_of_product(p, weigh(r, t));
  wide before = 0;
  int64_t kept = 0;
  for (; kept < r->count && (before < least || kept < min_keep(r)); kept++) before += (uint64_t)r->first[kept].weight;
  r->count = kept;
}

static void min_p(row *r, const contract_temperature *t) {
  double p = r->problem->sampling->min_p;
  if (p == 0) return;
  if (p < DBL_MIN) p = DBL_MIN;
  const double product = f64_contract_log(p) * t->tau, least = (double)r->first[0].x + product;
  int64_t kept = 0;
  while (kept < r->count && ((double)r->first[kept].x >= least || kept < min_keep(r))) kept++;
  r->count = kept;
}

static void typical_p(row *r, const contract_temperature *t) {
  const double p = r->problem->sampling->typical_p;
  if (p == 0 || p == 1) return;
  const int64_t S = weigh(r, t);
  int64_t T = 0;
  for (int64_t i = 0; i < r->count; i++) {
    r->first[i].score = ((double)r->first[0].x - (double)r->first[i].x) * t->r;
    T += (int64_t)rint((double)r->first[i].weight * r->first[i].score);
  }
  const double A = (double)T / (double)S;
  for (int64_t i = 0; i < r->count; i++) r->first[i].score = fabs(r->first[i].score - A);
  qsort(r->first, (size_t)r->count, sizeof *r->first, by_score);
  const wide least = ceiling_of_product(p, S);
  wide before = 0, smaller = 0;
  int64_t kept = 0, smaller_count = 0;
  for (; kept < r->count; kept++) {
    if (kept == 0 || r->first[kept].score != r->first[kept - 1].score) smaller = before, smaller_count = kept;
    if (smaller >= least && smaller_count >= min_keep(r)) break;
    before += (uint64_t)r->first[kept].weight;
  }
  r->count = kept;
  qsort(r->first, (size_t)r->count, sizeof *r->first, by_order);
}

static void filter(row *r, const contract_temperature *t) {
  const contract_temperature none = contract_temperature_of(0);
  switch (r->problem->sampling->rules) {
    case XENT_RULES_VLLM: min_p(r, t), top_k(r), top_p(r, t); break;
    case XENT_RULES_LLAMA_CPP: top_k(r), typical_p(r, &none), top_p(r, &none), min_p(r, &none); break;
    case XENT_RULES_ONNXRUNTIME_GENAI: top_k(r), top_p(r, t); break;
    default: top_k(r), top_p(r, t), min_p(r, t), typical_p(r, t);
  }
}

/* ---- the token ---- */

static int by_class(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  return a->class < b->class ? -1 : 1;
}

static const candidate *draw(row *r, int64_t S) {
  const xent_sampling *s = r->problem->sampling;
  const uint64_t stream = r->problem->stream;
  const uint32_t key[2] = {(uint32_t)s->seed, (uint32_t)(s->seed >> 32)};
  const uint32_t counter[4] = {s->step, s->draw, (uint32_t)stream, (uint32_t)(stream >> 32)};
  uint32_t c[4];
  contract_philox(key, counter, c);
  const uint64_t low = (uint64_t)c[1] << 32 | c[0], high = (uint64_t)c[3] << 32 | c[2];
  /* (high 2^64 + low) S / 2^128, what is below 2^64 in low S being lost to floor() twice */
  const int64_t t = (int64_t)(((wide)high * (uint64_t)S + (((wide)low * (uint64_t)S) >> 64)) >> 64);
  qsort(r->first, (size_t)r->count, sizeof *r->first, by_class);
  int64_t up_to = 0;
  for (int64_t i = 0;; i++) {
    up_to += r->first[i].weight;
    if (up_to > t) return &r->first[i];
  }
}

static float processed_of(int64_t w, int64_t S) {
  const int64_t rest = S - w;
  const double L = rest <= w ? f64_contract_log1p((double)rest / (double)w) : f64_contract_log((double)S / (double)w);
  return (float)(0 - L);
}

void contract_sample(const sample_problem *p, sample_answer *answer) {
  row r = {.problem = p, .order = malloc((size_t)p->classes * sizeof *r.order)};
  const float nan = NAN;
  *answer = (sample_answer){.token = -1, .kept = 0, .processed = nan, .mask = answer->mask};
  memset(answer->mask, 0, (size_t)p->classes);
  if (r.order && take_candidates(&r)) {
    const contract_temperature t = contract_temperature_of(p->sampling->temperature);
    if (p->sampling->greedy) r.count = 1;
    else filter(&r, &t);
    answer->kept = r.count;
    for (int64_t i = 0; i < r.count; i++) answer->mask[r.first[i].class] = 1;
    const int64_t S = weigh(&r, &t);
    const candidate *token = draw(&r, S);
    answer->token = token->class;
    answer->processed = processed_of(token->weight, S);
  }
  free(r.order);
}
