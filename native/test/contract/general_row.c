/* SPDX-License-Identifier: Apache-2.0 */
/* General calls as a program: plain, slow, one row at a time. It shares with the kernels nothing but contract.c. */
#include "general_row.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "f64.h"
#include "fma.h"
#include "kernels/kernels.h"

enum { CHUNK = 8192, MOST_CHUNKS = 64 };

static float canonical(double v) {
  const uint32_t quiet = 0x7fc00000u;
  float f = (float)v;
  if (f != f) memcpy(&f, &quiet, sizeof f);
  return f;
}

float contract_tanh(float x) {
  static const float c[7] = {-0x1.555556p-2f, 0x1.1110cap-3f, -0x1.ba03bep-5f, 0x1.64cc9ap-6f,
                             -0x1.167f44p-7f, 0x1.716c44p-9f, -0x1.1f17b8p-11f};
  const float v = fabsf(x) > 10 ? 10 : fabsf(x), z = v * v;
  float p = c[6];
  for (int i = 5; i >= 0; i--) p = fmaf(p, z, c[i]);
  return copysignf(v > 0.875f ? 1 - 2 / (contract_exp(2 * v, 30) + 1) : fmaf(v * z, p, v), x);
}

static double canonical_double(double v) {
  const uint64_t quiet = 0x7ff8000000000000u;
  if (v != v) memcpy(&v, &quiet, sizeof v);
  return v;
}

static bool counted(const general_input *in, int64_t k) { return !in->mask || in->mask[k]; }
static int64_t chunk_length(const general_input *in, int64_t begin) {
  return in->n - begin < CHUNK ? in->n - begin : CHUNK;
}

/* What tanh is taken of. */
static float capped(const general_input *in, int64_t k) { return in->logits[k] * (float)(1 / in->softcap); }

/* The logits after the softcap; the temperature is a factor of the exponent. */
static void prepare(const general_input *in, float *x) {
  for (int64_t k = 0; k < in->n; k++) {
    x[k] = -INFINITY;
    if (!counted(in, k)) continue;
    x[k] = in->softcap != 0 ? (float)in->softcap * contract_tanh(capped(in, k)) : in->logits[k];
  }
}

/* The sink in the units of the logits. A finite one stays finite. */
static float sink_logit(const general_input *in, const contract_temperature *tau) {
  if (!isfinite(in->sink)) return in->sink;
  const double x = (double)in->sink * tau->tau;
  return x > (double)FLT_MAX ? FLT_MAX : x < -(double)FLT_MAX ? -FLT_MAX : (float)x;
}

static bool is_even(const general_input *in, int64_t k) {
  return counted(in, k) && !(in->targets == LABEL && in->others && k == in->label);
}
static bool skipped(const general_input *in, int64_t j) { return in->has_ignore && in->classes[j] == in->ignore; }
static double sparse_term(const general_input *in, int64_t j) {
  const double p = in->eps > 0 ? (1 - in->eps) * in->probabilities[j] : in->probabilities[j];
  return in->weights ? p * in->weights[in->classes[j]] : p;
}

/* The float target of class k as sums take it: of labels 1 or the weight, of sparse rows the dense part. */
static float float_target(const general_input *in, int64_t k, double share) {
  if (!is_even(in, k)) return 0;
  const float w = in->weights ? (float)in->weights[k] : 1;
  if (in->targets == LABEL) return w;
  const float sf = (float)share;
  if (in->targets == SPARSE) return share > 0 ? sf * w : 0;
  return (share > 0 ? fmaf((float)(1 - in->eps), in->q[k], sf) : in->q[k]) * w;
}

