/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/wide.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LOG2E = 0x1.71547652b82fep+0, LN2_HI = 0x1.62e42fefa39efp-1, LN2_LO = 0x1.abc9e3b39803fp-56,
                    FLOOR = -0x1.6cf1264b2d013p+9, ROUND = 0x1.80000000003ffp+52;
static const double X[11] = {0x1.0000000000000p-1,  0x1.5555555555557p-3,  0x1.5555555555556p-5,  0x1.11111111100dfp-7,
                             0x1.6c16c16c162d6p-10, 0x1.a01a01abe62ddp-13, 0x1.a01a01a6d7808p-16, 0x1.71de02375656bp-19,
                             0x1.27e4db67b4302p-22, 0x1.af4ddd848843fp-26, 0x1.1f72fc730b5b7p-29};
static const double L[8] = {0x1.5555555555555p-1, 0x1.9999999999f17p-2, 0x1.24924923de6edp-2, 0x1.c71c72df580fcp-3,
                            0x1.745cac43cc003p-3, 0x1.3b29d0452d426p-3, 0x1.0e8c55b42945fp-3, 0x1.169c38cc826bep-3};

static double polynomial(const double *c, int n, double x) {
  double p = c[n - 1];
  for (int i = n - 2; i >= 0; i--) p = fma(p, x, c[i]);
  return p;
}
static double shifted_bits(double z) {
  uint64_t u;
  memcpy(&u, &z, 8);
  u <<= 52;
  memcpy(&z, &u, 8);
  return z;
}

double wide_contract_exp(double x, double N) {
  const double lo = fma(N, LN2_HI, FLOOR), magic = ROUND + 30 - N;
  if (x < lo) x = lo;
  const double z = fma(x, LOG2E, magic), n = z - magic, t = fma(n, -LN2_LO, fma(n, -LN2_HI, x));
  const double r = (polynomial(X, 11, t) * t) * t, h = 1 + t, l = (1 - h) + t;
  return (h + (l + r)) * shifted_bits(z);
}
static double reference(double m) {
  if (m > 16384) m = 16384;
  if (m < -16384) m = -16384;
  return fma(m, LOG2E, ROUND) - ROUND;
}
static double minus_one(double y) { /* exp(y) - 1 */
  const double z = fma(y, LOG2E, ROUND), n = z - ROUND, t = fma(n, -LN2_LO, fma(n, -LN2_HI, y)), s = shifted_bits(z);
  return fma(fma(polynomial(X, 11, t) * t, t, t), s, s - 1);
}
static double hyperbolic(double v) {
  double w = fabs(v);
  if (w > 20) w = 20;
  const double m = minus_one(w + w);
  return copysign(m / (m + 2), v);
}
static double part(double k, double f) {
  const double r = f / (2 + f), z = r * r, R = polynomial(L, 8, z) * z, g = (0.5 * f) * f;
  const double a = k * LN2_HI, b = fma(k, LN2_LO, fma(k, LN2_HI, -a));
  return a + (f - (g - fma(r, g + R, b)));
}
double wide_contract_log(double v) {
  int64_t u;
  memcpy(&u, &v, 8);
  const int64_t k = (u - 0x3FE6A09E667F3BCD) >> 52;
  return part((double)k, ldexp(v, (int)-k) - 1);
}
static double log1p_of(double q) { return q <= 0.5 ? part(0, q) : part(1, (q - 1) * 0.5); }
static double log1m_of(double d) { return d <= 0.25 ? part(0, -d) : part(-1, 1 - 2 * d); }
static double power(double k) { return ldexp(1, (int)(k < -1000 || k != k ? -1000 : k)); }

typedef struct { double h, l; } pair;
static pair plus(pair a, pair b) {
  const double s = a.h + b.h, k = s - a.h;
  return (pair){s, (a.l + b.l) + ((a.h - (s - k)) + (b.h - k))};
}
static pair times(pair a, double b) { return (pair){a.h * b, a.l * b}; }
static pair product(double a, double b) { return (pair){a * b, fma(a, b, -(a * b))}; }
static pair single(double v) { return (pair){v, 0}; }
static double value(pair a) { return isfinite(a.h) ? a.h + a.l : a.h; }
static pair tree(pair lane[16]) {
  for (int k = 8; k >= 1; k /= 2)
    for (int j = 0; j < k; j++) lane[j] = plus(lane[j], lane[j + k]);
  return lane[0];
}
static double eight(const double *e) { return ((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7])); }

