/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of the kernels. `lanes` are the sixteen float lanes of the bit contract, `dlanes` the same lanes in
 * double; class i of a chunk belongs to lane i mod 16. Each instruction set has one header that says how it holds them;
 * the kernels are written once, with these operations, and compiled per tier.
 *
 *   lanes_set, _load, _store, _stream     whole vectors (unaligned; stream: aligned, past the caches)
 *   lanes_load_far                        lanes_load from memory or the third-level cache, if it limits a loop
 *   lanes_load_part, _store_part          the first n >= 0 of 16; the rest is `fill`, or is not stored
 *   lanes_add, _sub, _mul, _fma           one rounding each
 *   lanes_max(x, a)                       x > a ? x : a   (a NaN x is ignored)
 *   lanes_floor_at(x, lo)                 x < lo ? lo : x (a NaN x stays)
 *   lanes_exponent_table(z)               asfloat(TWO_TO_EIGHTHS[bits(z) & 7] + (bits(z) << 20))
 *   lanes_keep_first(v, n)                +0 from lane n on
 *   lanes_drop(v, j)                      +0 in lane j, if v has it
 *   lanes_quiet(v)                        every NaN becomes the canonical one
 *   lanes_any_above(x, limit)             whether any x > limit
 *   lanes_any_nan(a, b)                   whether a or b has a NaN
 *   lanes_largest(v), lanes_tree(v)       across lanes; the tree adds j + 8, j + 4, j + 2, j + 1
 *   lanes_magnitude(a), lanes_sign(v, s)  |a|; v >= 0 with the sign of s
 *   lanes_load_f16(p), _bf16              sixteen of them, widened
 *   halves_first(to, p, n)                the first n < 16 of sixteen 16-bit numbers, then 0; in one store, so that
 *                                         no load waits for two
 *   lanes_load_pair_bf16(p, v)            thirty-two of them, in the cheapest order
 *   lanes_store_pair_bf16(p, v, s)        two vectors in that order, neither with a NaN; s: streamed
 *   lanes_store_f16(p, a), _bf16          rounded to nearest even, every NaN the canonical one
 *   lanes_store_numbers_f16(p, a, b, s), _bf16  two vectors, neither with a NaN; s: streamed, at an address of
 *                                         XENT_STREAM_ALIGNMENT
 *   dlanes_widen(lanes), dlanes_narrow    to double, and rounded back to float
 *   dlanes_zero, _add, _scale, _fma       one rounding each
 *   dlanes_tree(v)                        as for lanes
 *   XENT_BATCH, XENT_STREAM_ALIGNMENT     vectors of a pipelined exponential; bytes that lanes_stream aligns to
 *   XENT_BACKWARD_REGISTERS               most classes of rows that stay in registers in a backward; 0: two vectors
 *   XENT_MASKED_LOADS                     whether a load with a mask takes as long as one without
 *   XENT_CONSTANT_LENGTHS                 whether rows of 49 to 128 classes gain by loops of constant length
 *   XENT_EACH_SOFTMAX, XENT_DENSE_OUTPUTS, XENT_DENSE_LOSSES
 *                                         least and most classes of the paths each and dense (paths/)
 *   fused(a, b, c), fused_double          a * b + c of single numbers, rounded once, in every tier (fused.h)
 *
 * A vector also holds one number of each of sixteen rows (stages/results/sixteen.h). The block_ headers have the
 * operations for this; r are sixteen rows, and bit j of a set of bits is lane j.
 *   lanes_tree_rows(r), lanes_largest_rows, dlanes_tree_rows     lane i: lanes_tree ... of r[i]
 *   lanes_load_dense(x, n, k), _store_, _stream_  part k of n of sixteen contiguous rows of n floats
 *   lanes_spread(v, rows, k)              lane j: v of the row of lane j of part k, according to rows:
 *                                         XENT_DENSE_ROWS rows, n entries each
 *   lanes_reduce_dense(x, n, largest)     lane i: the tree, or the largest, of n <= 16 floats from x + i n on
 *   lanes_turn_in(x, pitch, t), lanes_turn_out(t, y, pitch)  four numbers of each of sixteen rows a pitch apart:
 *                                         number k of row i is lane i of t[k]
 *   lanes_min(x, a), lanes_div            x < a ? x : a; the quotient
 *   lanes_where_set(set, yes, no)         yes if a byte is not 0; lanes_where_set_part(set, n, yes, no): of the first n
 *   lanes_where_equal(a, b, yes, no)      a == b ? yes : no; lanes_where_above: a > b
 *   lanes_bits_equal(a, b)                the lanes in which a == b
 *   lanes_bits_nan(a)
 *   lanes_bits_beyond(x, limit)           the lanes in which not |x| <= limit, NaN too
 *   dlanes_set, _load, _store, _sub, _mul, _div, _magnitude
 *   dlanes_where_at_most(a, b, yes, no)   a <= b ? yes : no
 *   dlanes_bits_at_most(a, b), dlanes_bits_nan(a)
 *   XENT_IN_FLIGHT                        vectors whose exponentials are computed at once
 *   dlanes_split(v, &k)                   v = m * 2^k, sqrt(1/2) <= m < sqrt(2), of a normal v > 0
 *
 * Float64 arithmetic (the f64_ headers): `doubles` are the XENT_DOUBLES numbers of one register. Their sums are exact,
 * so results do not depend on XENT_DOUBLES. As above:
 *   doubles_set, _load, _store, _add, _sub, _mul, _div, _fma, _max, _magnitude, _sign, _quiet, _largest, _split,
 *   doubles_load_part(p, n >= 0, fill), _store_part, _where_at_most, _where_equal, _clear_where_zero, _bits_above,
 *   doubles_bits_equal, _bits_at_most
 *   doubles_first(v)                      the first of them
 *   doubles_transpose(r)                  number j of vector i becomes number i of vector j
 *   doubles_power(z)                      asdouble(bits(z) << 52)
 *   doubles_exponent(v)                   biased, of v without a sign
 *   doubles_sum(v)                        across, in any order
 *   doubles_add_aside(a, b)               the same as _add, on units that fused multiply-adds do not use
 *   XENT_DOUBLES_BATCH                    vectors whose exponentials are computed at once
 */