/* The sums over targets of one chunk: of t (m - x) and of t. */
static void add_targets(const general_input *in, const float *x, int64_t begin, double share, row_state *s) {
  static float dot[CHUNK], mass[CHUNK];
  if (in->targets == NO_TARGETS || (in->targets == LABEL && in->eps == 0)) return;
  const int64_t n = chunk_length(in, begin);
  const float m = isfinite(s->max) ? (float)s->max : 0;
  for (int64_t i = 0; i < n; i++) {
    mass[i] = float_target(in, begin + i, share);
    dot[i] = mass[i] == 0 ? 0 : mass[i] * (m - x[begin + i]);
  }
  s->dot = contract_chunk_sum(dot, (size_t)n);
  s->mass = in->targets == LABEL && !in->weights ? 0 : contract_chunk_sum(mass, (size_t)n);
  for (int64_t j = 0; in->targets == SPARSE && j < in->count; j++) {
    const int64_t k = in->classes[j];
    if (skipped(in, j) || k < begin || k >= begin + n) continue;
    const double t = sparse_term(in, j);
    if (t != 0) s->dot += t * ((double)m - (double)x[k]);
    s->mass += t;
  }
  s->dot = canonical_double(s->dot);
  s->mass = canonical_double(s->mass);
}

static double clamped(const general_input *in, double L) {
  const double d = in->clamp < DBL_MIN ? DBL_MIN : in->clamp;
  const double least = 0 - contract_log(1 - d), most = 0 - contract_log(d);
  L = L > least ? L : least;
  return L < most ? L : most;
}

/* The loss of probability and sparse rows under a clamp, which goes without smoothing. */
static double sum_of_clamped(const general_input *in, const float *x, double M, double D, double r) {
  double sum = 0;
  for (int64_t j = 0; j < (in->targets == SPARSE ? in->count : in->n); j++) {
    const int64_t k = in->targets == SPARSE ? in->classes[j] : j;
    if (in->targets == SPARSE && skipped(in, j)) continue;
    const double t = in->targets == SPARSE ? sparse_term(in, j) : (double)float_target(in, k, 0);
    if (t != 0) sum += t * clamped(in, D + (M - (double)x[k]) * r);
  }
  return sum;
}

static bool before(const float *x, int64_t a, int64_t b) { return x[a] > x[b] || (x[a] == x[b] && a < b); }

static uint32_t kind_of(const general_input *in) {
  if (in->targets == NO_TARGETS) return XENT_KIND_SOFTMAX;
  return in->targets == LABEL ? XENT_KIND_LABEL : XENT_KIND_PROBABILITIES;
}

static uint32_t hashed_bits(uint32_t hash, uint64_t bits) {
  for (int i = 0; i < 64; i += 8) hash = (hash ^ (uint32_t)(bits >> i & 0xff)) * 16777619u;
  return hash;
}
static uint32_t hashed(uint32_t hash, double number) {
  uint64_t bits;
  number += 0.0;
  memcpy(&bits, &number, sizeof bits);
  return hashed_bits(hash, bits);
}
/* FNV-1a of the options that a row's numbers depend on. */
static uint32_t digest_of(const general_input *in) {
  const double tau = in->temperature == 1 ? 0 : in->temperature;
  const uint64_t what = (in->others ? 1u : 0u) + (in->weights ? 2u : 0u);
  uint32_t hash = hashed(hashed(2166136261u, tau), in->softcap);
  if (in->targets == NO_TARGETS) return hash;
  hash = hashed_bits(hashed(hashed(hash, in->eps), in->z_loss), what);
  return in->gamma > 0 ? hashed(hash, in->gamma) : hash;
}

static bool any_nan(const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (isnan(x[i])) return true;
  return false;
}
static int64_t first_equal(const float *x, int64_t n, float value) {
  int64_t i = 0;
  while (i < n && x[i] != value) i++;
  return i < n ? i : -1;
}

/* What the state of a chunk of a row without targets says for log-sum-exp. */
static void add_log_sum_exp(const float *x, int64_t n, const contract_temperature *tau, bool shifted, row_state *s) {
  const float max = (float)s->max;
  if (max * tau->hi > 16384) {
    s->sum = any_nan(x, n) ? canonical_double(NAN) : max == INFINITY ? INFINITY : 0;
    return;
  }
  if (shifted || isinf(max) || isnan(s->sum)) return;
  if (fabs((double)max * tau->r) < 0.125 && s->sum <= 2 * (double)contract_exp_at(max, s->reference, tau))
    s->dot = contract_chunk_of(x, (size_t)n, (ptrdiff_t)first_equal(x, n, max), tau).s;
}