static bool counts(const uint8_t *mask, int64_t k) { return !mask || mask[k]; }

/* Logits of a row that is ready: prepared, -inf where masked. */
typedef struct { double M, N; pair s; } chunk;

static chunk chunk_of(const double *x, int64_t n, int64_t without) {
  chunk c = {-INFINITY, reference(-INFINITY), {0, 0}};
  pair lane[16];
  for (int j = 0; j < 16; j++) lane[j] = single(0);
  for (int64_t i = 0; i < n; i++)
    if (x[i] > c.M) c.M = x[i];
  c.M += 0.0;
  if (n <= 1024) c.N = reference(c.M);
  for (int64_t g = 0; g < n; g += 128) {
    const int64_t m = n - g < 128 ? n - g : 128;
    if (n > 1024) {
      double most = -INFINITY;
      for (int64_t i = g; i < g + m; i++)
        if (x[i] > most) most = x[i];
      if (most > (c.N + 16) * LN2_HI && reference(most) > c.N) {
        for (int j = 0; j < 16; j++) lane[j] = times(lane[j], power(c.N - reference(most)));
        c.N = reference(most);
      }
    }
    for (int j = 0; j < 16; j++) {
      double e[8];
      for (int k = 0; k < 8; k++) {
        const int64_t i = 16 * k + j;
        e[k] = i < m && g + i != without ? wide_contract_exp(x[g + i], c.N) : 0;
      }
      lane[j] = plus(lane[j], single(eight(e)));
    }
  }
  c.s = tree(lane);
  return c;
}

static double factor(const wide_problem *p, int64_t k) { return p->class_weights ? p->class_weights[k] : 1; }
static int64_t counted(const wide_problem *p) {
  int64_t count = 0;
  for (int64_t k = 0; k < p->classes; k++) count += counts(p->mask, k);
  return count;
}
static bool among(const wide_problem *p, int64_t k) {
  return counts(p->mask, k) && !(p->targets == WIDE_LABEL && p->others && k == p->label);
}
static double entry_target(const wide_problem *p, int64_t j) {
  double t = p->eps > 0 ? (1 - p->eps) * p->q[j] : p->q[j];
  if (p->class_weights) t *= p->class_weights[p->entry[j]];
  return t;
}
static double dense_target(const wide_problem *p, int64_t k, double share) {
  if (!counts(p->mask, k)) return 0;
  const double t = share == 0 ? p->q[k] : fma(1 - p->eps, p->q[k], share);
  return p->class_weights ? t * p->class_weights[k] : t;
}

/* What the fold of a row's chunks gives. */
typedef struct { double M, class_M, N, S; double T, Q; bool first; } folded;

static void targets_of_chunk(const wide_problem *p, const double *x, int64_t begin, int64_t n, double m, double share,
                             double *dot, double *mass) {
  pair dots[16], masses[16];
  for (int j = 0; j < 16; j++) dots[j] = masses[j] = single(0);
  const bool dense = p->targets == WIDE_DENSE;
  for (int64_t i = 0; i < n && (dense || p->eps > 0); i++) {
    const int64_t k = begin + i;
    const double even = p->targets == WIDE_SPARSE ? share * factor(p, k) : factor(p, k);
    const double t = dense ? dense_target(p, k, share) : among(p, k) ? even : 0;
    dots[i % 16] = plus(dots[i % 16], single(t == 0 ? 0 : t * (m - x[k])));
    masses[i % 16] = plus(masses[i % 16], single(t));
  }
  *dot = value(tree(dots));
  *mass = value(tree(masses));
  if (p->targets != WIDE_SPARSE) return;
  pair d = single(*dot), w = single(*mass);
  for (int64_t j = 0; j < p->entries; j++) {
    if (p->entry[j] < begin || p->entry[j] >= begin + n) continue;
    const double t = entry_target(p, j);
    if (t == 0) continue;
    d = plus(d, single(t * (m - x[p->entry[j]])));
    w = plus(w, single(t));
  }
  *dot = value(d);
  *mass = value(w);
}

