/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computes softmax, log-softmax, cross-entropy and their gradients by numerics.md, and compares every bit.
 *
 *   cc -O2 -std=c11 -ffp-contract=off vectors.c -lm -o vectors && ./vectors [FOLDER]
 *
 * FOLDER has cases.txt and arrays.bin. An example of an implementation that has nothing in common with Xent. It
 * computes the cases whose logits are F32, F16 or BF16 (sections 2, 3 and 5) with one label per row, and counts all
 * others. README.md describes the files. Section numbers are those of numerics.md. For little-endian machines.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static float as_float(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

/* ---- section 2: exponential, hyperbolic tangent, logarithm ------------------------------------ */

static const float LOG2E = 0x1.715476p+0f, LN2_HI = 0x1.62e430p-1f, ROUND = 12582912, LIMIT = 16384;
static const double Q2 = 0x1.000876p-1, Q3 = 0x1.55568ap-3, FLOOR = -0x1.b34be2p+6, LN2 = 0.69314718055994530942;
static const float TANH[7] = {-0x1.555556p-2f, 0x1.1110cap-3f,  -0x1.ba03bep-5f, 0x1.64cc9ap-6f,
                              -0x1.167f44p-7f, 0x1.716c44p-9f, -0x1.1f17b8p-11f};

typedef struct { double r; float r_hi, eighth_hi, eighth_lo, inverse, q2, q3, floor; } exponential;

static exponential of_temperature(double tau) {
  const double r = 1 / tau, eighth = LN2 / 8 * tau;
  const float hi = (float)eighth;
  return (exponential){r, (float)r, hi, (float)(eighth - hi), (float)(1 / eighth), (float)(Q2 * r * r),
                       (float)(Q3 * r * r * r), (float)(FLOOR * tau)};
}

static float e(const exponential *c, float x, float n_row) {
  const float low = fmaf(n_row, 8 * c->eighth_hi, c->floor);
  x = x < low ? low : x;
  const float magic = ROUND + 8 * 30 - 8 * n_row, z = fmaf(x, c->inverse, magic), n = z - magic;
  const float t = fmaf(n, -c->eighth_lo, fmaf(n, -c->eighth_hi, x));
  const uint32_t i = bits(z) & 7;
  const float s = as_float(bits((float)exp2(i / 8.0)) - (i << 20) + (bits(z) << 20));
  const float p = fmaf(fmaf(c->q3, t, c->q2), t, c->r_hi) * t;
  return fmaf(p, s, s);
}

static float reference(const exponential *c, float maximum) {
  const float m = maximum * c->r_hi;
  return fmaf(m > LIMIT ? LIMIT : m < -LIMIT ? -LIMIT : m, LOG2E, ROUND) - ROUND;
}

static float hyperbolic(float x) {
  const exponential plain = of_temperature(1);
  const float v = fabsf(x) > 10 ? 10 : fabsf(x), z = v * v;
  float p = TANH[6];
  for (int i = 5; i >= 0; i--) p = fmaf(p, z, TANH[i]);
  return copysignf(v > 0.875f ? 1 - 2 / (e(&plain, 2 * v, 30) + 1) : fmaf(v * z, p, v), x);
}

static double series(double r) {
  const double z = r * r;
  double p = 1 / 17.0;
  for (int d = 15; d >= 3; d -= 2) p = fma(p, z, 1.0 / d);
  p = fma(p * z, r, r);
  return p + p;
}

static double logarithm(double v) {
  int64_t u;
  memcpy(&u, &v, 8);
  u -= 0x3FE6A09E667F3BCD;
  const int k = (int)((u - (u & 0xFFFFFFFFFFFFF)) / 0x10000000000000); /* u >> 52, which rounds down */
  const double m = ldexp(v, -k);
  return fma(k, LN2, series((m - 1) / (m + 1)));
}

static double log_of_1_plus(double q) { return series(q / (2 + q)); }

/* ---- section 2: sums and rows ----------------------------------------------------------------- */

static float largest(const float *x, int64_t count) {
  float m = -INFINITY;
  for (int64_t i = 0; i < count; i++) m = x[i] > m ? x[i] : m;
  return m + 0.0f; /* -0 counts as +0 */
}

static double two(double k) { return ldexp(1, (int)fmax(k, -1000)); }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void add_group(double *lanes, const float *terms, int64_t count) {
  float v[128] = {0};
  memcpy(v, terms, (size_t)count * sizeof *v);
  for (int i = 0; i < 16; i++)
    lanes[i] += ((v[i] + v[i + 16]) + (v[i + 32] + v[i + 48])) + ((v[i + 64] + v[i + 80]) + (v[i + 96] + v[i + 112]));
}

static double tree(double *lanes, int64_t classes) {
  for (int half = 8; half; half /= 2)
    for (int j = 0; j < half; j++) {
      if (classes <= 16 && half > 1) lanes[j] = (float)lanes[j] + (float)lanes[j + half];
      else lanes[j] += lanes[j + half];
    }
  return lanes[0];
}

static double chunk_sum(const float *v, int64_t count) {
  double lanes[16] = {0};
  for (int64_t at = 0; at < count; at += 128) add_group(lanes, v + at, least(128, count - at));
  return tree(lanes, count);
}

typedef struct { float m, n; double s; } chunk;

/* The class `label` of the chunk adds +0 to the sum. */
static chunk sum_chunk(const exponential *c, const float *x, const bool *masked, int64_t count, int64_t label) {
  const bool is_long = count > 1024;
  chunk found = {largest(x, count), 0, 0};
  float n = reference(c, is_long ? -INFINITY : found.m), terms[128];
  double lanes[16] = {0};
  for (int64_t at = 0; at < count; at += 128) {
    const int64_t size = least(128, count - at);
    const float g = largest(x + at, size), raised = reference(c, g);
    if (is_long && g * c->r_hi > (n + 16) * LN2_HI && raised > n) {
      for (int i = 0; i < 16; i++) lanes[i] *= two(n - raised);
      n = raised;
    }
    for (int64_t i = 0; i < size; i++) terms[i] = masked[at + i] || at + i == label ? 0 : e(c, x[at + i], n);
    add_group(lanes, terms, size);
  }
  found.n = n, found.s = tree(lanes, count);
  return found;
}

typedef struct {
  exponential c;
  int64_t classes, label; /* label -1: none */
  float *x, m, n, shift;
  bool *masked, nan, empty;
  double others, e_label, s, e_max, d, lse;
} row;

static void fold(row *r, chunk next) {
  const float higher = next.n > r->n ? next.n : r->n;
  r->others = r->others * two(r->n - higher) + next.s * 0x1p-30 * two(next.n - higher);
  r->n = higher, r->m = next.m > r->m ? next.m : r->m;
}

static void sum_row(row *r, const float *sink) {
  r->n = -23637, r->others = 0, r->m = -INFINITY;
  for (int64_t at = 0; at < r->classes; at += 8192)
    fold(r, sum_chunk(&r->c, r->x + at, r->masked + at, least(8192, r->classes - at),
                      r->label < 0 ? -1 : r->label - at));
  if (sink) {
    const float n = reference(&r->c, *sink);
    fold(r, (chunk){*sink + 0.0f, n, e(&r->c, *sink, n)});
  }
  r->e_label = r->label < 0 ? 0 : e(&r->c, r->x[r->label], r->n) * 0x1p-30;
  r->s = r->label < 0 ? r->others : r->others + r->e_label;
  if (isfinite(r->m) && !(fabsf(r->m * r->c.r_hi) <= LIMIT) && r->shift == 0) {
    const float shift = r->shift = r->m, less = sink ? *sink - shift : 0;
    for (int64_t k = 0; k < r->classes; k++) r->x[k] -= shift;
    sum_row(r, sink ? &less : NULL);
    return;
  }
  r->nan = r->m == INFINITY || isnan(r->s);
  r->empty = !r->nan && r->m == -INFINITY;
  r->e_max = e(&r->c, r->m, r->n) * 0x1p-30;
  r->d = r->s <= r->e_max       ? 0
         : r->s <= 2 * r->e_max ? log_of_1_plus((r->s - r->e_max) / r->e_max)
                                : fma(r->n, LN2, logarithm(r->s)) - r->m * r->c.r;
  r->lse = r->shift * r->c.r + (r->m * r->c.r + r->d);
}

/* ---- the files -------------------------------------------------------------------------------- */

typedef struct { char name[64], type[8]; int64_t offset, count; } array;
typedef struct {
  char name[512], function[64];
  int64_t outer, classes, inner, ignore_index;
  bool ignores, zero, smooth_others, other_option;
  double temperature, softcap, smoothing, z_loss, scale, clamp;
  array arrays[32];
  int inputs, count; /* the arrays from `inputs` on are outputs */
} test_case;

static char *data;

static const array *find(const test_case *t, const char *name) {
  for (int i = 0; i < t->inputs; i++)
    if (!strcmp(t->arrays[i].name, name)) return &t->arrays[i];
  return NULL;
}

static float half(uint16_t h) {
  const int power = h >> 10 & 31, digits = h & 1023;
  const float v = power == 31 ? digits ? NAN : INFINITY
                              : ldexpf((float)(power ? digits + 1024 : digits), (power ? power : 1) - 25);
  return h & 0x8000 ? -v : v;
}

/* The bytes of a number of a type such as bf16. */
static int size_of(const char *type) { return atoi(type + strcspn(type, "0123456789")) / 8; }

static double value(const array *a, int64_t i) {
  const char *at = data + a->offset + i * size_of(a->type);
  if (!strcmp(a->type, "f32")) return *(const float *)(const void *)at;
  if (!strcmp(a->type, "f64")) return *(const double *)(const void *)at;
  if (!strcmp(a->type, "f16")) return half(*(const uint16_t *)(const void *)at);
  if (!strcmp(a->type, "bf16")) return as_float((uint32_t) * (const uint16_t *)(const void *)at << 16);
  if (!strcmp(a->type, "i8")) return *(const int8_t *)at;
  if (!strcmp(a->type, "u8")) return *(const uint8_t *)at;
  if (!strcmp(a->type, "i16")) return *(const int16_t *)(const void *)at;
  if (!strcmp(a->type, "u16")) return *(const uint16_t *)(const void *)at;
  if (!strcmp(a->type, "i32")) return *(const int32_t *)(const void *)at;
  if (!strcmp(a->type, "u32")) return *(const uint32_t *)(const void *)at;
  if (!strcmp(a->type, "u64")) return (double)*(const uint64_t *)(const void *)at;
  return (double)*(const int64_t *)(const void *)at;
}

/* The bits of a float in a type, rounded to nearest even. */
static uint32_t encode(float v, const char *type) {
  const uint32_t u = bits(v), sign = u >> 16 & 0x8000;
  if (!strcmp(type, "f32")) return isnan(v) ? 0x7fc00000 : u;
  if (!strcmp(type, "bf16")) return isnan(v) ? 0x7fc0 : (u + 0x7fff + (u >> 16 & 1)) >> 16;
  if (isnan(v)) return 0x7e00;
  if (fabsf(v) >= 65520) return sign | 0x7c00;
  if (fabsf(v) < 0x1p-14f) return sign | (uint32_t)nearbyintf(fabsf(v) * 0x1p24f);
  return sign | ((((u & 0x7fffffff) + 0xfff + (u >> 13 & 1)) >> 13) - (112 << 10));
}

static bool read_case(FILE *file, test_case *t) {
  char line[512], word[32], name[64], text[64];
  long long a, b, c;
  memset(t, 0, sizeof *t);
  t->temperature = t->scale = 1;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    const int words = sscanf(line, "%31s %63s %63s %lld %lld", word, name, text, &a, &b);
    if (!strcmp(word, "end")) return true;
    if (!strcmp(word, "case")) snprintf(t->name, sizeof t->name, "%s", line + 5);
    if (!strcmp(word, "function")) snprintf(t->function, sizeof t->function, "%s", name);
    if (!strcmp(word, "shape") && sscanf(line, "shape %lld %lld %lld", &a, &b, &c) == 3)
      t->outer = a, t->classes = b, t->inner = c;
    if (words == 5 && (!strcmp(word, "input") || !strcmp(word, "output"))) {
      array *next = &t->arrays[t->count++];
      snprintf(next->name, sizeof next->name, "%s", name);
      snprintf(next->type, sizeof next->type, "%.7s", text);
      next->offset = a, next->count = b;
      t->inputs += word[0] == 'i';
    }
    if (strcmp(word, "option")) continue;
    const double number = strtod(text, NULL);
    if (!strcmp(name, "temperature")) t->temperature = number;
    else if (!strcmp(name, "softcap")) t->softcap = number;
    else if (!strcmp(name, "label_smoothing")) t->smoothing = number;
    else if (!strcmp(name, "z_loss")) t->z_loss = number;
    else if (!strcmp(name, "gradient_scale")) t->scale = number;
    else if (!strcmp(name, "probability_clamp")) t->clamp = number;
    else if (!strcmp(name, "ignore_index")) t->ignores = true, t->ignore_index = (int64_t)number;
    else if (!strcmp(name, "fully_masked")) t->zero = !strcmp(text, "zero");
    else if (!strcmp(name, "smoothing")) t->smooth_others = !strcmp(text, "others");
    else t->other_option = true;
  }
  return false;
}