static row_state state_of(const general_input *in, const float *x, int64_t begin, const contract_temperature *tau,
                          double share, bool shifted) {
  const int64_t n = chunk_length(in, begin), y = in->targets == LABEL ? in->label - begin : -1;
  const bool here = y >= 0 && y < n;
  const contract_chunk c = contract_chunk_of(x + begin, (size_t)n, here ? (ptrdiff_t)y : -1, tau);
  row_state s = {.kind = kind_of(in) | xent_state_version | (shifted ? XENT_STATE_SHIFTED : 0),
                 .reference = c.N,
                 .label = XENT_LABEL_ELSEWHERE,
                 .digest = digest_of(in),
                 .max = (double)c.max,
                 .sum = canonical_double(c.s)};
  bool first = here && x[in->label] == c.max;
  for (int64_t k = begin; k < begin + n; k++) {
    s.counted = (uint16_t)(s.counted + counted(in, k));
    if (here && counted(in, k) && before(x, k, in->label)) first = false;
  }
  if (here) {
    s.kind |= XENT_STATE_LABEL_HERE | (first ? XENT_STATE_LABEL_FIRST_MAX : 0);
    s.label = (uint16_t)y;
    s.label_logit = canonical_double((double)x[in->label]);
  }
  add_targets(in, x, begin, share, &s);
  if (in->targets == NO_TARGETS) add_log_sum_exp(x + begin, n, tau, shifted, &s);
  return s;
}

typedef struct {
  float *x, shift;
  contract_row stat;
  bool nan, masked;
  float sink;
  double own_e, others; /* of labels */
  double T, Q;          /* sums over targets of t (M - x) and of t */
} ready;

/* One more chunk, or a sink: M is raised to at least `max`. */
static void move_targets(ready *r, float *M, float max) {
  const float raised = max > *M ? max : *M;
  if (isfinite(*M) && isfinite(raised) && raised != *M) r->T += r->Q * ((double)raised - (double)*M);
  *M = raised;
}

/* One round of a row: its states, and these folded. */
static void run_round(const general_input *in, ready *r, const contract_temperature *tau, double share, bool shifted,
                      row_state *states) {
  contract_chunk chunks[MOST_CHUNKS];
  size_t count = 0;
  float M = -INFINITY;
  r->T = r->Q = 0;
  for (int64_t begin = 0; begin < in->n; begin += CHUNK, count++) {
    const row_state s = state_of(in, r->x, begin, tau, share, shifted);
    const float max = (float)s.max;
    const bool here = s.label != XENT_LABEL_ELSEWHERE;
    const double mass = in->targets == LABEL && !in->weights ? s.counted - (in->others && here) : s.mass;
    chunks[count] = (contract_chunk){.max = max, .N = s.reference, .s = s.sum};
    move_targets(r, &M, max);
    r->T += s.dot;
    if (isfinite(max) && M != max) r->T += mass * ((double)M - (double)max);
    r->Q += mass;
    if (states) states[count] = s;
  }
  if (in->has_sink) {
    const float N = contract_reference(r->sink == r->sink ? r->sink * tau->hi : -INFINITY);
    chunks[count++] = (contract_chunk){.max = r->sink + 0.0f, .N = N, .s = (double)contract_exp_at(r->sink, N, tau)};
    move_targets(r, &M, r->sink + 0.0f);
  }
  r->stat = contract_fold(chunks, count);
}

