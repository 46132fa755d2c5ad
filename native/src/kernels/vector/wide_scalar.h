/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen lanes of doubles as classes of a row, in plain C. */
#ifndef XENT_WIDE_SCALAR_H
#define XENT_WIDE_SCALAR_H

enum { XENT_WIDE_BATCH = 1 };

XENT_INLINE dlanes dlanes_load_part(const double *p, int64_t n, double fill) {
  dlanes r;
  XENT_EACH_LANE(j) r.v[j] = j < n ? p[j] : fill;
  return r;
}
XENT_INLINE void dlanes_store_part(double *p, int64_t n, dlanes a) {
  XENT_EACH_LANE(j) if (j < n) p[j] = a.v[j];
}
XENT_INLINE dlanes dlanes_max(dlanes x, dlanes a) {
  XENT_EACH_LANE(j) a.v[j] = x.v[j] > a.v[j] ? x.v[j] : a.v[j];
  return a;
}
XENT_INLINE dlanes dlanes_floor_at(dlanes x, dlanes lo) {
  XENT_EACH_LANE(j) x.v[j] = x.v[j] < lo.v[j] ? lo.v[j] : x.v[j];
  return x;
}
XENT_INLINE dlanes dlanes_power(dlanes z) {
  XENT_EACH_LANE(j) {
    uint64_t u;
    memcpy(&u, &z.v[j], sizeof u);
    u <<= 52;
    memcpy(&z.v[j], &u, sizeof u);
  }
  return z;
}
XENT_INLINE dlanes dlanes_drop(dlanes a, int64_t lane) {
  XENT_EACH_LANE(j) a.v[j] = j == lane ? 0.0 : a.v[j];
  return a;
}
XENT_INLINE dlanes dlanes_quiet(dlanes a) {
  XENT_EACH_LANE(j) a.v[j] = a.v[j] != a.v[j] ? XENT_WIDE_NAN : a.v[j];
  return a;
}
XENT_INLINE dlanes dlanes_sign(dlanes v, dlanes s) {
  XENT_EACH_LANE(j) v.v[j] = copysign(v.v[j], s.v[j]);
  return v;
}
XENT_INLINE uint32_t dlanes_bits_above(dlanes a, dlanes b) {
  uint32_t bits = 0;
  XENT_EACH_LANE(j) bits |= (uint32_t)(a.v[j] > b.v[j]) << j;
  return bits;
}
XENT_INLINE uint32_t dlanes_bits_equal(dlanes a, dlanes b) {
  uint32_t bits = 0;
  XENT_EACH_LANE(j) bits |= (uint32_t)(a.v[j] == b.v[j]) << j;
  return bits;
}
XENT_INLINE double dlanes_largest(dlanes a) {
  double m = a.v[0];
  for (int j = 1; j < XENT_LANES; j++) m = a.v[j] > m ? a.v[j] : m;
  return m;
}

#endif
