/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles in plain C: one at a time. */
#ifndef XENT_F64_SCALAR_H
#define XENT_F64_SCALAR_H

typedef struct { double v; } doubles;
enum { XENT_DOUBLES = 1, XENT_DOUBLES_BATCH = 1 };

XENT_INLINE doubles doubles_set(double x) { return (doubles){x}; }
XENT_INLINE doubles doubles_load(const double *p) { return (doubles){*p}; }
XENT_INLINE void doubles_store(double *p, doubles a) { *p = a.v; }
XENT_INLINE doubles doubles_load_part(const double *p, int64_t n, double fill) { return (doubles){n > 0 ? *p : fill}; }
XENT_INLINE void doubles_store_part(double *p, int64_t n, doubles a) {
  if (n > 0) *p = a.v;
}
XENT_INLINE doubles doubles_add(doubles a, doubles b) { return (doubles){a.v + b.v}; }
XENT_INLINE doubles doubles_add_aside(doubles a, doubles b) { return (doubles){a.v + b.v}; }
XENT_INLINE doubles doubles_sub(doubles a, doubles b) { return (doubles){a.v - b.v}; }
XENT_INLINE doubles doubles_mul(doubles a, doubles b) { return (doubles){a.v * b.v}; }
XENT_INLINE doubles doubles_div(doubles a, doubles b) { return (doubles){a.v / b.v}; }
XENT_INLINE doubles doubles_fma(doubles a, doubles b, doubles c) { return (doubles){fused_double(a.v, b.v, c.v)}; }
XENT_INLINE doubles doubles_max(doubles x, doubles a) { return x.v > a.v ? x : a; }
XENT_INLINE doubles doubles_power(doubles z) { return (doubles){bits_double(double_bits(z.v) << 52)}; }
XENT_INLINE doubles doubles_exponent(doubles v) { return (doubles){(double)(int64_t)(double_bits(v.v) >> 52)}; }
XENT_INLINE doubles doubles_magnitude(doubles a) { return (doubles){fabs(a.v)}; }
XENT_INLINE doubles doubles_sign(doubles v, doubles s) { return (doubles){copysign(v.v, s.v)}; }
XENT_INLINE doubles doubles_where_at_most(doubles a, doubles b, doubles yes, doubles no) {
  return a.v <= b.v ? yes : no;
}
XENT_INLINE uint32_t doubles_bits_above(doubles a, doubles b) { return a.v > b.v; }
XENT_INLINE uint32_t doubles_bits_at_most(doubles a, doubles b) { return a.v <= b.v; }
XENT_INLINE uint32_t doubles_bits_equal(doubles a, doubles b) { return a.v == b.v; }
XENT_INLINE doubles doubles_where_equal(doubles a, doubles b, doubles yes, doubles no) { return a.v == b.v ? yes : no; }
XENT_INLINE doubles doubles_clear_where_zero(doubles v, doubles q) { return (doubles){q.v == 0 ? 0.0 : v.v}; }
XENT_INLINE doubles doubles_quiet(doubles a) { return (doubles){a.v != a.v ? XENT_F64_NAN : a.v}; }
/* v if the byte is not 0, else `other` */
XENT_INLINE doubles doubles_where_set(const uint8_t *mask, doubles v, doubles other) { return *mask ? v : other; }
XENT_INLINE double doubles_first(doubles a) { return a.v; }
XENT_INLINE double doubles_largest(doubles a) { return a.v; }
XENT_INLINE double doubles_sum(doubles a) { return a.v; }
/* v = m * 2^k, sqrt(1/2) <= m < sqrt(2), of a normal v > 0 */
XENT_INLINE doubles doubles_split(doubles v, doubles *k) {
  const uint64_t u = double_bits(v.v);
  const int64_t e = (int64_t)(u - XENT_ROOT_HALF_BITS) >> 52;
  k->v = (double)e;
  return (doubles){bits_double(u - ((uint64_t)e << 52))};
}
XENT_INLINE void doubles_transpose(doubles r[1]) { (void)r; }

#endif
