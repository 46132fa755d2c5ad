/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/f64.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "contract/fma.h"

static const double LOG2E = 0x1.71547652b82fep+0, LN2_HI = 0x1.62e42fefa39efp-1, LN2_LO = 0x1.abc9e3b39803fp-56,
                    FLOOR = -0x1.a5163fe09663ep+9, ROUND = 0x1.80000000003ffp+52;
static const double X[10] = {0x1.000000000000cp-1,  0x1.5555555555559p-3,  0x1.555555554ffa2p-5,  0x1.111111110f6b4p-7,
                             0x1.6c16c185be4d1p-10, 0x1.a01a01afe29a2p-13, 0x1.a0199662bc477p-16, 0x1.71ddf85aafbbep-19,
                             0x1.28b06e0824254p-22, 0x1.af5eb1ac08dc6p-26};
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

/* 1 / temperature = high + low; 0 and 1 mean no temperature. */
typedef struct { double value, high, low; } warmth;
static warmth warmth_of(double temperature) {
  if (temperature == 0 || temperature == 1) return (warmth){0, 1, 0};
  const double high = 1 / temperature;
  return (warmth){temperature, high, fma(-high, temperature, 1) / temperature};
}

static double e_of(double x, double N, warmth w) {
  double lo = fma(N, LN2_HI, FLOOR);
  const double magic = (ROUND + 192) - N;
  if (w.value != 0) lo = lo * w.value;
  if (x < lo) x = lo;
  double ph = x, t, z, n;
  if (w.value != 0) {
    ph = x * w.high;
    const double c = fma(x, w.low, fma(x, w.high, -ph));
    z = fma(ph, LOG2E, magic);
    n = z - magic;
    t = fma(n, -LN2_HI, ph) + fma(n, -LN2_LO, c);
  } else {
    z = fma(x, LOG2E, magic);
    n = z - magic;
    t = fma(n, -LN2_LO, fma(n, -LN2_HI, x));
  }
  const double s = shifted_bits(z), p = fma(polynomial(X, 10, t) * t, t, t);
  return fma(p, s, s);
}
double f64_contract_exp(double x, double N) { return e_of(x, N, warmth_of(0)); }
double f64_contract_exp_at(double x, double N, double temperature) { return e_of(x, N, warmth_of(temperature)); }
static double clamped(double m, warmth w) {
  m = m * w.high;
  return m > 16384 ? 16384 : m < -16384 ? -16384 : m;
}
static double octaves(double m, warmth w) { return fma(clamped(m, w), LOG2E, ROUND) - ROUND; }
static double reference(double m, warmth w) { return 256 * (fma(clamped(m, w), LOG2E * 0x1p-8, ROUND) - ROUND); }
static double minus_one(double y) { /* exp(y) - 1 */
  const double z = fma(y, LOG2E, ROUND), n = z - ROUND, t = fma(n, -LN2_LO, fma(n, -LN2_HI, y)), s = shifted_bits(z);
  return fma(fma(polynomial(X, 10, t) * t, t, t), s, s - 1);
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
double f64_contract_tanh(double v) { return hyperbolic(v); }
double f64_contract_log(double v) {
  int64_t u;
  memcpy(&u, &v, 8);
  const int64_t k = (u - 0x3FE6A09E667F3BCD) >> 52;
  return part((double)k, ldexp(v, (int)-k) - 1);
}
double f64_contract_log1p(double q) { return q <= 0.5 ? part(0, q) : part(1, (q - 1) * 0.5); }
static double distance(double S, double E) {
  return S <= E ? 0 : S <= 2 * E ? f64_contract_log1p((S - E) / E) : f64_contract_log(S / E);
}
static double log1m_of(double d) { return d <= 0.25 ? part(0, -d) : part(-1, 1 - 2 * d); }

typedef struct { double h, l; } pair;
static pair plus(pair a, pair b) {
  const double s = a.h + b.h, k = s - a.h;
  return (pair){s, (a.l + b.l) + ((a.h - (s - k)) + (b.h - k))};
}
/* times 2^k in two steps */
static pair times(pair a, double k) {
  const double half = ldexp(1, (int)(k < -1792 ? -1792 : k) / 2);
  return (pair){a.h * half * half, a.l * half * half};
}
static pair product(double a, double b) { return (pair){a * b, fma(a, b, -(a * b))}; }
static pair single(double v) { return (pair){v, 0}; }
static double value(pair a) { return isfinite(a.h) ? a.h + a.l : a.h; }
/* One more term, all of them smaller than 2^T: no addition is rounded. */
static void put(pair *sum, double v, double T) {
  const double coarse = ldexp(1.5, (int)T + 12), fine = ldexp(1.5, (int)T - 29);
  const double h = (v + coarse) - coarse, l = ((v - h) + fine) - fine;
  sum->h += h;
  sum->l += l;
}
/* Terms of up to 1024 classes. */
static pair piece(const double *v, int64_t n) {
  double most = 0, sum = 0;
  bool small = true;
  int exponent;
  for (int64_t i = 0; i < n; i++) {
    small &= fabs(v[i]) < 0x1p960;
    if (fabs(v[i]) > most) most = fabs(v[i]);
    sum += v[i];
  }
  if (!small) return single(sum);
  frexp(most, &exponent);
  pair s = {0, 0};
  for (int64_t i = 0; i < n; i++) put(&s, v[i], most < 0x1p-1022 ? -1022 : exponent);
  return s;
}
/* Piece by piece. */
static pair sum_of(const double *v, int64_t n) {
  pair s = {0, 0};
  for (int64_t i = 0; i < n; i += 1024) s = plus(s, piece(v + i, n - i < 1024 ? n - i : 1024));
  return s;
}

static bool counts(const uint8_t *mask, int64_t k) { return !mask || mask[k]; }

/* Logits of a row that is ready: prepared, -inf where masked. */
typedef struct { double M, N; pair s; } chunk;

static chunk chunk_of(const double *x, int64_t n, int64_t without, warmth w) {
  chunk c = {-INFINITY, 0, {0, 0}};
  double others = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    if (x[i] > c.M) c.M = x[i];
    if (i != without && x[i] > others) others = x[i];
  }
  c.M += 0.0;
  c.N = reference(c.M, w);
  if (c.M * w.high > 16384) return c;
  const double T = octaves(others, w) - c.N + 193;
  for (int64_t i = 0; i < n; i++)
    if (i != without) put(&c.s, e_of(x[i], c.N, w), T);
  return c;
}

