/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary in plain C: sixteen lanes in an array. */
#ifndef XENT_SCALAR_H
#define XENT_SCALAR_H

typedef struct { float v[XENT_LANES]; } lanes;

#define XENT_BATCH 1
#define XENT_STREAM_ALIGNMENT sizeof(float)
#define XENT_BACKWARD_REGISTERS 0
#define XENT_MASKED_LOADS 0
#define XENT_CONSTANT_LENGTHS 0
#define XENT_EACH_SOFTMAX 256
#define XENT_DENSE_OUTPUTS 104
#define XENT_DENSE_LOSSES 104
#define XENT_FUSES_IN_PAIRS
#define XENT_EACH_LANE(j) for (int j = 0; j < XENT_LANES; j++)

XENT_INLINE lanes lanes_set(float x) {
  lanes r;
  XENT_EACH_LANE(j) r.v[j] = x;
  return r;
}
XENT_INLINE lanes lanes_load(const float *p) {
  lanes r;
  memcpy(r.v, p, sizeof r.v);
  return r;
}
XENT_INLINE lanes lanes_load_far(const float *p) { return lanes_load(p); }
XENT_INLINE void lanes_store(float *p, lanes a) { memcpy(p, a.v, sizeof a.v); }
XENT_INLINE void lanes_stream(float *p, lanes a) { lanes_store(p, a); }
XENT_INLINE lanes lanes_load_part(const float *p, int64_t n, float fill) {
  lanes r;
  XENT_EACH_LANE(j) r.v[j] = j < n ? p[j] : fill;
  return r;
}
XENT_INLINE void lanes_store_part(float *p, int64_t n, lanes a) {
  XENT_EACH_LANE(j) if (j < n) p[j] = a.v[j];
}
XENT_INLINE lanes lanes_add(lanes a, lanes b) {
  XENT_EACH_LANE(j) a.v[j] += b.v[j];
  return a;
}
XENT_INLINE lanes lanes_sub(lanes a, lanes b) {
  XENT_EACH_LANE(j) a.v[j] -= b.v[j];
  return a;
}
XENT_INLINE lanes lanes_mul(lanes a, lanes b) {
  XENT_EACH_LANE(j) a.v[j] *= b.v[j];
  return a;
}
XENT_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) {
  fuse(a.v, b.v, c.v, XENT_LANES);
  return a;
}
XENT_INLINE lanes lanes_max(lanes x, lanes a) {
  XENT_EACH_LANE(j) a.v[j] = x.v[j] > a.v[j] ? x.v[j] : a.v[j];
  return a;
}
XENT_INLINE lanes lanes_floor_at(lanes x, lanes lo) {
  XENT_EACH_LANE(j) x.v[j] = x.v[j] < lo.v[j] ? lo.v[j] : x.v[j];
  return x;
}
XENT_INLINE lanes lanes_exponent_table(lanes z) {
  XENT_EACH_LANE(j) {
    uint32_t u = float_bits(z.v[j]);
    z.v[j] = bits_float(XENT_TWO_TO_EIGHTHS[u & 7] + (u << 20));
  }
  return z;
}
XENT_INLINE lanes lanes_keep_first(lanes a, int64_t n) {
  XENT_EACH_LANE(j) a.v[j] = j < n ? a.v[j] : 0.0f;
  return a;
}
XENT_INLINE lanes lanes_drop(lanes a, int64_t lane) {
  XENT_EACH_LANE(j) a.v[j] = j == lane ? 0.0f : a.v[j];
  return a;
}
XENT_INLINE lanes lanes_quiet(lanes a) {
  XENT_EACH_LANE(j) a.v[j] = a.v[j] != a.v[j] ? XENT_NAN : a.v[j];
  return a;
}
XENT_INLINE lanes lanes_magnitude(lanes a) {
  XENT_EACH_LANE(j) a.v[j] = fabsf(a.v[j]);
  return a;
}
XENT_INLINE lanes lanes_sign(lanes v, lanes s) {
  XENT_EACH_LANE(j) v.v[j] = copysignf(v.v[j], s.v[j]);
  return v;
}
XENT_INLINE lanes lanes_load_f16(const uint16_t *p) {
  lanes r;
  XENT_EACH_LANE(j) r.v[j] = widen_f16(p[j]);
  return r;
}
XENT_INLINE lanes lanes_load_bf16(const uint16_t *p) {
  lanes r;
  XENT_EACH_LANE(j) r.v[j] = widen_bf16(p[j]);
  return r;
}
XENT_INLINE void lanes_store_f16(uint16_t *p, lanes a) { XENT_EACH_LANE(j) p[j] = narrow_f16(a.v[j]); }
XENT_INLINE void lanes_store_bf16(uint16_t *p, lanes a) { XENT_EACH_LANE(j) p[j] = narrow_bf16(a.v[j]); }
XENT_INLINE void lanes_store_numbers_f16(uint16_t *p, lanes a, lanes b, const bool stream) {
  (void)stream;
  lanes_store_f16(p, a);
  lanes_store_f16(p + XENT_LANES, b);
}
XENT_INLINE void lanes_store_numbers_bf16(uint16_t *p, lanes a, lanes b, const bool stream) {
  (void)stream;
  lanes_store_bf16(p, a);
  lanes_store_bf16(p + XENT_LANES, b);
}
XENT_INLINE void lanes_store_pair_bf16(uint16_t *p, const lanes v[2], const bool stream) {
  lanes_store_numbers_bf16(p, v[0], v[1], stream);
}
XENT_INLINE void lanes_load_pair_bf16(const uint16_t *p, lanes v[2]) {
  v[0] = lanes_load_bf16(p);
  v[1] = lanes_load_bf16(p + XENT_LANES);
}
XENT_INLINE void halves_first(uint16_t *to, const uint16_t *p, int64_t n) {
  for (int64_t k = 0; k < XENT_LANES; k++) to[k] = k < n ? p[k] : 0;
}
XENT_INLINE bool lanes_any_nan(lanes a, lanes b) {
  bool any = false;
  XENT_EACH_LANE(j) any |= a.v[j] != a.v[j] || b.v[j] != b.v[j];
  return any;
}
XENT_INLINE bool lanes_any_above(lanes x, float limit) {
  bool any = false;
  XENT_EACH_LANE(j) any |= x.v[j] > limit;
  return any;
}
XENT_INLINE float lanes_largest(lanes a) {
  float m = a.v[0];
  for (int j = 1; j < XENT_LANES; j++) m = a.v[j] > m ? a.v[j] : m;
  return m;
}
XENT_INLINE double lanes_tree(lanes a) {
  for (int k = XENT_LANES / 2; k >= 2; k /= 2)
    for (int j = 0; j < k; j++) a.v[j] += a.v[j + k];
  return (double)a.v[0] + (double)a.v[1];
}

#endif
