/* SPDX-License-Identifier: Apache-2.0 */
/* General calls as a program: plain, slow, one row at a time. It shares with the kernels nothing but contract.c. */
#include "general_row.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"

enum { LANES = 16, GROUP = 128, CHUNK = 8192 };

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

static bool counted(const general_input *in, int64_t k) { return !in->mask || in->mask[k]; }

static void prepare(const general_input *in, float *x) {
  const float cap = (float)in->softcap, tau = (float)in->temperature;
  for (int64_t k = 0; k < in->n; k++) {
    x[k] = -INFINITY;
    if (!counted(in, k)) continue;
    x[k] = in->logits[k];
    if (in->softcap != 0) x[k] = cap * contract_tanh(x[k] / cap);
    if (in->temperature != 0) x[k] = x[k] / tau;
  }
}

static contract_row statistics(const float *x, int64_t n, int64_t without, bool has_sink, float sink) {
  contract_chunk chunks[64];
  size_t count = 0;
  for (int64_t i = 0; i < n; i += CHUNK, count++) {
    const int64_t m = n - i < CHUNK ? n - i : CHUNK, at = without - i;
    chunks[count] = contract_chunk_of(x + i, (size_t)m, without >= 0 && at >= 0 && at < m ? (ptrdiff_t)at : -1);
  }
  if (has_sink) {
    const float N = contract_reference(sink == sink ? sink : -INFINITY);
    chunks[count++] = (contract_chunk){.max = sink + 0.0f, .N = N, .s = (double)contract_exp(sink, N)};
  }
  return contract_fold(chunks, count);
}

typedef struct {
  float *x, shift;
  contract_row stat;
  bool nan, masked;
  float sink;
  double own_e, others;
} ready;

static ready prepared_row(const general_input *in, float *x, int64_t without) {
  ready r = {.x = x, .sink = in->sink};
  r.stat = statistics(x, in->n, without, in->has_sink, in->sink);
  if (isfinite(r.stat.max) && fabsf(r.stat.max) > 16384) {
    r.shift = r.stat.max;
    for (int64_t k = 0; k < in->n; k++) x[k] -= r.shift;
    r.sink = in->sink - r.shift;
    r.stat = statistics(x, in->n, without, in->has_sink, r.sink);
  }
  r.others = r.stat.S;
  if (without >= 0) {
    r.own_e = (double)contract_exp(x[without], r.stat.N) * 0x1p-30;
    r.stat.S += r.own_e;
  }
  if (r.stat.max == INFINITY || isnan(r.stat.S))
    r.nan = true;
  else if (r.stat.max == -INFINITY)
    r.nan = !(r.masked = in->masked_is_zero);
  return r;
}

/* A sum in sixteen lanes of one chunk after the other. */
typedef struct {
  double lane[LANES], total;
} lane_sum;

static void end_chunk(lane_sum *s) {
  for (int k = LANES / 2; k >= 1; k /= 2)
    for (int j = 0; j < k; j++) s->lane[j] += s->lane[j + k];
  s->total += s->lane[0];
  memset(s->lane, 0, sizeof s->lane);
}
static bool chunk_ends(const general_input *in, int64_t k) { return (k + 1) % CHUNK == 0 || k + 1 == in->n; }

static double weight(const general_input *in, int64_t k) { return in->weights ? in->weights[k] : 1; }

static bool is_even(const general_input *in, int64_t k) {
  return counted(in, k) && !(in->targets == LABEL && in->others && k == in->label);
}

static double sparse_term(const general_input *in, int64_t j) {
  const double p = in->eps > 0 ? (1 - in->eps) * in->probabilities[j] : in->probabilities[j];
  return in->weights ? p * in->weights[in->classes[j]] : p;
}
static bool skipped(const general_input *in, int64_t j) { return in->has_ignore && in->classes[j] == in->ignore; }