static void join(folded *f, pair *S, pair *T, pair Q, double M, double N, pair s) {
  const double most = N > f->N ? N : f->N;
  *S = plus(times(*S, power(f->N - most)), times(times(s, 0x1p-30), power(N - most)));
  f->N = most;
  const double raised = M > f->M ? M : f->M;
  if (isfinite(raised) && isfinite(f->M) && raised != f->M) *T = plus(*T, product(Q.h, raised - f->M));
  f->M = raised;
}

static folded fold(const wide_problem *p, const double *x, double sink, double share) {
  folded f = {-INFINITY, -INFINITY, reference(-INFINITY), 0, 0, 0, false};
  pair S = {0, 0}, T = {0, 0}, Q = {0, 0};
  for (int64_t i = 0; i < p->classes; i += 8192) {
    const int64_t n = p->classes - i < 8192 ? p->classes - i : 8192;
    const bool here = p->targets == WIDE_LABEL && p->label >= i && p->label < i + n;
    const chunk c = chunk_of(x + i, n, here ? p->label - i : -1);
    join(&f, &S, &T, Q, c.M, c.N, c.s);
    if (p->targets == WIDE_NONE) continue;
    double dot, mass;
    targets_of_chunk(p, x, i, n, isfinite(c.M) ? c.M : 0, share, &dot, &mass);
    T = plus(T, single(dot));
    if (isfinite(c.M) && f.M - c.M != 0) T = plus(T, product(mass, f.M - c.M));
    Q = plus(Q, single(mass));
  }
  f.class_M = f.M;
  if (p->has_sink) {
    const double N = reference(sink);
    join(&f, &S, &T, Q, sink + 0.0, N, single(wide_contract_exp(sink, N)));
  }
  f.S = value(S);
  f.T = value(T);
  f.Q = value(Q);
  return f;
}

static double quiet(double v) {
  const uint64_t u = 0x7ff8000000000000;
  double nan;
  memcpy(&nan, &u, 8);
  return v != v ? nan : v;
}

static void find_top(const wide_problem *p, const double *x, wide_answer *a) {
  for (int64_t j = 0; j < p->top; j++) {
    int64_t best = -1;
    for (int64_t k = 0; k < p->classes; k++) {
      if (!counts(p->mask, k)) continue;
      const int64_t last = j ? a->top_classes[j - 1] : -1;
      const bool behind = last < 0 || x[k] < x[last] || (x[k] == x[last] && k > last);
      if (behind && (best < 0 || x[k] > x[best])) best = k;
    }
    a->top_classes[j] = best;
    if (best < 0) {
      for (; j < p->top; j++) a->top_classes[j] = -1;
      return;
    }
  }
}

static void unusual(const wide_problem *p, wide_answer *a) {
  const double nan = quiet(NAN);
  a->loss = a->nan ? nan : 0;
  a->log_sum_exp = a->nan ? nan : -INFINITY;
  a->log_probability = a->log_sum_exp;
  a->entropy = a->loss;
  a->argmax = a->rank = -1;
  a->hit = 0;
  for (int64_t k = 0; k < p->classes; k++) {
    a->softmax[k] = a->gradient[k] = a->loss;
    a->log_softmax[k] = a->log_sum_exp;
  }
  for (int64_t k = 0; p->targets == WIDE_DENSE && k < p->classes; k++) a->target_gradient[k] = a->loss;
  for (int64_t j = 0; p->targets == WIDE_SPARSE && j < p->entries; j++) a->target_gradient[j] = a->loss;
  for (int64_t j = 0; j < p->top; j++) {
    a->top_classes[j] = -1;
    a->top_values[j] = a->log_sum_exp;
  }
}

