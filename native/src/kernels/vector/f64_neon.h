/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles on AArch64's Advanced SIMD: two per register. */
#ifndef XENT_F64_NEON_H
#define XENT_F64_NEON_H

typedef struct { float64x2_t v; } doubles;
enum { XENT_DOUBLES = 2, XENT_DOUBLES_BATCH = 4 };

XENT_INLINE uint32_t bits_of_two(uint64x2_t w) {
  return (uint32_t)(vgetq_lane_u64(w, 0) & 1) | (uint32_t)(vgetq_lane_u64(w, 1) & 2);
}
XENT_INLINE doubles doubles_set(double x) { return (doubles){vdupq_n_f64(x)}; }
XENT_INLINE doubles doubles_load(const double *p) { return (doubles){vld1q_f64(p)}; }
XENT_INLINE void doubles_store(double *p, doubles a) { vst1q_f64(p, a.v); }
XENT_INLINE doubles doubles_load_part(const double *p, int64_t n, double fill) {
  if (n >= 2) return doubles_load(p);
  return (doubles){n > 0 ? vld1q_lane_f64(p, vdupq_n_f64(fill), 0) : vdupq_n_f64(fill)};
}
XENT_INLINE void doubles_store_part(double *p, int64_t n, doubles a) {
  if (n >= 2)
    doubles_store(p, a);
  else if (n > 0)
    vst1q_lane_f64(p, a.v, 0);
}
XENT_INLINE doubles doubles_add(doubles a, doubles b) { return (doubles){vaddq_f64(a.v, b.v)}; }
XENT_INLINE doubles doubles_add_aside(doubles a, doubles b) { return doubles_add(a, b); } /* every unit does both */
XENT_INLINE doubles doubles_sub(doubles a, doubles b) { return (doubles){vsubq_f64(a.v, b.v)}; }
XENT_INLINE doubles doubles_mul(doubles a, doubles b) { return (doubles){vmulq_f64(a.v, b.v)}; }
XENT_INLINE doubles doubles_div(doubles a, doubles b) { return (doubles){vdivq_f64(a.v, b.v)}; }
XENT_INLINE doubles doubles_fma(doubles a, doubles b, doubles c) { return (doubles){vfmaq_f64(c.v, a.v, b.v)}; }
/* The max instructions return a signalling NaN. */
XENT_INLINE doubles doubles_max(doubles x, doubles a) { return (doubles){vbslq_f64(vcgtq_f64(x.v, a.v), x.v, a.v)}; }
XENT_INLINE doubles doubles_power(doubles z) {
  return (doubles){vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(z.v), 52))};
}
XENT_INLINE doubles doubles_exponent(doubles v) {
  return (doubles){vcvtq_f64_u64(vshrq_n_u64(vreinterpretq_u64_f64(v.v), 52))};
}
XENT_INLINE doubles doubles_magnitude(doubles a) { return (doubles){vabsq_f64(a.v)}; }
XENT_INLINE doubles doubles_sign(doubles v, doubles s) {
  return (doubles){vbslq_f64(vdupq_n_u64(UINT64_C(1) << 63), s.v, v.v)};
}
XENT_INLINE doubles doubles_where_at_most(doubles a, doubles b, doubles yes, doubles no) {
  return (doubles){vbslq_f64(vcleq_f64(a.v, b.v), yes.v, no.v)};
}
XENT_INLINE uint32_t doubles_bits_above(doubles a, doubles b) { return bits_of_two(vcgtq_f64(a.v, b.v)); }
XENT_INLINE uint32_t doubles_bits_at_most(doubles a, doubles b) { return bits_of_two(vcleq_f64(a.v, b.v)); }
XENT_INLINE uint32_t doubles_bits_equal(doubles a, doubles b) { return bits_of_two(vceqq_f64(a.v, b.v)); }
XENT_INLINE doubles doubles_where_equal(doubles a, doubles b, doubles yes, doubles no) {
  return (doubles){vbslq_f64(vceqq_f64(a.v, b.v), yes.v, no.v)};
}
XENT_INLINE doubles doubles_clear_where_zero(doubles v, doubles q) {
  return (doubles){vbslq_f64(vceqzq_f64(q.v), vdupq_n_f64(0.0), v.v)};
}
XENT_INLINE doubles doubles_quiet(doubles a) {
  return (doubles){vbslq_f64(vceqq_f64(a.v, a.v), a.v, vdupq_n_f64(XENT_F64_NAN))};
}
/* v if byte j of the mask is not 0, else `other` */
XENT_INLINE doubles doubles_where_set(const uint8_t *mask, doubles v, doubles other) {
  const uint64x2_t bytes = vcombine_u64(vcreate_u64(mask[0]), vcreate_u64(mask[1]));
  return (doubles){vbslq_f64(vceqzq_u64(bytes), other.v, v.v)};
}
XENT_INLINE double doubles_first(doubles a) { return vgetq_lane_f64(a.v, 0); }
XENT_INLINE double doubles_largest(doubles a) { return vmaxvq_f64(a.v); }
XENT_INLINE double doubles_sum(doubles a) { return vpaddd_f64(a.v); }
/* v = m * 2^k, sqrt(1/2) <= m < sqrt(2), of a normal v > 0 */
XENT_INLINE doubles doubles_split(doubles v, doubles *k) {
  const int64x2_t u = vreinterpretq_s64_f64(v.v), root = vdupq_n_s64((int64_t)XENT_ROOT_HALF_BITS);
  const int64x2_t e = vshrq_n_s64(vsubq_s64(u, root), 52);
  k->v = vcvtq_f64_s64(e);
  return (doubles){vreinterpretq_f64_s64(vsubq_s64(u, vshlq_n_s64(e, 52)))};
}
/* Number j of vector i becomes number i of vector j. */
XENT_INLINE void doubles_transpose(doubles r[2]) {
  const float64x2_t first = vzip1q_f64(r[0].v, r[1].v), second = vzip2q_f64(r[0].v, r[1].v);
  r[0].v = first;
  r[1].v = second;
}

#endif