/* The target of class k. */
static double target(const general_input *in, int64_t k, double share, bool even_part_alone) {
  if (!counted(in, k)) return 0;
  if (in->targets == DENSE) {
    const double q = share == 0 ? (double)in->q[k] : fma(1 - in->eps, (double)in->q[k], share);
    return in->weights ? in->weights[k] * q : q;
  }
  const double even = is_even(in, k) ? (in->weights ? share * in->weights[k] : share) : 0;
  if (in->targets == LABEL || even_part_alone) return even;
  double sum = 0;
  bool any = false;
  for (int64_t j = 0; j < in->count; j++)
    if (!skipped(in, j) && in->classes[j] == k) {
      sum = any ? sum + sparse_term(in, j) : sparse_term(in, j);
      any = true;
    }
  if (!any) return even;
  return share > 0 ? sum + even : sum;
}

static bool before(const float *x, int64_t a, int64_t b) { return x[a] > x[b] || (x[a] == x[b] && a < b); }

static const float *order_of;
static int by_order(const void *a, const void *b) {
  const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  return before(order_of, i, j) ? -1 : before(order_of, j, i);
}

static float gradient_of(double G, double c, double t, float e, bool constant) {
  const double product = c * t;
  if (G != 0 && fabs(G) < 0x1p-126) {
    if (!constant && fabs(product) >= 0x1p30) return -(float)product;
    const float b = t == 0 ? -0.0f : -(float)(product * 0x1p96);
    return fmaf(e, (float)(G * 0x1p96), b) * 0x1p-96f;
  }
  return fmaf(e, (float)G, t == 0 ? -0.0f : -(float)product);
}

/* Sums over groups of float products, as a softmax backward has them. */
static double entropy_sum(const general_input *in, const ready *r) {
  double total = 0;
  for (int64_t begin = 0; begin < in->n; begin += CHUNK) {
    const int64_t n = in->n - begin < CHUNK ? in->n - begin : CHUNK;
    double lane[LANES] = {0};
    for (int64_t i = 0; i < n; i += GROUP)
      for (int j = 0; j < LANES; j++) {
        float v[8];
        for (int h = 0; h < 8; h++) {
          const int64_t k = i + h * LANES + j;
          v[h] = 0;
          if (k >= n) continue;
          const float x = r->x[begin + k], e = contract_exp(x, r->stat.N);
          if (e != 0) v[h] = e * (r->stat.max - x);
        }
        lane[j] += (double)(((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])));
      }
    for (int k = LANES / 2; k >= 1; k /= 2)
      for (int j = 0; j < k; j++)
        lane[j] = n <= GROUP ? (double)((float)lane[j] + (float)lane[j + k]) : lane[j] + lane[j + k];
    total += lane[0];
  }
  return total;
}

static void fill(float *y, int64_t n, float value) {
  for (int64_t k = 0; k < n; k++) y[k] = value;
}

/* What a row gives that is NaN, fully masked or ignored. */
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

static void softmax_results(const general_input *in, general_output *out) {
  prepare(in, out->scratch);
  const ready r = prepared_row(in, out->scratch, -1);
  const double D = r.nan || r.masked ? 0 : contract_distance(r.stat);
  const float f = (float)(0x1p-30 / r.stat.S);
  out->softmax_lse = r.nan ? canonical((double)NAN) : r.masked ? -INFINITY
                     : (float)((double)r.shift + ((double)r.stat.max + D));
  for (int64_t k = 0; k < in->n; k++) {
    const double E = (double)contract_exp(r.stat.max, r.stat.N) * 0x1p-30;
    const bool one = in->n == 1 && r.stat.S == E && r.x[0] == r.stat.max;
    out->softmax[k] = r.nan ? canonical((double)NAN) : r.masked ? 0 : one ? 1 : contract_exp(r.x[k], r.stat.N) * f;
    out->log_softmax[k] = r.nan ? canonical((double)NAN) : r.masked ? -INFINITY : (r.x[k] - r.stat.max) + (float)(0 - D);
  }
}

