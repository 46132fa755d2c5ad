/* SPDX-License-Identifier: Apache-2.0 */
/* The float32 bit contract of conformance/numerics.md as a program: plain, slow, one row at a time.
 * Where text and program differ, ask which one is right; then change both.
 * Build with -ffp-contract=off; fma and fmaf are the fused operations. */
#include "contract.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16, GROUP = 128, CHUNK = 8192, EXACT_MAX = 1024 };

static const float LOG2E = 0x1.715476p+0f, LN2_HI = 0x1.62e430p-1f, LN2_LO = -0x1.05c610p-29f;
static const float Q2 = 0x1.000876p-1f, Q3 = 0x1.55568ap-3f;
static const float ROUND = 12582912.0f;              /* 1.5 * 2^23: adding it rounds to an integer */
static const float FLOOR = -0x1.b34be2p+6f;          /* -157 ln 2: there the table scale becomes exactly +0 */
static const float LIMIT = 16384.0f;                 /* |max| up to which no shift is needed */
static const float LOWEST_REF = -23637.0f;           /* reference(-inf) */
static const double LN2 = 0.69314718055994530942;
static const uint32_t TWO_TO_EIGHTHS[8] = {          /* bits(RN(2^(i/8))) - (i << 20) */
    0x3f800000u, 0x3f7b95c2u, 0x3f7837f0u, 0x3f75fed7u, 0x3f7504f3u, 0x3f75672au, 0x3f7744fdu, 0x3f7ac0c7u};

static uint32_t bits(float v) { uint32_t u; memcpy(&u, &v, 4); return u; }
static float from_bits(uint32_t u) { float v; memcpy(&v, &u, 4); return v; }
static float max_of(float a, float x) { return x > a ? x : a; }          /* a NaN x is passed over */
static double power_of_two(double k) { return ldexp(1.0, (int)(k < -1000 ? -1000 : k)); }

static const contract_temperature NONE = {1, 1, 1, LN2_HI / 8, LN2_LO / 8, 8 * LOG2E, Q2, Q3, FLOOR};

contract_temperature contract_temperature_of(double tau) {
    if (tau == 0) tau = 1;
    contract_temperature t = {.tau = tau, .r = 1 / tau};
    double eighth = LN2 / 8 * tau;
    t.eighth_hi = (float)eighth;
    t.eighth_lo = (float)(eighth - (double)t.eighth_hi);
    t.per_eighth = (float)(1 / eighth);
    t.hi = (float)t.r;
    t.q2 = (float)((double)Q2 * t.r * t.r);
    t.q3 = (float)((double)Q3 * t.r * t.r * t.r);
    t.floor = (float)((double)FLOOR * tau);
    return t;
}

float contract_lowest(float N, const contract_temperature *t) {
    return fmaf(N, 8 * t->eighth_hi, t->floor);
}

/* exp(x / tau) * 2^(30 - N); +0 below (N - 157) tau ln 2, NaN stays NaN. t is what is left of x itself after n steps of
 * tau ln 2 / 8, and the polynomial of t has the powers of 1 / tau in its coefficients. */
float contract_exp_at(float x, float N, const contract_temperature *tau) {
    float lowest = contract_lowest(N, tau);
    x = x < lowest ? lowest : x;
    float magic = ROUND + 8 * 30 - 8 * N;
    float z = fmaf(x, tau->per_eighth, magic), n = z - magic;
    float t = fmaf(n, -tau->eighth_lo, fmaf(n, -tau->eighth_hi, x));
    float p = fmaf(fmaf(tau->q3, t, tau->q2), t, tau->hi) * t;
    float s = from_bits(TWO_TO_EIGHTHS[bits(z) & 7] + (bits(z) << 20));
    return fmaf(p, s, s);
}
float contract_exp(float x, float N) { return contract_exp_at(x, N, &NONE); }

float contract_reference(float max) {
    float m = max > LIMIT ? LIMIT : max < -LIMIT ? -LIMIT : max;
    return fmaf(m, LOG2E, ROUND) - ROUND;
}

/* One group of at most 128 terms to the lanes of its chunk; the missing terms are +0. */
static void add_group(double lane[LANES], const float *term, size_t m) {
    for (size_t j = 0; j < LANES; j++) {
        float v[8];
        for (size_t h = 0; h < 8; h++) v[h] = h * LANES + j < m ? term[h * LANES + j] : 0.0f;
        lane[j] += (double)(((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])));
    }
}

