/* SPDX-License-Identifier: Apache-2.0 */
/* The sixteen lanes in double, in the registers of `doubles` that they need: the operations lane by lane, in every
 * tier. */
#ifndef XENT_DLANES_H
#define XENT_DLANES_H

enum { XENT_DLANES = XENT_LANES / XENT_DOUBLES };
typedef struct { doubles v[XENT_DLANES]; } dlanes;

#define XENT_EACH_DOUBLES(k) XENT_UNROLL(8) for (int k = 0; k < XENT_DLANES; k++)
#define XENT_OF_DLANES(name, parameters, ...)  \
  XENT_INLINE dlanes dlanes_##name parameters { \
    dlanes of;                                  \
    XENT_EACH_DOUBLES(k) of.v[k] = __VA_ARGS__; \
    return of;                                  \
  }
XENT_OF_DLANES(set, (double x), doubles_set(x))
XENT_OF_DLANES(zero, (void), doubles_set(0))
XENT_OF_DLANES(load, (const double *p), doubles_load(p + XENT_DOUBLES * k))
XENT_OF_DLANES(add, (dlanes a, dlanes b), doubles_add(a.v[k], b.v[k]))
XENT_OF_DLANES(sub, (dlanes a, dlanes b), doubles_sub(a.v[k], b.v[k]))
XENT_OF_DLANES(mul, (dlanes a, dlanes b), doubles_mul(a.v[k], b.v[k]))
XENT_OF_DLANES(div, (dlanes a, dlanes b), doubles_div(a.v[k], b.v[k]))
XENT_OF_DLANES(scale, (dlanes a, double b), doubles_mul(a.v[k], doubles_set(b)))
XENT_OF_DLANES(magnitude, (dlanes a), doubles_magnitude(a.v[k]))
XENT_OF_DLANES(where_at_most, (dlanes a, dlanes b, dlanes yes, dlanes no),
               doubles_where_at_most(a.v[k], b.v[k], yes.v[k], no.v[k]))
XENT_OF_DLANES(split, (dlanes v, dlanes *exponent), doubles_split(v.v[k], &exponent->v[k]))
#undef XENT_OF_DLANES

/* Plain C computes two at once. */
XENT_INLINE dlanes dlanes_fma(dlanes a, dlanes b, dlanes c) {
#ifdef XENT_FUSES_IN_PAIRS
  fuse_doubles((double *)(void *)a.v, (const double *)(const void *)b.v, (const double *)(const void *)c.v, XENT_LANES);
#else
  XENT_EACH_DOUBLES(k) a.v[k] = doubles_fma(a.v[k], b.v[k], c.v[k]);
#endif
  return a;
}
XENT_INLINE void dlanes_store(double *p, dlanes a) {
  XENT_EACH_DOUBLES(k) doubles_store(p + XENT_DOUBLES * k, a.v[k]);
}
XENT_INLINE uint32_t dlanes_bits_at_most(dlanes a, dlanes b) {
  uint32_t bits = 0;
  XENT_EACH_DOUBLES(k) bits |= doubles_bits_at_most(a.v[k], b.v[k]) << XENT_DOUBLES * k;
  return bits;
}
XENT_INLINE uint32_t dlanes_bits_nan(dlanes a) {
  uint32_t bits = (1u << XENT_LANES) - 1;
  XENT_EACH_DOUBLES(k) bits ^= doubles_bits_equal(a.v[k], a.v[k]) << XENT_DOUBLES * k;
  return bits;
}

#endif