/* Whether this program computes the case. */
static bool computed(const test_case *t) {
  const array *logits = find(t, "logits"), *targets = find(t, "targets");
  const bool is_loss = !strncmp(t->function, "cross_entropy", 13) && strcmp(t->function, "cross_entropy_hvp");
  if (!logits || !strcmp(logits->type, "f64") || t->other_option || find(t, "target_weights")) return false;
  return is_loss ? targets && strchr("iu", targets->type[0]) && targets->count == t->outer * t->inner
                 : !strcmp(t->function, "softmax_forward") || !strcmp(t->function, "log_softmax_forward");
}

/* ---- section 3: labels ------------------------------------------------------------------------ */

/* Writes the gradient of a row with a label, and returns its loss. */
static float cross_entropy(const row *r, const test_case *t, const float *w, double u, double upstream,
                           const float *logits, float *gradient, float *scratch) {
  const double tau_r = r->c.r, epsilon = t->smoothing, zeta = t->z_loss;
  const int64_t y = r->label, K = r->classes;
  int64_t count = 0;
#define EVEN(k) (!r->masked[k] && !(t->smooth_others && (k) == y))
  for (int64_t k = 0; k < K; k++) count += EVEN(k);
  const double share = epsilon > 0 && count ? epsilon / (double)count : 0, w_y = w ? w[y] : 1;
  const double own = (1 - epsilon) * w_y;

  double T = 0, Q = 0, M = -INFINITY;
  for (int64_t at = 0; share > 0 && at < K; at += 8192) {
    const int64_t size = least(8192, K - at);
    const float m_c = largest(r->x + at, size), m = isfinite(m_c) ? m_c : 0;
    double mass = 0;
    for (int64_t k = at; k < at + size; k++) {
      const float t_k = EVEN(k) ? w ? w[k] : 1 : 0;
      scratch[k - at] = t_k != 0 ? t_k * (m - r->x[k]) : 0;
      mass += EVEN(k);
    }
    const double dot = chunk_sum(scratch, size), raised = fmax(M, m_c);
    for (int64_t k = at; k < at + size; k++) scratch[k - at] = EVEN(k) && w ? w[k] : 0;
    if (w) mass = chunk_sum(scratch, size);
    if (isfinite(M) && isfinite(raised) && M != raised) T += Q * (raised - M);
    T += dot;
    if (isfinite(m_c) && raised != m) T += mass * (raised - m);
    Q += mass, M = raised;
  }
  if (isfinite(M) && r->m > M) T += Q * (r->m - M); /* the sink is larger */

  const double q = r->others / r->e_label;
  double L = q <= 1 ? log_of_1_plus(q) : r->d + ((double)r->m - r->x[y]) * tau_r;
  if (t->clamp > 0) L = fmin(fmax(L, -logarithm(1 - t->clamp)), -logarithm(fmax(t->clamp, 0x1p-1022)));
  const double even = w ? (T * tau_r + Q * r->d) / (double)count : T / (double)count * tau_r + r->d;
  double B = share > 0 ? own == 0 ? epsilon * even : fma(own, L, epsilon * even) : own == 0 ? 0 : own * L;
  if (zeta > 0) B += zeta * (r->lse * r->lse);

  const double c = t->scale * u * upstream, cc = t->temperature == 1 ? c : c / t->temperature;
  const bool none = epsilon > 0 && share == 0;
  const double A = w ? own + share * Q : none ? own : 1, pull = A + 2 * zeta * r->lse;
  const double H = 0x1p-30 / r->s * cc * pull;
  const bool carried = fabs(H) > 0 && fabs(H) < 0x1p-126 && fabs(cc) < 0x1p31;
  const double up = carried ? 0x1p96 : 1, p_y = r->e_label / r->s, not_y = 0 - r->others / r->s;
  const float f = (float)(H * up), bs = (float)(cc * share * up);
  for (int64_t k = 0; k < K; k++) {
    const bool is_even = EVEN(k);
    const double product = cc * share * (w ? w[k] : 0);
    float g;
    if (k == y && (w || zeta > 0 || none)) {
      const double before = not_y * own + p_y * (pull - own);
      g = (float)((is_even ? before - share * w_y : before) * cc);
    } else if (k == y && epsilon <= 0.5) {
      g = (float)((not_y + (share == 0 ? 0 : t->smooth_others ? epsilon : epsilon - share)) * cc);
    } else if (k == y) {
      g = (float)((p_y - (1 - epsilon + (t->smooth_others ? 0 : share))) * cc);
    } else if (carried && share > 0 && w && is_even && fabs(product) >= 0x1p30) {
      g = -(float)product;
    } else {
      g = fmaf(e(&r->c, r->x[k], r->n), f, share == 0 || !is_even ? -0.0f : w ? -(w[k] * bs) : -bs);
      if (carried) g *= 0x1p-96f;
    }
    if (t->softcap > 0) {
      const float slope = hyperbolic(logits[k] * (float)(1 / t->softcap));
      g *= fmaf(-slope, slope, 1);
    }
    gradient[k] = r->masked[k] ? 0 : g;
  }
  return (float)(u * B);
}