static double factor(const f64_problem *p, int64_t k) { return p->class_weights ? p->class_weights[k] : 1; }
static int64_t counted(const f64_problem *p) {
  int64_t count = 0;
  for (int64_t k = 0; k < p->classes; k++) count += counts(p->mask, k);
  return count;
}
static bool among(const f64_problem *p, int64_t k) {
  return counts(p->mask, k) && !(p->targets == F64_LABEL && p->others && k == p->label);
}
static double entry_target(const f64_problem *p, int64_t j) {
  double t = p->eps > 0 ? (1 - p->eps) * p->q[j] : p->q[j];
  if (p->class_weights) t *= p->class_weights[p->entry[j]];
  return t;
}
static double dense_target(const f64_problem *p, int64_t k, double share) {
  if (!counts(p->mask, k)) return 0;
  const double t = share == 0 ? p->q[k] : fma(1 - p->eps, p->q[k], share);
  return p->class_weights ? t * p->class_weights[k] : t;
}

static double under_clamp(const f64_problem *p, double loss) {
  const double d = p->clamp < DBL_MIN ? DBL_MIN : p->clamp, least = -log1m_of(d), most = -f64_contract_log(d);
  return loss < least ? least : loss > most ? most : loss;
}

/* The loss of probability and sparse rows under a clamp, which goes without smoothing. */
static double sum_of_clamped(const f64_problem *p, const double *x, double M, double D, double r) {
  pair sum = {0, 0};
  for (int64_t j = 0; j < (p->targets == F64_SPARSE ? p->entries : p->classes); j++) {
    const int64_t k = p->targets == F64_SPARSE ? p->entry[j] : j;
    if (k < 0) continue;
    const double t = p->targets == F64_SPARSE ? entry_target(p, j) : dense_target(p, k, 0);
    if (t != 0) sum = plus(sum, single(t * under_clamp(p, fma(M - x[k], r, D))));
  }
  return value(sum);
}