/* states: of both rounds, one after the other, or NULL */
static ready prepared_row(const general_input *in, float *x, double share, row_state *states, bool *again) {
  const contract_temperature tau = contract_temperature_of(in->temperature);
  ready r = {.x = x, .sink = sink_logit(in, &tau)};
  run_round(in, &r, &tau, share, false, states);
  *again = isfinite(r.stat.max) && !(fabsf(r.stat.max * tau.hi) <= 16384);
  if (*again) {
    r.shift = r.stat.max;
    for (int64_t k = 0; k < in->n; k++) x[k] -= r.shift;
    r.sink -= r.shift;
    run_round(in, &r, &tau, share, true, states ? states + (in->n + CHUNK - 1) / CHUNK : NULL);
  }
  r.others = r.stat.S;
  if (in->targets == LABEL) {
    r.own_e = (double)contract_exp_at(x[in->label], r.stat.N, &tau) * 0x1p-30;
    r.stat.S += r.own_e;
  }
  if (r.stat.max == INFINITY || isnan(r.stat.S))
    r.nan = true;
  else if (r.stat.max == -INFINITY)
    r.nan = !(r.masked = in->masked_is_zero);
  else if ((in->targets == DENSE || in->targets == SPARSE) && !isfinite(r.Q))
    r.nan = true;
  return r;
}

static row_statistics statistics_of(const general_input *in, const ready *r, double pull, double share) {
  row_statistics s = {.kind = kind_of(in), .digest = digest_of(in)};
  if (r->nan || r->masked) {
    s.kind |= r->nan ? XENT_ROW_NAN : XENT_ROW_MASKED;
    return s;
  }
  s.reference = r->stat.N;
  s.shift = (double)r->shift;
  s.max = (double)r->stat.max;
  s.sum = r->others;
  s.mass = in->targets == LABEL ? r->own_e : in->targets == NO_TARGETS ? 0 : r->Q;
  s.pull = canonical_double(pull);
  s.share = canonical_double(share);
  return s;
}

static const float *order_of;
static int by_order(const void *a, const void *b) {
  const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  return before(order_of, i, j) ? -1 : before(order_of, j, i);
}

/* The sum over classes of e (M - x). */
static double entropy_sum(const general_input *in, const ready *r, const contract_temperature *tau) {
  static float term[CHUNK];
  const float lowest = contract_lowest(r->stat.N, tau);
  double total = 0;
  for (int64_t begin = 0; begin < in->n; begin += CHUNK) {
    const int64_t n = chunk_length(in, begin);
    for (int64_t i = 0; i < n; i++) {
      const float x = r->x[begin + i];
      term[i] = contract_exp_at(x, r->stat.N, tau) * (r->stat.max - (x < lowest ? lowest : x));
    }
    total += contract_chunk_sum(term, (size_t)n);
  }
  return total;
}

static void fill(float *y, int64_t n, float value) {
  for (int64_t k = 0; k < n; k++) y[k] = value;
}

/* The results of a row that is NaN, fully masked or ignored. */
static void special(const general_input *in, general_output *out, bool masked, bool ignored) {
  const float nan = canonical((double)NAN), zero_or_nan = masked || ignored ? 0 : nan;
  out->loss = zero_or_nan;
  out->lse = masked ? -INFINITY : nan;
  out->log_probability = out->lse;
  out->entropy = masked ? 0 : nan;
  out->argmax = out->rank = -1;
  out->hit = false;
  out->ignored = ignored;
  fill(out->gradient, in->n, zero_or_nan);
  fill(out->target_gradient, in->targets == SPARSE ? in->count : in->n, zero_or_nan);
  for (int64_t k = 0; k < in->n; k++) {
    out->top[k] = -1;
    out->top_values[k] = masked ? -INFINITY : nan;
  }
}

static double log_sum_exp(const ready *r, const contract_temperature *tau, double D) {
  return (double)r->shift * tau->r + ((double)r->stat.max * tau->r + D);
}