#ifndef XENT_VECTOR_H
#define XENT_VECTOR_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "numerics/constants.h"
#include "numerics/float_flags.h"
#include "numerics/halves.h"

/* In vector registers, sixteen lanes are a few instructions, and a kernel is one loop after inlining. In plain C they
 * are sixteen times that number, so the compiler decides what to inline. */
#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__)) || defined(XENT_NEON)
#define XENT_INLINE static inline __attribute__((always_inline))
#define XENT_UNROLL(n) XENT_PRAGMA(GCC unroll n)
#else
#define XENT_INLINE static inline __attribute__((unused))
#define XENT_UNROLL(n)
#endif
/* An attribute of memory that vectors are stored to and loaded from again: one that crosses a line takes twice as
 * long. */
#define XENT_ALIGNED _Alignas(64)
/* A compiler barrier: loads before it stay before loads after it. */
#define XENT_IN_ORDER() __asm__ volatile("" ::: "memory")
/* A function that is compiled once, for any number of calls. */
#define XENT_SHARED static __attribute__((noinline, unused))
/* An entry of a tier's tables; some objects of a tier include it without such a table. */
#define XENT_KERNEL static __attribute__((unused))
#define XENT_PRAGMA(text) _Pragma(#text)

/* Prefetches the line `bytes` bytes after an address: it may be past the array, which a pointer must not be. */
XENT_INLINE void prefetch_behind(const void *at, int64_t bytes) {
  __builtin_prefetch((const void *)((uintptr_t)at + (uintptr_t)bytes));
}
/* The same into the second-level cache. Loads and stores need the few buffers of the first level for themselves: a
 * prefetch that waits for one stops all later instructions. */
XENT_INLINE void prefetch_far_behind(const void *at, int64_t bytes) {
  __builtin_prefetch((const void *)((uintptr_t)at + (uintptr_t)bytes), 0, 2);
}

XENT_INLINE uint32_t float_bits(float v) {
  uint32_t u;
  memcpy(&u, &v, sizeof u);
  return u;
}
XENT_INLINE float bits_float(uint32_t u) {
  float v;
  memcpy(&v, &u, sizeof v);
  return v;
}
#define XENT_NAN (bits_float(0x7fc00000u))

/* Floats as integers in the same order; -0 and +0 have the same integer. */
XENT_INLINE int32_t ordinal_of(float x) {
  const int32_t bits = (int32_t)float_bits(x);
  return bits < 0 ? (int32_t)(0x80000000u - (uint32_t)bits) : bits;
}
XENT_INLINE float of_ordinal(int32_t i) { return bits_float(i < 0 ? 0x80000000u - (uint32_t)i : (uint32_t)i); }
/* The least float above v, which is below +inf. */
XENT_INLINE float float_above(float v) { return of_ordinal(ordinal_of(v) + 1); }

XENT_INLINE uint64_t double_bits(double v) {
  uint64_t u;
  memcpy(&u, &v, sizeof u);
  return u;
}
XENT_INLINE double bits_double(uint64_t u) {
  double v;
  memcpy(&v, &u, sizeof v);
  return v;
}
#define XENT_F64_NAN (bits_double(0x7ff8000000000000ull))

XENT_INLINE double quiet_double(double v) { return v != v ? XENT_F64_NAN : v; }

#define XENT_ROOT_HALF_BITS 0x3FE6A09E667F3BCDull /* of sqrt(1/2) in double, rounded up */

#include "kernels/vector/fused.h"

#if defined(__AVX512F__)
#include "kernels/vector/avx512.h"
#include "kernels/vector/f64_avx512.h"
#include "kernels/vector/dlanes.h"
#include "kernels/vector/block_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "kernels/vector/avx2.h"
#include "kernels/vector/f64_avx2.h"
#include "kernels/vector/dlanes.h"
#include "kernels/vector/block_avx2.h"
#elif defined(XENT_NEON) /* compilers for AArch64 always define it */
#include "kernels/vector/neon.h"
#include "kernels/vector/f64_neon.h"
#include "kernels/vector/dlanes.h"
#include "kernels/vector/block_neon.h"
#else
#include "kernels/vector/scalar.h"
#include "kernels/vector/f64_scalar.h"
#include "kernels/vector/dlanes.h"
#include "kernels/vector/block_scalar.h"
#endif

#endif