/* The result of folding a row's chunks. */
typedef struct { double M, class_M, N, S; double T, Q; bool first; } folded;

static void targets_of_chunk(const f64_problem *p, const double *x, int64_t begin, int64_t n, double m, double share,
                             double *dot, double *mass) {
  static double dots[8192], masses[8192];
  const bool dense = p->targets == F64_DENSE, any = dense || p->eps > 0;
  for (int64_t i = 0; i < n; i++) {
    const int64_t k = begin + i;
    const double even = p->targets == F64_SPARSE ? share * factor(p, k) : factor(p, k);
    const double t = !any ? 0 : dense ? dense_target(p, k, share) : among(p, k) ? even : 0;
    dots[i] = t == 0 ? 0 : t * (m - x[k]);
    masses[i] = t;
  }
  *dot = value(sum_of(dots, n));
  *mass = value(sum_of(masses, n));
  if (p->targets != F64_SPARSE) return;
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
  *S = plus(times(*S, f->N - most), times(s, N - most));
  f->N = most;
  const double raised = M > f->M ? M : f->M;
  if (isfinite(raised) && isfinite(f->M) && raised != f->M) *T = plus(*T, product(Q.h, raised - f->M));
  f->M = raised;
}

static folded fold(const f64_problem *p, const double *x, double sink, double share, warmth w) {
  folded f = {-INFINITY, -INFINITY, reference(-INFINITY, w), 0, 0, 0, false};
  pair S = {0, 0}, T = {0, 0}, Q = {0, 0};
  for (int64_t i = 0; i < p->classes; i += 8192) {
    const int64_t n = p->classes - i < 8192 ? p->classes - i : 8192;
    const bool here = p->targets == F64_LABEL && p->label >= i && p->label < i + n;
    const chunk c = chunk_of(x + i, n, here ? p->label - i : -1, w);
    join(&f, &S, &T, Q, c.M, c.N, c.s);
    if (p->targets == F64_NONE) continue;
    double dot, mass;
    targets_of_chunk(p, x, i, n, isfinite(c.M) ? c.M : 0, share, &dot, &mass);
    T = plus(T, single(dot));
    if (isfinite(c.M) && f.M - c.M != 0) T = plus(T, product(mass, f.M - c.M));
    Q = plus(Q, single(mass));
  }
  f.class_M = f.M;
  if (p->has_sink) {
    const double N = reference(sink, w);
    join(&f, &S, &T, Q, sink + 0.0, N, single(e_of(sink, N, w)));
  }
  f.S = value(S);
  f.T = value(T);
  f.Q = value(Q);
  return f;
}

/* Next to 0, the D of a row without targets: of the sum without the first of the largest classes, or without a sink
 * that is larger. */
static double exact_distance(const f64_problem *p, const double *x, double sink, folded f, double D, warmth w) {
  if (!(fabs(f.M * w.high) + D < 0.125)) return D;
  f64_problem without = *p;
  double others;
  for (without.label = 0; without.label < p->classes && x[without.label] != f.M; without.label++) {
  }
  if (without.label < p->classes) {
    without.targets = F64_LABEL;
    others = fold(&without, x, sink, 0, w).S;
  } else {
    without.has_sink = false;
    const folded classes = fold(&without, x, sink, 0, w);
    others = ldexp(classes.S, (int)(classes.N - f.N));
  }
  return f64_contract_log1p(others / e_of(f.M, f.N, w));
}