/* ---- sections 5 and 10: edges and types ------------------------------------------------------- */

static int64_t compared, differ;

static void compare(const test_case *t, const array *expected, int64_t i, float found) {
  const uint32_t is = encode(found, expected->type);
  uint32_t wanted = 0;
  memcpy(&wanted, data + expected->offset + i * size_of(expected->type), (size_t)size_of(expected->type));
  compared++;
  if (is != wanted && differ++ < 50)
    printf("%s: value %" PRId64 " of %s is %#x instead of %#x\n", t->name, i, expected->name, is, wanted);
}

static void run(const test_case *t) {
  const array *logits = find(t, "logits"), *mask = find(t, "class_mask"), *weights = find(t, "class_weights"),
              *labels = find(t, "targets"), *u = find(t, "row_weights"), *sinks = find(t, "sink"),
              *upstream = find(t, "upstream"), *offsets = find(t, "row_offsets");
  const bool is_log = !strcmp(t->function, "log_softmax_forward");
  const size_t size = (size_t)t->classes + 8192; /* at least a chunk */
  float *x = calloc(size * 5, sizeof *x), *given = x + size, *per_class = x + 2 * size, *w = x + 3 * size;
  bool *masked = calloc(size, 1);
  for (int64_t i = 0; i < t->outer * t->inner; i++) {
    int64_t begin = i / t->inner * t->classes * t->inner + i % t->inner, step = t->inner, K = t->classes;
    if (offsets) begin = (int64_t)value(offsets, i), step = 1, K = (int64_t)value(offsets, i + 1) - begin;
    for (int64_t k = 0; k < K; k++) {
      const int64_t place = begin + k * step;
      given[k] = (float)value(logits, place);
      masked[k] = mask && value(mask, mask->count == t->classes ? k : place) == 0;
      x[k] = t->softcap > 0 ? (float)t->softcap * hyperbolic(given[k] * (float)(1 / t->softcap)) : given[k];
      if (masked[k]) x[k] = -INFINITY;
      if (weights) w[k] = (float)value(weights, k);
    }
    row r = {.c = of_temperature(t->temperature), .classes = K, .label = -1, .x = x, .masked = masked};
    const double weight = u ? value(u, i) : 1;
    float sink = 0, loss = 0, lse = 0;
    if (sinks) {
      const double s = value(sinks, sinks->count > 1 ? i : 0);
      sink = (float)(s * t->temperature);
      if (isinf(sink) && isfinite(s)) sink = copysignf(0x1.fffffep127f, sink);
    }
    const int64_t label = labels ? (int64_t)value(labels, i) : -1;
    const bool ignored = labels && ((t->ignores && label == t->ignore_index) || weight == 0);
    r.label = ignored ? -1 : label;
    sum_row(&r, sinks ? &sink : NULL);
    if (ignored || r.nan || r.empty) {
      const bool nan = !ignored && (r.nan || !t->zero);
      for (int64_t k = 0; k < K; k++) per_class[k] = nan ? NAN : is_log ? -INFINITY : 0;
      loss = nan ? NAN : 0;
      lse = ignored || nan ? NAN : -INFINITY;
    } else if (labels) {
      loss = cross_entropy(&r, t, weights ? w : NULL, weight, upstream ? value(upstream, i) : 1, given, per_class,
                           x + 4 * size);
      lse = (float)r.lse;
    } else {
      const float factor = (float)(0x1p-30 / r.s), minus_d = (float)(0 - r.d);
      for (int64_t k = 0; k < K; k++)
        per_class[k] = masked[k] ? is_log ? -INFINITY : 0
                       : is_log  ? fmaf(x[k] - r.m, r.c.r_hi, minus_d)
                       : K == 1 && x[k] == r.m && r.s == r.e_max ? 1 : e(&r.c, x[k], r.n) * factor;
    }
    for (const array *out = t->arrays + t->inputs; out < t->arrays + t->count; out++) {
      if (!strcmp(out->name, "losses")) compare(t, out, i, loss);
      if (!strcmp(out->name, "log_sum_exp")) compare(t, out, i, lse);
      for (int64_t k = 0; k < K && (!strcmp(out->name, "output") || !strcmp(out->name, "gradient")); k++)
        compare(t, out, begin + k * step, per_class[k]);
    }
  }
  free(x), free(masked);
}

int main(int argc, char **argv) {
  char path[4096], line[512];
  const char *folder = argc > 1 ? argv[1] : ".";
  snprintf(path, sizeof path, "%s/arrays.bin", folder);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) return perror(path), 2;
  const long size = ftell(file);
  data = malloc((size_t)size);
  if (fseek(file, 0, SEEK_SET) || fread(data, 1, (size_t)size, file) != (size_t)size) return perror(path), 2;
  fclose(file);
  snprintf(path, sizeof path, "%s/cases.txt", folder);
  if (!(file = fopen(path, "r")) || !fgets(line, sizeof line, file)) return perror(path), 2;
  int cases = 0, chosen = 0;
  for (test_case t; read_case(file, &t); cases++)
    if (computed(&t)) run(&t), chosen++;
  printf("C: %d of %d cases, %" PRId64 " values compared, %" PRId64 " differ\n", chosen, cases, compared, differ);
  return differ || !compared;
}