void wide_contract_row(const wide_problem *p, wide_answer *a) {
  const int64_t n = p->classes;
  double *prepared = malloc(((size_t)n + 1) * sizeof *prepared), *x = malloc(((size_t)n + 1) * sizeof *x);
  double *slope = malloc(((size_t)n + 1) * sizeof *slope);
  if (!prepared || !x || !slope) exit(2);
  for (int64_t k = 0; k < n; k++) {
    slope[k] = 1;
    prepared[k] = -INFINITY;
    if (!counts(p->mask, k)) continue;
    double v = p->x[k];
    if (p->softcap != 0) {
      const double t = hyperbolic(v / p->softcap);
      slope[k] = fma(-t, t, 1);
      v = p->softcap * t;
    }
    prepared[k] = p->temperature != 0 ? v / p->temperature : v;
  }
  const int64_t K = counted(p);
  const bool probabilities = p->targets == WIDE_DENSE || p->targets == WIDE_SPARSE;
  const double even_share = probabilities && p->eps > 0 && K ? p->eps / (double)K : 0;
  memcpy(x, prepared, (size_t)n * sizeof *x);
  double shift = 0, sink = p->sink;
  folded f = fold(p, x, sink, even_share);
  const double class_M = f.class_M;
  if (isfinite(f.M) && fabs(f.M) > 16384) {
    shift = f.M;
    sink = p->sink - shift;
    for (int64_t k = 0; k < n; k++) x[k] = counts(p->mask, k) ? prepared[k] - shift : -INFINITY;
    f = fold(p, x, sink, even_share);
  }
  const double label_e = p->targets == WIDE_LABEL ? wide_contract_exp(x[p->label], f.N) * 0x1p-30 : 0;
  const double S = p->targets == WIDE_LABEL ? f.S + label_e : f.S;
  a->nan = f.M == INFINITY || S != S || (f.M == -INFINITY && !p->masked_zero) ||
           (f.M != -INFINITY && probabilities && !isfinite(f.Q));
  a->masked = !a->nan && f.M == -INFINITY;
  if (a->nan || a->masked) {
    unusual(p, a);
    free(prepared), free(x), free(slope);
    return;
  }
  const double M = f.M, N = f.N, E = wide_contract_exp(M, N) * 0x1p-30;
  const double D = S <= E ? 0 : S <= 2 * E ? log1p_of((S - E) / E) : wide_contract_log(S / E);
  const double lse = shift + (M + D);
  a->log_sum_exp = lse;
  for (int64_t k = 0; k < n; k++) {
    a->softmax[k] = wide_contract_exp(x[k], N) / (S * 0x1p30);
    a->log_softmax[k] = (x[k] - M) + (0 - D);
  }
  /* entropy */
  pair total = {0, 0};
  for (int64_t c = 0; c < n; c += 8192) {
    pair lane[16];
    for (int j = 0; j < 16; j++) lane[j] = single(0);
    for (int64_t g = c; g < n && g < c + 8192; g += 128)
      for (int j = 0; j < 16; j++) {
        double v[8];
        for (int k = 0; k < 8; k++) {
          const int64_t i = g + 16 * k + j;
          const double e = i < n ? wide_contract_exp(x[i], N) : 0;
          v[k] = e == 0 ? 0 : e * (M - x[i]);
        }
        lane[j] = plus(lane[j], single(eight(v)));
      }
    total = plus(total, tree(lane));
  }
  const double mean = value(total) * 0x1p-30 / S;
  a->entropy = p->has_sink ? fma(D, (S - wide_contract_exp(sink, N) * 0x1p-30) / S, mean) : D + mean;
  /* order */
  a->argmax = a->rank = -1;
  for (int64_t k = n - 1; k >= 0; k--)
    if (counts(p->mask, k) && prepared[k] == class_M) a->argmax = k;
  find_top(p, prepared, a);
  for (int64_t j = 0; j < p->top; j++) a->top_values[j] = a->top_classes[j] < 0 ? -INFINITY : a->log_softmax[a->top_classes[j]];
  a->hit = 0;
  if (p->targets == WIDE_LABEL) {
    a->rank = 0;
    const double own = prepared[p->label];
    for (int64_t k = 0; k < n; k++)
      a->rank += counts(p->mask, k) && (prepared[k] > own || (prepared[k] == own && k < p->label));
    a->hit = a->rank == 0;
  }
  /* loss */
  const double c = p->has_row_weight ? p->scale * p->row_weight : p->scale;
  const double cc = p->temperature != 0 ? c / p->temperature : c;
  double loss = 0, pull = f.Q, share = even_share, own = 0, w = 1, label_share = 0, label_loss = 0;
  bool dropped = false;
  if (p->targets == WIDE_LABEL) {
    const double H = (double)(p->others ? K - 1 : K), q = f.S / label_e;
    w = factor(p, p->label);
    own = (1 - p->eps) * w;
    share = p->eps > 0 && H > 0 ? p->eps / H : 0;
    dropped = p->eps > 0 && share == 0;
    label_loss = q <= 1 ? log1p_of(q) : D + (M - x[p->label]);
    if (p->clamp > 0) {
      const double d = p->clamp < DBL_MIN ? DBL_MIN : p->clamp;
      if (label_loss < -log1m_of(d)) label_loss = -log1m_of(d);
      if (label_loss > -wide_contract_log(d)) label_loss = -wide_contract_log(d);
    }
    const double even = p->class_weights ? fma(f.Q, D, f.T) / H : f.T / H + D;
    if (share == 0)
      loss = own == 0 ? 0 : own * label_loss;
    else
      loss = own == 0 ? p->eps * even : fma(own, label_loss, p->eps * even);
    pull = p->class_weights ? own + (share > 0 ? share * f.Q : 0) : dropped ? own : 1;
    label_share = p->others ? 0 : share * w;
  } else if (probabilities) {
    loss = fma(f.Q, D, f.T);
  }
  if (p->z_loss > 0) {
    loss = loss + p->z_loss * (lse * lse);
    pull = pull + 2 * p->z_loss * lse;
  }
  a->loss = quiet(p->has_row_weight ? p->row_weight * loss : loss);
  a->log_probability = 0 - label_loss;
  /* gradients */
  const double h = cc * pull, G = 0x1p-30 / S * h;
  const bool tiny = h != 0 && fabs(G) < 0x1p-1022;
  double *t = malloc(((size_t)n + 1) * sizeof *t);
  if (!t) exit(2);
  for (int64_t k = 0; k < n; k++)
    t[k] = p->targets == WIDE_DENSE ? dense_target(p, k, share) : 0;
  for (int64_t j = 0; p->targets == WIDE_SPARSE && j < p->entries; j++)
    if (p->entry[j] >= 0) t[p->entry[j]] += entry_target(p, j);
  for (int64_t k = 0; k < n; k++)
    if (p->targets != WIDE_DENSE && share > 0 && among(p, k)) t[k] += share * factor(p, k);
  for (int64_t k = 0; k < n; k++) {
    const double b = t[k] == 0 ? -0.0 : -(cc * t[k]), e = wide_contract_exp(x[k], N);
    double g = fma(e, G, b);
    if (tiny) g = fabs(b) >= 0x1p100 ? b : fma(e, 0x1p-30 / S * 0x1p900 * h, b * 0x1p900) * 0x1p-900;
    if (p->targets == WIDE_LABEL && k == p->label) {
      const double rest = p->eps == 0 ? 0 : p->others ? p->eps : p->eps - share;
      if (!p->class_weights && p->z_loss == 0 && !dropped)
        g = ((0 - f.S / S) + rest) * cc;
      else
        g = ((0 - f.S / S) * own + label_e / S * (pull - own) - label_share) * cc;
    }
    if (p->softcap != 0) g = g * slope[k];
    a->gradient[k] = counts(p->mask, k) ? quiet(g) : 0;
  }
  for (int64_t i = 0; probabilities && i < (p->targets == WIDE_DENSE ? n : p->entries); i++) {
    const int64_t k = p->targets == WIDE_DENSE ? i : p->entry[i];
    a->target_gradient[i] = 0;
    if (k < 0 || !counts(p->mask, k)) continue;
    const double weight = c * ((1 - p->eps) * factor(p, k));
    if (weight != 0) a->target_gradient[i] = quiet(weight * ((M - x[k]) + D));
  }
  free(prepared), free(x), free(slope), free(t);
}

