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
  const double scale = s->scale == 0 ? 1 : s->scale, softcap = p->softcap / scale;
  if (softcap != 0) x = (float)softcap * contract_tanh(x * (float)(1 / softcap));
  x = x * (float)scale;
  if (p->bias) x = x + p->bias[class];
  for (int64_t i = p->bias_count - 1; i >= 0; i--)
    if (p->bias_tokens[i] == class) {
      x = x + p->bias_values[i];
      break;
    }
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

/* All of a row, in order. False where one is NaN or +inf. */
static bool take_candidates(row *r) {
  const sample_problem *p = r->problem;
  r->count = 0;
  r->first = r->order;
  for (int64_t class = 0; class < p->classes; class++) {
    if (p->mask && !p->mask[class]) continue;
    const float x = value_of(p, class);
    if (isnan(x) || x == INFINITY) return false;
    if (x > -INFINITY) r->order[r->count++] = (candidate){.x = x, .class = class};
  }
  qsort(r->order, (size_t)r->count, sizeof *r->order, by_order);
  return true;
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

static bool has_all_ties(const xent_sampling *s) {
  const bool rules_all = s->rules == XENT_RULES_TRANSFORMERS || s->rules == XENT_RULES_VLLM;
  return s->ties == XENT_TIES_OF_RULES ? rules_all : s->ties == XENT_TIES_ALL;
}
static int64_t most_of_top_k(const row *r) {
  const int64_t k = r->problem->sampling->top_k;
  return k > min_keep(r) ? k : min_keep(r);
}

static void top_k(row *r) {
  const xent_sampling *s = r->problem->sampling;
  const bool all = has_all_ties(s);
  int64_t k = most_of_top_k(r);
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

static double least_of(double p, float M, const contract_temperature *t) {
  const double product = f64_contract_log(p < DBL_MIN ? DBL_MIN : p) * t->tau;
  return (double)M + product;
}

static void min_p(row *r, const contract_temperature *t) {
  const double p = r->problem->sampling->min_p;
  if (p == 0) return;
  const double least = least_of(p, r->first[0].x, t);
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

static void top_n_sigma(row *r) {
  const double n = r->problem->sampling->top_n_sigma, M = r->first[0].x;
  if (n == 0) return;
  const double range = M - (double)r->first[r->count - 1].x, per_range = 1 / range;
  int64_t sum = 0, squares = 0;
  for (int64_t i = 0; i < r->count && range > 0; i++) {
    const double u = (M - (double)r->first[i].x) * per_range, square = u * u;
    sum += (int64_t)rint(ldexp(u, 31));
    squares += (int64_t)rint(ldexp(square, 31));
  }
  const double unit = ldexp((double)r->count, 31), mean = (double)sum / unit, square = mean * mean;
  const double variance = (double)squares / unit - square;
  const double sigma = variance > 0 ? range * sqrt(variance) : 0, below = n * sigma, least = M - below;
  int64_t kept = 0;
  while (kept < r->count && ((double)r->first[kept].x >= least || kept < min_keep(r))) kept++;
  r->count = kept;
}

static void random_words(const sample_problem *p, uint64_t seed, uint64_t *low, uint64_t *high) {
  const xent_sampling *s = p->sampling;
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  const uint32_t counter[4] = {s->step, s->draw, (uint32_t)p->stream, (uint32_t)(p->stream >> 32)};
  uint32_t c[4];
  contract_philox(key, counter, c);
  *low = (uint64_t)c[1] << 32 | c[0];
  *high = (uint64_t)c[3] << 32 | c[2];
}

static void xtc(row *r, const contract_temperature *t) {
  const xent_sampling *s = r->problem->sampling;
  uint64_t low, high;
  if (s->xtc_probability == 0) return;
  random_words(r->problem, s->seed ^ UINT64_C(0x9e3779b97f4a7c15), &low, &high);
  if (!((double)(high >> 11) < ldexp(s->xtc_probability, 53))) return;
  const wide least = ceiling_of_product(s->xtc_threshold == 0 ? 0.1 : s->xtc_threshold, weigh(r, t));
  int64_t last = -1;
  for (int64_t i = 0; i < r->count; i++)
    if ((wide)r->first[i].weight >= least) last = i;
  if (last < 0) return;
  while (last > 0 && r->first[last - 1].x == r->first[last].x) last--;
  if (r->count - last < min_keep(r)) return;
  r->first += last;
  r->count -= last;
}

/* The temperature at its place in the order. */
static void adapt(row *r, contract_temperature *t) {
  const xent_sampling *s = r->problem->sampling;
  const contract_temperature none = contract_temperature_of(0);
  const double tau = s->temperature == 0 ? 1 : s->temperature, q = s->dynatemp_exponent == 0 ? 1 : s->dynatemp_exponent;
  if (s->dynatemp_range == 0 || r->count < 2) return;
  const int64_t S = weigh(r, &none);
  int64_t T = 0;
  for (int64_t i = 0; i < r->count; i++) {
    const double d = (double)r->first[0].x - (double)r->first[i].x;
    T += (int64_t)rint((double)r->first[i].weight * d);
  }
  const double A = (double)T / (double)S, H = A + f64_contract_log((double)S / (double)r->first[0].weight);
  const double h = H / f64_contract_log((double)r->count), k = q * f64_contract_log(fmax(h, DBL_MIN));
  const double power = f64_contract_exp(fmin(k, 0), 0) * 0x1p-192;
  const double least = fmax(tau - s->dynatemp_range, 0), added = (tau + s->dynatemp_range - least) * power;
  *t = contract_temperature_of(fmin(fmax(least + added, 0x1p-32), 0x1p32));
}

/* *t becomes the temperature of the draw. */
static void filter(row *r, contract_temperature *t) {
  static const uint8_t rules[][8] = {
      {7, 5, 1, 2, 3, 4, 6}, {7, 1, 2, 3, 4}, {7, 3, 1, 2}, {5, 1, 4, 2, 3, 6, 7}, {7, 1, 2}};
  const xent_sampling *s = r->problem->sampling;
  const contract_temperature none = contract_temperature_of(0), *now = t;
  uint8_t order[8];
  for (int i = 0; i < 8; i++) order[i] = s->order ? (uint8_t)(s->order >> 8 * i) : rules[s->rules][i];
  for (int i = 0; i < 8; i++)
    if (order[i] == XENT_FILTER_TEMPERATURE) now = &none;
  if (now == t) adapt(r, t);
  for (int i = 0; i < 8; i++) switch (order[i]) {
      case XENT_FILTER_TOP_K: top_k(r); break;
      case XENT_FILTER_TOP_P: top_p(r, now); break;
      case XENT_FILTER_MIN_P: min_p(r, now); break;
      case XENT_FILTER_TYPICAL_P: typical_p(r, now); break;
      case XENT_FILTER_TOP_N_SIGMA: top_n_sigma(r); break;
      case XENT_FILTER_XTC: xtc(r, now); break;
      case XENT_FILTER_TEMPERATURE: adapt(r, t), now = t; break;
      default: break;
    }
}

/* ---- the token ---- */

static int by_class(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  return a->class < b->class ? -1 : 1;
}

static int64_t drawn_below(const sample_problem *p, uint64_t seed, int64_t S) {
  uint64_t low, high;
  random_words(p, seed, &low, &high);
  /* (high 2^64 + low) S / 2^128, what is below 2^64 in low S being lost to floor() twice */
  return (int64_t)(((wide)high * (uint64_t)S + (((wide)low * (uint64_t)S) >> 64)) >> 64);
}

static const candidate *draw(row *r, int64_t S) {
  const int64_t t = drawn_below(r->problem, r->problem->sampling->seed, S);
  qsort(r->first, (size_t)r->count, sizeof *r->first, by_class);
  int64_t up_to = 0;
  for (int64_t i = 0;; i++) {
    up_to += r->first[i].weight;
    if (up_to > t) return &r->first[i];
  }
}

/* rint(q S) */
static int64_t weight_of_probability(float q, int64_t S) {
  if (!(q > 0)) return 0;
  return q >= 1 ? S : (int64_t)rint((double)q * (double)S);
}

/* What the draft becomes; NULL: a class is to be drawn as without it. */
static const candidate *draft(row *r, int64_t S) {
  const sample_problem *p = r->problem;
  const candidate *own = NULL, *other = NULL;
  int64_t beyond = 0, up_to = 0;
  qsort(r->first, (size_t)r->count, sizeof *r->first, by_class);
  for (int64_t i = 0; i < r->count; i++) {
    const int64_t more = r->first[i].weight - weight_of_probability(p->draft_probabilities[r->first[i].class], S);
    if (r->first[i].class == p->draft && r->first[i].weight > 0) own = &r->first[i];
    beyond += more > 0 ? more : 0;
  }
  const int64_t Q = weight_of_probability(p->draft_probabilities[p->draft], S), most = Q > 1 ? Q : 1;
  const int64_t u = drawn_below(p, p->sampling->seed ^ UINT64_C(0xbf58476d1ce4e5b9), most);
  if ((own && u < own->weight) || beyond == 0) return own;
  const int64_t t = drawn_below(p, p->sampling->seed ^ UINT64_C(0x94d049bb133111eb), beyond);
  for (int64_t i = 0; !other; i++) {
    const int64_t more = r->first[i].weight - weight_of_probability(p->draft_probabilities[r->first[i].class], S);
    up_to += more > 0 ? more : 0;
    if (up_to > t) other = &r->first[i];
  }
  return other;
}

static double processed_of(int64_t w, int64_t S) {
  const int64_t rest = S - w;
  const double L = rest <= w ? f64_contract_log1p((double)rest / (double)w) : f64_contract_log((double)S / (double)w);
  return 0 - L;
}

void contract_sample(const sample_problem *p, sample_answer *answer) {
  row r = {.problem = p, .order = malloc((size_t)p->classes * sizeof *r.order)};
  const float nan = NAN;
  *answer = (sample_answer){.token = -1, .kept = 0, .processed = nan, .mask = answer->mask};
  memset(answer->mask, 0, (size_t)p->classes);
  if (r.order && take_candidates(&r) && r.count > 0) {
    contract_temperature t = contract_temperature_of(p->sampling->temperature);
    if (p->sampling->greedy) r.count = 1;
    else filter(&r, &t);
    answer->kept = r.count;
    for (int64_t i = 0; i < r.count; i++) answer->mask[r.first[i].class] = 1;
    const int64_t S = weigh(&r, &t);
    const candidate *token = NULL;
    if (p->draft_probabilities && p->draft >= 0 && !p->sampling->greedy) token = draft(&r, S);
    if (!token) token = draw(&r, S);
    answer->token = token->class;
    answer->processed = (float)processed_of(token->weight, S);
  }
  free(r.order);
}