/* In double; in a chunk of at most 16 classes all but the last addition in float. */
static double tree(double lane[LANES], size_t n) {
    for (size_t k = LANES / 2; k >= 1; k /= 2)
        for (size_t j = 0; j < k; j++)
            lane[j] = n <= LANES && k > 1 ? (double)((float)lane[j] + (float)lane[j + k]) : lane[j] + lane[j + k];
    return lane[0];
}

double contract_chunk_sum(const float *term, size_t n) {
    double lane[LANES] = {0};
    for (size_t i = 0; i < n; i += GROUP) add_group(lane, term + i, n - i < GROUP ? n - i : GROUP);
    return tree(lane, n);
}

/* statistics of one chunk; the class `without` (or -1) adds +0 to the sum but counts for the maximum */
contract_chunk contract_chunk_of(const float *x, size_t n, ptrdiff_t without, const contract_temperature *tau) {
    contract_chunk c = {.max = -INFINITY, .N = LOWEST_REF, .s = 0};
    double lane[LANES] = {0};
    for (size_t i = 0; i < n; i++) c.max = max_of(c.max, x[i]);
    c.max += 0.0f; /* -0 counts as +0 */
    if (n <= EXACT_MAX) c.N = contract_reference(c.max * tau->hi);
    for (size_t i = 0; i < n; i += GROUP) {
        size_t m = n - i < GROUP ? n - i : GROUP;
        if (n > EXACT_MAX) {
            float g = -INFINITY;
            for (size_t k = 0; k < m; k++) g = max_of(g, x[i + k]);
            float raised = contract_reference(g * tau->hi);
            if (g * tau->hi > (c.N + 16) * LN2_HI && raised > c.N) {
                for (int j = 0; j < LANES; j++) lane[j] *= power_of_two((double)c.N - raised);
                c.N = raised;
            }
        }
        float e[GROUP];
        for (size_t k = 0; k < m; k++)
            e[k] = (ptrdiff_t)(i + k) == without ? 0.0f : contract_exp_at(x[i + k], c.N, tau);
        add_group(lane, e, m);
    }
    c.s = tree(lane, n);
    return c;
}

/* chunks fold in index order, wherever they were computed */
contract_row contract_fold(const contract_chunk *chunk, size_t count) {
    contract_row r = {.max = -INFINITY, .N = LOWEST_REF, .S = 0};
    for (size_t i = 0; i < count; i++) {
        double N = fmax(r.N, chunk[i].N);
        r.S = r.S * power_of_two(r.N - N) + chunk[i].s * 0x1p-30 * power_of_two(chunk[i].N - N);
        r.N = (float)N;
        r.max = max_of(r.max, chunk[i].max);
    }
    return r;
}

static contract_row statistics(const float *x, size_t n, ptrdiff_t without) {
    static contract_chunk chunk[1 << 16];
    size_t count = 0;
    for (size_t i = 0; i < n; i += CHUNK, count++) {
        ptrdiff_t at = without < (ptrdiff_t)i ? -1 : without - (ptrdiff_t)i;
        chunk[count] = contract_chunk_of(x + i, n - i < CHUNK ? n - i : CHUNK, at, &NONE);
    }
    return contract_fold(chunk, count);
}

/* log1p(q) for 0 <= q <= 1 and log(v) for normal v > 0 share one odd series in r */
static double series(double r) {
    double z = r * r, p = 1.0 / 17;
    for (int d = 15; d >= 3; d -= 2) p = fma(p, z, 1.0 / d);
    p = fma(p * z, r, r);
    return p + p;
}
double contract_log1p(double q) { return series(q / (2 + q)); }
double contract_log(double v) {
    uint64_t u;
    memcpy(&u, &v, 8);
    int64_t k = (int64_t)(u - 0x3FE6A09E667F3BCDull) >> 52; /* v = 2^k m, sqrt(1/2) <= m < sqrt(2) */
    u -= (uint64_t)k << 52;
    memcpy(&v, &u, 8);
    return fma((double)k, LN2, series((v - 1) / (v + 1)));
}

/* log-sum-exp minus the maximum, both after the temperature: never negative */
double contract_distance(contract_row r, const contract_temperature *t) {
    double e = (double)contract_exp_at(r.max, r.N, t) * 0x1p-30;
    if (r.S <= 2 * e) return r.S <= e ? 0 : contract_log1p((r.S - e) / e);
    return fma(r.N, LN2, contract_log(r.S)) - (double)r.max * t->r;
}