void wide_contract_backward(const double *y, const double *g, const uint8_t *mask, int64_t n, bool log, double temperature, double *dx) {
  pair total = {0, 0};
  for (int64_t c = 0; c < n; c += 8192) {
    pair lane[16];
    for (int j = 0; j < 16; j++) lane[j] = single(0);
    for (int64_t s = c; s < n && s < c + 8192; s += 128)
      for (int j = 0; j < 16; j++) {
        double v[8];
        for (int k = 0; k < 8; k++) {
          const int64_t i = s + 16 * k + j;
          v[k] = i < n && counts(mask, i) ? (log ? g[i] : g[i] * y[i]) : 0;
        }
        lane[j] = plus(lane[j], single(eight(v)));
      }
    total = plus(total, tree(lane));
  }
  const double s = value(total);
  for (int64_t i = 0; i < n; i++) {
    double v = log ? fma(-(wide_contract_exp(y[i], 0) * 0x1p-30), s, g[i]) : y[i] * (g[i] - s);
    if (temperature != 0) v = v / temperature;
    dx[i] = counts(mask, i) ? quiet(v) : 0;
  }
}

/* One side of a divergence. */
typedef struct { bool nan, masked; double shift, M, N, S, D; } side;

static side side_of(const double *x, const uint8_t *mask, int64_t n, bool masked_zero, double *ready) {
  const wide_problem p = {.classes = n, .x = x, .mask = mask};
  side s = {false, false, 0, 0, 0, 0, 0};
  for (int64_t k = 0; k < n; k++) ready[k] = counts(mask, k) ? x[k] : -INFINITY;
  folded f = fold(&p, ready, 0, 0);
  if (isfinite(f.M) && fabs(f.M) > 16384) {
    s.shift = f.M;
    for (int64_t k = 0; k < n; k++) ready[k] = counts(mask, k) ? x[k] - s.shift : -INFINITY;
    f = fold(&p, ready, 0, 0);
  }
  s.nan = f.M == INFINITY || f.S != f.S || (f.M == -INFINITY && !masked_zero);
  s.masked = f.M == -INFINITY;
  s.M = f.M, s.N = f.N, s.S = f.S;
  if (s.nan || s.masked) return s;
  const double E = wide_contract_exp(s.M, s.N) * 0x1p-30;
  s.D = s.S <= E ? 0 : s.S <= 2 * E ? log1p_of((s.S - E) / E) : wide_contract_log(s.S / E);
  return s;
}