static double quiet(double v) {
  const uint64_t u = 0x7ff8000000000000;
  double nan;
  memcpy(&nan, &u, 8);
  return v != v ? nan : v;
}

static void find_top(const f64_problem *p, const double *x, f64_answer *a) {
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

static void unusual(const f64_problem *p, f64_answer *a) {
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
  for (int64_t k = 0; p->targets == F64_DENSE && k < p->classes; k++) a->target_gradient[k] = a->loss;
  for (int64_t j = 0; p->targets == F64_SPARSE && j < p->entries; j++) a->target_gradient[j] = a->loss;
  for (int64_t j = 0; j < p->top; j++) {
    a->top_classes[j] = -1;
    a->top_values[j] = a->log_sum_exp;
  }
}

void f64_contract_row(const f64_problem *p, f64_answer *a) {
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
      const double t = hyperbolic(v * (1 / p->softcap));
      slope[k] = fma(-t, t, 1);
      v = t * p->softcap;
    }
    prepared[k] = v;
  }
  const int64_t K = counted(p);
  const bool probabilities = p->targets == F64_DENSE || p->targets == F64_SPARSE;
  const double even_share = probabilities && p->eps > 0 && K ? p->eps / (double)K : 0;
  memcpy(x, prepared, (size_t)n * sizeof *x);
  const warmth w = warmth_of(p->temperature);
  double shift = 0, raw_sink = w.value != 0 ? p->sink * w.value : p->sink;
  if (isinf(raw_sink) && !isinf(p->sink)) raw_sink = copysign(DBL_MAX, p->sink);
  double sink = raw_sink;
  folded f = fold(p, x, sink, even_share, w);
  const double class_M = f.class_M;
  if (isfinite(f.M) && !(fabs(f.M * w.high) <= 16384)) {
    shift = f.M;
    sink = raw_sink - shift;
    for (int64_t k = 0; k < n; k++) x[k] = counts(p->mask, k) ? prepared[k] - shift : -INFINITY;
    f = fold(p, x, sink, even_share, w);
  }
  const double label_e = p->targets == F64_LABEL ? e_of(x[p->label], f.N, w) : 0;
  const double S = p->targets == F64_LABEL ? f.S + label_e : f.S;
  a->nan = f.M == INFINITY || S != S || (f.M == -INFINITY && !p->masked_zero) ||
           (f.M != -INFINITY && probabilities && !isfinite(f.Q));
  a->masked = !a->nan && f.M == -INFINITY;
  if (a->nan || a->masked) {
    unusual(p, a);
    bool bad = p->has_sink && isnan(p->sink);
    for (int64_t k = 0; k < n; k++) bad |= isnan(x[k]);
    if (p->targets == F64_NONE && f.M == INFINITY && !bad) a->log_sum_exp = INFINITY;
    free(prepared), free(x), free(slope);
    return;
  }
  const double M = f.M, N = f.N, D = distance(S, e_of(M, N, w)), r = w.high;
  const double lse = fma(shift, r, fma(M, r, fma(shift, w.low, fma(M, w.low, D))));
  const double exact = p->targets == F64_NONE && shift == 0 ? exact_distance(p, x, sink, f, D, w) : D;
  a->log_sum_exp = exact == D ? lse : fma(shift, r, fma(M, r, fma(M, w.low, exact)));
  a->shift = shift, a->max = M, a->reference = N, a->others = f.S, a->own_e = label_e, a->distance = D;
  for (int64_t k = 0; k < n; k++) {
    a->softmax[k] = D == 0 ? e_of(x[k], N, w) / S : e_of(x[k], N, w) * (1 / S);
    a->log_softmax[k] = fma(x[k] - M, r, 0 - D);
  }
  /* entropy */
  double *t = malloc(((size_t)n + 1) * sizeof *t);
  if (!t) exit(2);
  for (int64_t k = 0; k < n; k++) {
    const double e = e_of(x[k], N, w);
    t[k] = e == 0 ? 0 : e * (M - x[k]);
  }
  const double mean = value(sum_of(t, n)) * r / S;
  a->entropy = p->has_sink ? fma(D, (S - e_of(sink, N, w)) / S, mean) : D + mean;
  /* order */
  a->argmax = a->rank = -1;
  for (int64_t k = n - 1; k >= 0; k--)
    if (counts(p->mask, k) && prepared[k] == class_M) a->argmax = k;
  find_top(p, prepared, a);
  for (int64_t j = 0; j < p->top; j++)
    a->top_values[j] = a->top_classes[j] < 0 ? -INFINITY : a->log_softmax[a->top_classes[j]];
  a->hit = 0;
  if (p->targets == F64_LABEL) {
    a->rank = 0;
    const double own = prepared[p->label];
    for (int64_t k = 0; k < n; k++)
      a->rank += counts(p->mask, k) && (prepared[k] > own || (prepared[k] == own && k < p->label));
    a->hit = a->rank == 0;
  }
  /* loss */
  const double c = p->has_row_weight ? p->scale * p->row_weight : p->scale;
  double cc = p->temperature != 0 ? c / p->temperature : c;
  double loss = 0, pull = f.Q, share = even_share, own = 0, weight = 1, label_share = 0, label_loss = 0;
  bool dropped = false;
  if (p->targets == F64_LABEL) {
    const double H = (double)(p->others ? K - 1 : K), q = f.S / label_e;
    weight = factor(p, p->label);
    own = (1 - p->eps) * weight;
    share = p->eps > 0 && H > 0 ? p->eps / H : 0;
    dropped = p->eps > 0 && share == 0;
    label_loss = q <= 1 ? f64_contract_log1p(q) : fma(M - x[p->label], r, D);
    if (p->clamp > 0) label_loss = under_clamp(p, label_loss);
    const double even = p->class_weights ? fma(f.Q, D, f.T * r) / H : f.T * r / H + D;
    if (share == 0)
      loss = own == 0 ? 0 : own * label_loss;
    else
      loss = own == 0 ? p->eps * even : fma(own, label_loss, p->eps * even);
    pull = p->class_weights ? own + (share > 0 ? share * f.Q : 0) : dropped ? own : 1;
    label_share = p->others ? 0 : share * weight;
    if (p->gamma > 0) {
      const double m = f.S / S, own_p = label_e / S * p->gamma;
      const double power = m >= DBL_MIN ? e_of(p->gamma * f64_contract_log(m), 0, warmth_of(0)) * 0x1p-192 : 0;
      loss = power * loss;
      cc = m >= DBL_MIN ? cc * (power * fma(own_p, own_p == 0 ? 0 : label_loss / m, 1)) : cc * 0;
    }
  } else if (probabilities) {
    loss = fma(f.Q, D, f.T * r);
    if (p->clamp > 0) loss = sum_of_clamped(p, x, f.M, D, r);
  }
  if (p->z_loss > 0) {
    loss = loss + p->z_loss * (lse * lse);
    pull = pull + 2 * p->z_loss * lse;
  }
  a->loss = quiet(p->has_row_weight ? p->row_weight * loss : loss);
  a->log_probability = 0 - label_loss;
  /* gradients */
  const double h = cc * pull, G = h / S;
  const bool tiny = h != 0 && fabs(G) < 0x1p-1022;
  for (int64_t k = 0; k < n; k++)
    t[k] = p->targets == F64_DENSE ? dense_target(p, k, share) : 0;
  for (int64_t j = 0; p->targets == F64_SPARSE && j < p->entries; j++)
    if (p->entry[j] >= 0) t[p->entry[j]] += entry_target(p, j);
  for (int64_t k = 0; k < n; k++)
    if (p->targets != F64_DENSE && share > 0 && among(p, k)) t[k] += share * factor(p, k);
  for (int64_t k = 0; k < n; k++) {
    const double b = t[k] == 0 ? -0.0 : -(cc * t[k]), e = e_of(x[k], N, w);
    double g = fma(e, G, b);
    if (tiny) g = fabs(b) >= 0x1p100 ? b : fma(e, 0x1p900 / S * h, b * 0x1p900) * 0x1p-900;
    if (p->targets == F64_LABEL && k == p->label) {
      if (!p->class_weights && p->z_loss == 0 && !dropped && p->eps <= 0.5)
        g = ((0 - f.S / S) + (p->others ? p->eps : p->eps - share)) * cc;
      else if (!p->class_weights && p->z_loss == 0 && !dropped)
        g = (label_e / S - (p->others ? 1 - p->eps : (1 - p->eps) + share)) * cc;
      else
        g = ((0 - f.S / S) * own + label_e / S * (pull - own) - label_share) * cc;
    }
    if (p->softcap != 0) g = g * slope[k];
    a->gradient[k] = counts(p->mask, k) ? quiet(g) : 0;
  }
  for (int64_t i = 0; probabilities && i < (p->targets == F64_DENSE ? n : p->entries); i++) {
    const int64_t k = p->targets == F64_DENSE ? i : p->entry[i];
    a->target_gradient[i] = 0;
    if (k < 0 || !counts(p->mask, k)) continue;
    const double scale = c * ((1 - p->eps) * factor(p, k));
    if (scale != 0) a->target_gradient[i] = quiet(scale * fma(M - x[k], r, D));
  }
  free(prepared), free(x), free(slope), free(t);
}