/* S without the first of the largest classes, or without a sink that is larger. */
static double sum_of_others(const general_input *in, const ready *r, const contract_temperature *tau) {
  contract_chunk chunks[MOST_CHUNKS];
  size_t count = 0;
  const int64_t largest = first_equal(r->x, in->n, r->stat.max);
  for (int64_t begin = 0; begin < in->n; begin += CHUNK) {
    const int64_t n = chunk_length(in, begin), at = largest - begin;
    chunks[count++] =
        contract_chunk_of(r->x + begin, (size_t)n, largest >= 0 && at >= 0 && at < n ? (ptrdiff_t)at : -1, tau);
  }
  if (in->has_sink) {
    const float N = contract_reference(r->sink * tau->hi);
    const double e = largest < 0 ? 0 : (double)contract_exp_at(r->sink, N, tau);
    chunks[count++] = (contract_chunk){.max = r->sink, .N = N, .s = e};
  }
  return contract_fold(chunks, count).S;
}

/* Without targets. */
static float log_sum_exp_alone(const general_input *in, const ready *r, const contract_temperature *tau, double D) {
  const float nan = canonical((double)NAN);
  if (r->nan) {
    const bool bad = any_nan(r->x, in->n) || (in->has_sink && isnan(r->sink));
    return !bad && r->stat.max == INFINITY ? INFINITY : nan;
  }
  if (r->masked) return -INFINITY;
  if (r->shift == 0 && fabs((double)r->stat.max * tau->r) + D < 0.125) {
    const double E = (double)contract_exp_at(r->stat.max, r->stat.N, tau) * 0x1p-30;
    D = contract_log1p(sum_of_others(in, r, tau) / E);
  }
  return canonical(log_sum_exp(r, tau, D));
}

static void softmax_results(const general_input *given, general_output *out) {
  general_input in = *given;
  in.targets = NO_TARGETS;
  const contract_temperature tau = contract_temperature_of(in.temperature);
  prepare(&in, out->scratch);
  const ready r = prepared_row(&in, out->scratch, 0, out->softmax_states, &out->softmax_again);
  out->softmax_statistics = statistics_of(&in, &r, 0, 0);
  const double D = r.nan || r.masked ? 0 : contract_distance(r.stat, &tau);
  const double E = (double)contract_exp_at(r.stat.max, r.stat.N, &tau) * 0x1p-30;
  const float f = (float)(0x1p-30 / r.stat.S), nan = canonical((double)NAN);
  out->softmax_lse = log_sum_exp_alone(&in, &r, &tau, D);
  for (int64_t k = 0; k < in.n; k++) {
    const bool one = in.n == 1 && r.stat.S == E && r.x[0] == r.stat.max;
    out->softmax[k] = r.nan ? nan : r.masked ? 0 : one ? 1 : contract_exp_at(r.x[k], r.stat.N, &tau) * f;
    out->log_softmax[k] = r.nan ? nan : r.masked ? -INFINITY : fmaf(r.x[k] - r.stat.max, tau.hi, (float)(0 - D));
  }
}

static void ignored_states(const general_input *in, row_state *states) {
  for (int64_t begin = 0; begin < in->n; begin += CHUNK, states++) {
    *states = (row_state){.kind = XENT_KIND_LABEL | xent_state_version,
                          .label = XENT_LABEL_ELSEWHERE,
                          .digest = digest_of(in)};
    for (int64_t i = 0; i < chunk_length(in, begin); i++)
      states->counted = (uint16_t)(states->counted + counted(in, begin + i));
  }
}

/* What a class's gradient is made of: fma(e, f, b) * back. */
typedef struct {
  double cc, even; /* even: the smoothing of a class of weight 1, times cc */
  float f, cf, bs;
  bool carried;
} factors;

static factors factors_of(double cc, double share, double S, double pull) {
  const double H = 0x1p-30 / S * cc * pull;
  factors k = {.cc = cc, .even = cc * share};
  k.carried = H != 0 && fabs(H) < 0x1p-126 && fabs(cc) < 0x1p31;
  const double up = k.carried ? 0x1p96 : 1;
  k.f = (float)(H * up);
  k.cf = (float)(cc * up);
  k.bs = (float)(k.even * up);
  return k;
}