/* a row ready for output: shifted copy when its maximum is beyond LIMIT */
typedef struct { const float *x; float shift; contract_row stat; int ok; } ready;
static ready prepare(const float *x, size_t n, ptrdiff_t without, float *scratch) {
    ready r = {.x = x, .shift = 0, .stat = statistics(x, n, without), .ok = 1};
    if (isinf(r.stat.max)) { r.ok = 0; return r; } /* +inf, or nothing above -inf */
    if (fabsf(r.stat.max) > LIMIT) {
        r.shift = r.stat.max;
        for (size_t i = 0; i < n; i++) scratch[i] = x[i] - r.shift;
        r.x = scratch;
        r.stat = statistics(scratch, n, without);
    }
    r.ok = !isnan(r.stat.S);
    return r;
}
static int all_nan(float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = from_bits(0x7fc00000u);
    return 0;
}

int contract_softmax(const float *x, size_t n, float *y, float *scratch) {
    ready r = prepare(x, n, -1, scratch);
    if (!r.ok) return all_nan(y, n);
    float f = (float)(0x1p-30 / r.stat.S);
    for (size_t i = 0; i < n; i++) y[i] = n == 1 ? 1.0f : contract_exp(r.x[i], r.stat.N) * f;
    return 1;
}

/* of a row that is NaN: +inf, unless a value is NaN */
static float log_sum_exp_of_nan(const float *x, size_t n, float max) {
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i])) return from_bits(0x7fc00000u);
    return max == INFINITY ? INFINITY : from_bits(0x7fc00000u);
}
/* next to 0 the distance is that of the sum without the first of the largest values */
static double exact_distance(const float *x, size_t n, contract_row stat, double D) {
    if (!(fabs((double)stat.max) + D < 0.125)) return D;
    size_t first = 0;
    while (x[first] != stat.max) first++;
    double e = (double)contract_exp(stat.max, stat.N) * 0x1p-30;
    return contract_log1p(statistics(x, n, (ptrdiff_t)first).S / e);
}

int contract_log_softmax(const float *x, size_t n, float *y, float *lse, float *scratch) {
    ready r = prepare(x, n, -1, scratch);
    if (!r.ok) { *lse = log_sum_exp_of_nan(x, n, r.stat.max); return all_nan(y, n); }
    double D = contract_distance(r.stat, &NONE);
    float minus_d = (float)(0 - D);
    for (size_t i = 0; i < n; i++) y[i] = (r.x[i] - r.stat.max) + minus_d;
    if (r.shift == 0) D = exact_distance(x, n, r.stat, D);
    *lse = (float)((double)r.shift + ((double)r.stat.max + D));
    return 1;
}

int contract_cross_entropy(const float *x, size_t n, size_t label, double scale, float *loss, float *gradient,
                           float *lse, float *scratch) {
    ready r = prepare(x, n, (ptrdiff_t)label, scratch);
    if (!r.ok) { *loss = *lse = from_bits(0x7fc00000u); return all_nan(gradient, n); }
    float x_y = r.x[label];
    double e_y = (double)contract_exp(x_y, r.stat.N) * 0x1p-30, others = r.stat.S;
    r.stat.S = others + e_y;
    if (isnan(r.stat.S)) { *loss = *lse = from_bits(0x7fc00000u); return all_nan(gradient, n); }
    double q = others / e_y, D = contract_distance(r.stat, &NONE);
    *loss = (float)(q <= 1 ? contract_log1p(q) : D + ((double)r.stat.max - (double)x_y));
    *lse = (float)((double)r.shift + ((double)r.stat.max + D));
    double G = 0x1p-30 / r.stat.S * scale;
    int tiny = G != 0 && fabs(G) < 0x1p-126;
    float f = (float)(tiny ? G * 0x1p96 : G);
    for (size_t i = 0; i < n; i++) {
        float g = contract_exp(r.x[i], r.stat.N) * f;
        gradient[i] = tiny ? g * 0x1p-96f : g;
    }
    gradient[label] = (float)((0 - others / r.stat.S) * scale);
    return 1;
}

void contract_backward(const float *y, const float *g, const unsigned char *mask, size_t n, int log, double temperature,
                       float *dx) {
    static float term[CHUNK];
    const contract_temperature t = contract_temperature_of(temperature);
    double total = 0;
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        for (size_t k = 0; k < m; k++)
            term[k] = mask && !mask[i + k] ? 0.0f : log ? g[i + k] : g[i + k] * y[i + k];
        total += contract_chunk_sum(term, m);
    }
    float sum = (float)total;
    for (size_t i = 0; i < n; i++) {
        float p = contract_exp(y[i], 0) * 0x1p-30f;
        float v = (log ? fmaf(-p, sum, g[i]) : y[i] * (g[i] - sum)) * t.hi;
        dx[i] = mask && !mask[i] ? 0.0f : isnan(v) ? from_bits(0x7fc00000u) : v;
    }
}