void contract_general_row(const general_input *in, general_output *out) {
  softmax_results(in, out);
  const bool ignored = in->row_weight == 0 || (in->targets == LABEL && in->has_ignore && in->label == in->ignore);
  if (ignored) {
    special(in, out, false, true);
    return;
  }
  /* ranks, on logits that are not shifted */
  float *x = out->scratch;
  prepare(in, x);
  int64_t K = 0, place = 0;
  for (int64_t k = 0; k < in->n; k++) K += counted(in, k);
  for (int64_t k = 0; k < in->n; k++)
    if (counted(in, k)) out->top[place++] = k;
  order_of = x;
  qsort(out->top, (size_t)place, sizeof *out->top, by_order);
  for (int64_t k = place; k < in->n; k++) out->top[k] = -1;
  out->argmax = K ? out->top[0] : -1;
  out->rank = 0;
  if (in->targets == LABEL)
    for (int64_t k = 0; k < in->n; k++) out->rank += counted(in, k) && before(x, k, in->label);
  out->hit = in->targets == LABEL && out->rank == 0;

  const ready r = prepared_row(in, x, in->targets == LABEL ? in->label : -1);
  const double M = (double)r.stat.max, S = r.stat.S, eps = in->eps;
  const double H = (double)(in->targets == LABEL && in->others ? K - 1 : K);
  const double share = eps > 0 && H > 0 ? eps / H : 0;
  lane_sum X = {{0}, 0}, W = {{0}, 0};
  if (in->targets == LABEL || in->targets == DENSE || share > 0)
    for (int64_t k = 0; in->targets != NO_TARGETS && k < in->n; k++) {
      const double t = in->targets == LABEL ? (is_even(in, k) ? weight(in, k) : 0) : target(in, k, share, true);
      if (counted(in, k)) {
        X.lane[k % LANES] = fma(t, t == 0 ? 0 : (double)x[k], X.lane[k % LANES]);
        W.lane[k % LANES] += t;
      }
      if (chunk_ends(in, k) && in->targets != SPARSE) {
        end_chunk(&X);
        end_chunk(&W);
      }
      if (chunk_ends(in, k) && in->targets == SPARSE) {
        double dot = 0, mass = 0;
        lane_sum a = X, b = W;
        a.total = b.total = 0;
        end_chunk(&a);
        end_chunk(&b);
        dot = a.total, mass = b.total;
        for (int64_t j = 0; j < in->count; j++) {
          if (skipped(in, j) || in->classes[j] / CHUNK != k / CHUNK) continue;
          const double t_j = sparse_term(in, j);
          if (t_j != 0) dot = fma(t_j, (double)x[in->classes[j]], dot);
          mass += t_j;
        }
        X.total += dot, W.total += mass;
        memset(X.lane, 0, sizeof X.lane);
        memset(W.lane, 0, sizeof W.lane);
      }
    }
  else if (in->targets == SPARSE)
    for (int64_t begin = 0; begin < in->n; begin += CHUNK) {
      double dot = 0, mass = 0;
      for (int64_t j = 0; j < in->count; j++) {
        if (skipped(in, j) || in->classes[j] / CHUNK != begin / CHUNK) continue;
        const double t_j = sparse_term(in, j);
        if (t_j != 0) dot = fma(t_j, (double)x[in->classes[j]], dot);
        mass += t_j;
      }
      X.total += dot, W.total += mass;
    }
  const bool soft = in->targets == DENSE || in->targets == SPARSE;
  if (r.nan || r.masked || (soft && !isfinite(W.total))) {
    special(in, out, r.masked && !r.nan, false);
    return;
  }
  const double D = contract_distance(r.stat), lse = (double)r.shift + (M + D);
  double B = 0, A = 1, own = 0, wy = 1;
  if (in->targets == LABEL) {
    wy = weight(in, in->label);
    own = (1 - eps) * wy;
    const double q = r.others / r.own_e;
    double L = q <= 1 ? contract_log1p(q) : D + (M - (double)x[in->label]);
    if (in->clamp > 0) {
      const double least = 0 - contract_log(1 - in->clamp), most = 0 - contract_log(in->clamp);
      L = L > least ? L : least;
      L = L < most ? L : most;
    }
    const double even = share == 0 ? 0 : in->weights ? ((W.total * M - X.total) + W.total * D) / H : (H * M - X.total) / H + D;
    const double mine = own == 0 ? 0 : own * L;
    B = share == 0 ? mine : own == 0 ? eps * even : fma(own, L, eps * even);
    if (in->weights || (in->others && eps > 0 && H == 0)) A = own + (share > 0 ? share * W.total : 0);
    out->log_probability = canonical(0 - L);
  } else {
    B = fma(W.total, M, -X.total) + W.total * D;
    A = W.total;
  }
  const double pull = in->z_loss > 0 ? A + 2 * in->z_loss * lse : A;
  double loss = in->z_loss > 0 ? B + in->z_loss * (lse * lse) : B;
  if (in->has_row_weight) loss = in->row_weight * loss;
  out->loss = canonical(loss);
  out->lse = canonical(lse);
  out->ignored = false;
  const double rest = entropy_sum(in, &r) * 0x1p-30 / S;
  const double E = in->has_sink ? (double)contract_exp(r.sink, r.stat.N) * 0x1p-30 : 0;
  out->entropy = canonical(in->has_sink ? fma(D, (S - E) / S, rest) : D + rest);
  for (int64_t k = 0; k < in->n; k++)
    out->top_values[k] = out->top[k] < 0 ? -INFINITY : (x[out->top[k]] - r.stat.max) + (float)(0 - D);

  if (in->targets == NO_TARGETS) return;
  const double c = in->temperature != 0 ? in->scale / in->temperature : in->scale, G = 0x1p-30 / S * c * pull;
  for (int64_t k = 0; k < in->n; k++) {
    double t = in->targets == SPARSE ? target(in, k, share, true) : target(in, k, share, false);
    bool constant = in->targets == LABEL ? !in->weights : in->targets == SPARSE && !in->weights;
    if (in->targets == SPARSE)
      for (int64_t j = 0; j < in->count; j++)
        if (!skipped(in, j) && in->classes[j] == k) {
          t = target(in, k, share, false);
          constant = false;
          break;
        }
    if (in->targets == LABEL && in->others && k == in->label) t = 0;
    float g = gradient_of(G, c, t, contract_exp(x[k], r.stat.N), constant);
    if (in->targets == LABEL && k == in->label) {
      const bool plain = !in->weights && in->z_loss == 0 && !(in->others && eps > 0 && H == 0);
      const double even = in->others ? 0 : share * wy;
      const double at = plain ? ((0 - r.others / S) + (share == 0 ? 0 : in->others ? eps : eps - share)) * c
                              : ((0 - r.others / S) * own + (r.own_e / S) * (pull - own) - even) * c;
      g = (float)at;
    }
    if (in->softcap != 0 && counted(in, k)) {
      const float s = contract_tanh(in->logits[k] / (float)in->softcap);
      g = g * fmaf(-s, s, 1);
    }
    out->gradient[k] = counted(in, k) ? canonical((double)g) : 0;
  }
  for (int64_t j = 0; j < (in->targets == SPARSE ? in->count : in->n); j++) {
    const int64_t k = in->targets == SPARSE ? in->classes[j] : j;
    out->target_gradient[j] = 0;
    if (in->targets == LABEL || (in->targets == SPARSE && skipped(in, j)) || !counted(in, k)) continue;
    const double factor = in->target_scale * (in->weights ? (1 - eps) * in->weights[k] : 1 - eps);
    if (factor != 0) out->target_gradient[j] = canonical(factor * ((M - (double)x[k]) + D));
  }
}