static float gradient_of(const general_input *in, const factors *f, int64_t k, double share, float e) {
  const float w = in->weights ? (float)in->weights[k] : 1;
  double t = 0, product = 0; /* product: the target of a class that has one, times cc */
  bool named = false;
  for (int64_t j = 0; in->targets == SPARSE && j < in->count; j++)
    if (!skipped(in, j) && in->classes[j] == k) {
      t = named ? t + sparse_term(in, j) : sparse_term(in, j);
      named = true;
    }
  float b = -0.0f;
  if (named) {
    if (share > 0) t += share * (double)w;
    product = f->cc * t;
    b = -(float)(f->carried ? product * 0x1p96 : product);
  } else if (in->targets == DENSE) {
    const float target = float_target(in, k, share);
    product = f->cc * (double)target;
    b = -(target * f->cf);
  } else if (share > 0 && is_even(in, k)) {
    if (in->weights) product = f->even * (double)w;
    b = in->weights ? -(w * f->bs) : -f->bs;
  }
  if (!f->carried) return fmaf(e, f->f, b);
  return fabs(product) >= 0x1p30 ? -(float)product : fmaf(e, f->f, b) * 0x1p-96f;
}

/* (1 - p)^gamma, and in *scale what the gradient is scaled by. */
static double focal(const general_input *in, const ready *r, double L, double *scale) {
  const double m = r->others / r->stat.S, p = r->own_e / r->stat.S * in->gamma;
  *scale = 0;
  if (!(m >= DBL_MIN)) return 0;
  const double power = f64_contract_exp(contract_log(m) * in->gamma, 0) * 0x1p-192;
  *scale = power * fma(p, p == 0 ? 0 : L / m, 1);
  return power;
}