void f64_contract_backward(const double *y, const double *g, const uint8_t *mask, int64_t n, bool log,
                           double temperature, double *dx) {
  pair total = {0, 0};
  double *v = malloc(8192 * sizeof *v);
  if (!v) exit(2);
  for (int64_t c = 0; c < n; c += 8192) {
    const int64_t m = n - c < 8192 ? n - c : 8192;
    for (int64_t i = c; i < c + m; i++) v[i - c] = counts(mask, i) ? (log ? g[i] : g[i] * y[i]) : 0;
    total = plus(total, sum_of(v, m));
  }
  free(v);
  const double s = value(total), r = warmth_of(temperature).high;
  for (int64_t i = 0; i < n; i++) {
    const double d = (log ? fma(-(f64_contract_exp(y[i], 0) * 0x1p-192), s, g[i]) : y[i] * (g[i] - s)) * r;
    dx[i] = counts(mask, i) ? quiet(d) : 0;
  }
}

/* One side of a divergence. */
typedef struct { bool nan, masked; double shift, M, N, S, D; } side;

static side side_of(const double *x, const uint8_t *mask, int64_t n, bool masked_zero, warmth w, double *ready) {
  const f64_problem p = {.classes = n, .x = x, .mask = mask};
  side s = {false, false, 0, 0, 0, 0, 0};
  for (int64_t k = 0; k < n; k++) ready[k] = counts(mask, k) ? x[k] : -INFINITY;
  folded f = fold(&p, ready, 0, 0, w);
  if (isfinite(f.M) && !(fabs(f.M * w.high) <= 16384)) {
    s.shift = f.M;
    for (int64_t k = 0; k < n; k++) ready[k] = counts(mask, k) ? x[k] - s.shift : -INFINITY;
    f = fold(&p, ready, 0, 0, w);
  }
  s.nan = f.M == INFINITY || f.S != f.S || (f.M == -INFINITY && !masked_zero);
  s.masked = f.M == -INFINITY;
  s.M = f.M, s.N = f.N, s.S = f.S;
  if (s.nan || s.masked) return s;
  s.D = distance(s.S, e_of(s.M, s.N, w));
  return s;
}