static double difference(double f, double g, double *lost) {
  const double s = f - g, k = s - f;
  *lost = (f - (s - k)) - (g + k);
  return s;
}

double wide_contract_divergence(const double *teacher, const double *student, const uint8_t *mask, int64_t n,
                                double temperature, bool masked_zero, double c, double *gradient) {
  double *room = calloc(4 * ((size_t)n + 1), sizeof *room), *a = room + n, *x = a + n, *ready = x + n;
  if (!room) exit(2);
  for (int64_t k = 0; k < n; k++) {
    room[k] = temperature != 0 ? teacher[k] / temperature : teacher[k];
    ready[k] = temperature != 0 ? student[k] / temperature : student[k];
  }
  const side q = side_of(room, mask, n, masked_zero, a), p = side_of(ready, mask, n, masked_zero, x);
  if (q.nan || p.nan || q.masked || p.masked) {
    const double fixed = q.nan || p.nan ? quiet(NAN) : 0;
    for (int64_t k = 0; k < n; k++) gradient[k] = fixed;
    free(room);
    return fixed;
  }
  double max_lost;
  const double max = difference(q.M, p.M, &max_lost), cc = temperature != 0 ? c / temperature : c;
  pair loss = {0, 0};
  for (int64_t begin = 0; begin < n; begin += 8192) {
    pair lane[16];
    for (int j = 0; j < 16; j++) lane[j] = single(0);
    for (int64_t k = begin; k < n && k < begin + 8192; k++) {
      const double qk = wide_contract_exp(a[k], q.N) / (q.S * 0x1p30), pk = wide_contract_exp(x[k], p.N) / (p.S * 0x1p30);
      double lost, d = difference(a[k], x[k], &lost) - max;
      const double v = isfinite(d) ? (d + (lost - max_lost)) - (q.D - p.D) : d;
      double term, w = pk - qk;
      if (qk == 0) {
        term = w = pk;
      } else if (fabs(v) <= 0.34) {
        const double t = polynomial(X, 11, -v) * v;
        term = qk * (t * v);
        w = qk * fma(t, v, -v);
      } else if (v < -2) {
        term = fma(qk, v - 1, pk);
      } else {
        term = qk * (v + minus_one(-v < -40 ? -40 : -v));
      }
      if (!counts(mask, k)) term = 0;
      lane[k % 16] = plus(lane[k % 16], single(term));
      gradient[k] = counts(mask, k) ? quiet(w * cc) : 0;
    }
    loss = plus(loss, tree(lane));
  }
  free(room);
  return value(loss);
}