void contract_general_row(const general_input *in, general_output *out) {
  softmax_results(in, out);
  const contract_temperature tau = contract_temperature_of(in->temperature);
  const bool no_label = in->targets == LABEL && in->has_ignore && in->label == in->ignore;
  float *x = out->scratch;
  prepare(in, x);
  int64_t K = 0, place = 0;
  for (int64_t k = 0; k < in->n; k++) K += counted(in, k);
  const double eps = in->eps, H = (double)(in->targets == LABEL && in->others ? K - 1 : K);
  const double share = eps > 0 && H > 0 ? eps / H : 0;
  out->again = false;
  if (no_label && out->states) ignored_states(in, out->states);

  /* ranks, on logits that are not shifted */
  for (int64_t k = 0; k < in->n; k++)
    if (counted(in, k)) out->top[place++] = k;
  order_of = x;
  qsort(out->top, (size_t)place, sizeof *out->top, by_order);
  for (int64_t k = place; k < in->n; k++) out->top[k] = -1;
  out->argmax = K ? out->top[0] : -1;
  out->rank = 0;
  if (in->targets == LABEL && !no_label)
    for (int64_t k = 0; k < in->n; k++) out->rank += counted(in, k) && before(x, k, in->label);
  out->hit = in->targets == LABEL && out->rank == 0;

  ready r = {.x = x};
  if (!no_label) r = prepared_row(in, x, share, out->states, &out->again);
  if (in->row_weight == 0 || no_label) {
    special(in, out, false, true);
    out->statistics = (row_statistics){.kind = kind_of(in) | XENT_ROW_IGNORED, .digest = digest_of(in)};
    return;
  }
  if (r.nan || r.masked) {
    special(in, out, r.masked && !r.nan, false);
    if (in->targets == NO_TARGETS) out->lse = log_sum_exp_alone(in, &r, &tau, 0);
    out->statistics = statistics_of(in, &r, 0, 0);
    return;
  }
  const double M = (double)r.stat.max, S = r.stat.S, D = contract_distance(r.stat, &tau);
  const double lse = log_sum_exp(&r, &tau, D);
  const float minus_d = (float)(0 - D);
  double B = 0, A = 1, own = 0, focus = 1; /* focus: what a focal loss scales its gradient by */
  const double wy = in->weights && in->targets == LABEL ? in->weights[in->label] : 1;
  const bool nothing_even = in->others && eps > 0 && share == 0;
  if (in->targets == LABEL) {
    own = (1 - eps) * wy;
    const double q = r.others / r.own_e;
    double L = q <= 1 ? contract_log1p(q) : D + (M - (double)x[in->label]) * tau.r;
    if (in->clamp > 0) L = clamped(in, L);
    const double even = share == 0 ? 0 : in->weights ? (r.T * tau.r + r.Q * D) / H : r.T / H * tau.r + D;
    const double mine = own == 0 ? 0 : own * L;
    B = share == 0 ? mine : own == 0 ? eps * even : fma(own, L, eps * even);
    if (in->weights || nothing_even) A = own + (share > 0 ? share * r.Q : 0);
    if (in->gamma > 0) B = focal(in, &r, L, &focus) * B;
    out->log_probability = canonical(0 - L);
  } else if (in->targets != NO_TARGETS) {
    B = in->clamp > 0 ? sum_of_clamped(in, x, M, D, tau.r) : r.T * tau.r + r.Q * D;
    A = r.Q;
  }
  const double pull = in->z_loss > 0 ? A + 2 * in->z_loss * lse : A;
  double loss = in->z_loss > 0 ? B + in->z_loss * (lse * lse) : B;
  if (in->has_row_weight) loss = in->row_weight * loss;
  out->loss = canonical(loss);
  out->lse = in->targets == NO_TARGETS ? log_sum_exp_alone(in, &r, &tau, D) : canonical(lse);
  out->ignored = false;
  out->statistics = statistics_of(in, &r, in->targets == NO_TARGETS ? 0 : pull, in->gamma > 0 ? focus : share);
  const double rest = entropy_sum(in, &r, &tau) * 0x1p-30 * tau.r / S;
  const double E = in->has_sink ? (double)contract_exp_at(r.sink, r.stat.N, &tau) * 0x1p-30 : 0;
  out->entropy = canonical(in->has_sink ? fma(D, (S - E) / S, rest) : D + rest);
  for (int64_t k = 0; k < in->n; k++)
    out->top_values[k] = out->top[k] < 0 ? -INFINITY : fmaf(x[out->top[k]] - r.stat.max, tau.hi, minus_d);

  if (in->targets == NO_TARGETS) return;
  const double cc = in->gamma > 0 ? in->scale / tau.tau * focus : in->scale / tau.tau;
  const factors f = factors_of(cc, share, S, pull);
  for (int64_t k = 0; k < in->n; k++) {
    float g = gradient_of(in, &f, k, share, contract_exp_at(x[k], r.stat.N, &tau));
    if (in->targets == LABEL && k == in->label) {
      const double keep = 1 - eps, rest_of = share == 0 ? 0 : in->others ? eps : eps - share;
      const double even = in->others ? 0 : share * wy;
      double at;
      if (in->weights || in->z_loss > 0 || nothing_even)
        at = (0 - r.others / S) * own + (r.own_e / S) * (pull - own) - even;
      else if (eps <= 0.5)
        at = (0 - r.others / S) + rest_of;
      else
        at = r.own_e / S - (in->others ? keep : keep + share);
      g = (float)(at * cc);
    }
    if (in->softcap != 0 && counted(in, k)) {
      const float s = contract_tanh(capped(in, k));
      g = g * fmaf(-s, s, 1);
    }
    out->gradient[k] = counted(in, k) ? canonical((double)g) : 0;
  }
  const float tc = (float)(in->target_scale * (1 - eps)), d = (float)D;
  for (int64_t j = 0; j < (in->targets == SPARSE ? in->count : in->n); j++) {
    const int64_t k = in->targets == SPARSE ? in->classes[j] : j;
    out->target_gradient[j] = 0;
    if (in->targets == LABEL || (in->targets == SPARSE && skipped(in, j)) || !counted(in, k)) continue;
    const float factor = in->weights ? tc * (float)in->weights[k] : tc;
    if (factor != 0) out->target_gradient[j] = canonical((double)(factor * fmaf(r.stat.max - x[k], tau.hi, d)));
  }
}