static double difference(double f, double g, double *lost) {
  const double s = f - g, k = s - f;
  *lost = (f - (s - k)) - (g + k);
  return s;
}

/* The sum of z^n over 2 n, or over 2 n (2 n - 1). */
static double series(double z, bool ends) {
  double p = 0;
  for (int n = 16; n > 0; n--) p = fma(p, z, 1 / (ends ? 2.0 * n * (2 * n - 1) : 2.0 * n));
  return p * z;
}

double f64_contract_divergence(int kind, const double *teacher, const double *student, const uint8_t *mask, int64_t n,
                                double temperature, bool masked_zero, double c, double *gradient) {
  double *a = calloc(4 * ((size_t)n + 1), sizeof *a), *x = a + n, *terms = x + n, *lean = terms + n;
  if (!a) exit(2);
  const warmth heat = warmth_of(temperature);
  const side q = side_of(teacher, mask, n, masked_zero, heat, a), p = side_of(student, mask, n, masked_zero, heat, x);
  if (q.nan || p.nan || q.masked || p.masked) {
    const double fixed = q.nan || p.nan ? quiet(NAN) : 0;
    for (int64_t k = 0; k < n; k++) gradient[k] = fixed;
    free(a);
    return fixed;
  }
  double max_lost;
  const double max = difference(q.M, p.M, &max_lost), cc = temperature != 0 ? c / temperature : c;
  for (int64_t k = 0; k < n; k++) {
    const double qk = e_of(a[k], q.N, heat) * (1 / q.S), pk = e_of(x[k], p.N, heat) * (1 / p.S);
    double lost, d = difference(a[k], x[k], &lost) - max;
    const double v = isfinite(d) ? (d + (lost - max_lost)) * heat.high - (q.D - p.D) : d * heat.high;
    double term, w = pk - qk;
    if (qk == 0) {
      term = w = pk;
    } else if (fabs(v) <= 0.34) {
      const double t = polynomial(X, 10, -v) * v;
      term = qk * (t * v);
      w = qk * fma(t, v, -v);
    } else if (v < -2) {
      term = fma(qk, v - 1, pk);
    } else {
      term = qk * (v + minus_one(-v < -40 ? -40 : -v));
    }
    if (kind == F64_TOTAL_VARIATION) {
      const double size = fabs(v), larger = qk > pk ? qk : pk;
      w = pk - qk;
      if (size <= 0.34) w = copysign(larger * fma(-(polynomial(X, 10, -size) * size), size, size), -v);
      term = 0.5 * fabs(w);
      w = term == 0 ? 0 : w > 0 ? 1 : -1;
    }
    if (kind == F64_JENSEN_SHANNON) {
      const double size = fabs(v) < 40 ? fabs(v) : 40, m = minus_one(-size), e = 1 + m, t = -m / (e + 1), z = t * t;
      const double rest = 0x1.62e42fefa39efp-1 - f64_contract_log1p(e), both = 0.5 * (qk + pk);
      const bool near = fabs(v) <= 0.7;
      term = both == 0 ? 0 : both * (near ? series(z, true) : rest - size * e / (e + 1));
      w = pk == 0 ? 0 : near ? 0 - fma(0.5, v, series(z, false)) : rest - (v > 0 ? v : 0);
    }
    terms[k] = counts(mask, k) ? term : 0;
    lean[k] = kind && counts(mask, k) ? pk * w : 0;
    x[k] = pk;
    gradient[k] = w;
  }
  const double most = kind == F64_JENSEN_SHANNON ? 0x1.62e42fefa39efp-1 : kind == F64_TOTAL_VARIATION ? 1 : INFINITY;
  const double loss = fmin(value(sum_of(terms, n)), most), mean = value(sum_of(lean, n));
  for (int64_t k = 0; k < n; k++) {
    const double g = kind ? x[k] * (gradient[k] - mean) * (0.5 * cc) : gradient[k] * cc;
    gradient[k] = counts(mask, k) ? quiet(g) : 0;
  }
  free(a);
  return loss;
}
